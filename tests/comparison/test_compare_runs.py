"""The command `compare` on several runs of the same models: results folders, folds, or both."""

import json
import re
import shutil
from statistics import mean, stdev

from nnunet_slice_attention.comparison.runs import run_names
from tests.comparison.run_folders import (
    BASELINE,
    DATASET,
    FOLDS,
    OTHER,
    PER_FOLD,
    SEEDS,
    compare_runs,
)
from tests.tables import rows_of


def run_differences(rows, structure=("disc", "core"), column="dice"):
    """{(run, fold): mean over cases of the difference in a column}, from the rows of cases.csv."""
    values = {}
    for row in rows:
        if row["structure"] in structure:
            key = (row.get("run", ""), row["fold"]), row["case"]
            values.setdefault(key, {}).setdefault(row["model"], []).append(float(row[column]))
    found = {}
    for (run, _), by_model in values.items():
        found.setdefault(run, []).append(mean(by_model[OTHER]) - mean(by_model[BASELINE]))
    return {run: mean(deltas) for run, deltas in found.items()}


def table_row(report, title, start):
    """Cells of a table's first row that begins with `start`."""
    table = report.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    (row, *_) = (line for line in table.splitlines() if line.startswith(start))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_seeds_and_folds_are_runs(runs):
    assert compare_runs(runs, "--lesions", "15", "30") == 0
    rows, report = rows_of(runs / "out"), (runs / "out" / "report.md").read_text()
    assert list(rows[0])[:6] == ["model", "run", "fold", "patient", "case", "structure"]
    assert len(rows) == 2 * len(SEEDS) * FOLDS * PER_FOLD * 3  # models, seeds, cases, structures
    deltas = run_differences(rows)
    assert len(deltas) == len(SEEDS) * FOLDS
    overall = table_row(report, "Differences", "| mean of classes ")
    assert overall[2].startswith(f"{mean(deltas.values()):+.4f} [")
    assert overall[3:7] == ["6", "8", f"{stdev(deltas.values()):.4f}", "0 / 0 / 6"]
    disc = table_row(report, "Differences", "| disc ")
    assert disc[2].startswith(f"{mean(run_differences(rows, ('disc',)).values()):+.4f} [")
    surface = table_row(report, "Differences in surface metrics", "| disc ")
    for cell, column, digits in ((surface[2], "nsd", 3), (surface[3], "hd95", 1)):
        assert cell.startswith(f"{mean(run_differences(rows, ('disc',), column).values()):+.{digits}f} [")
    header = table_row(report, "Each run", "| structure ")
    assert header[2:] == [f"{seed}, fold {fold}" for seed in SEEDS for fold in range(FOLDS)]
    each = table_row(report, "Each run", "| mean of classes ")
    assert each[2:] == [f"{deltas[seed, str(fold)]:+.4f}" for seed in SEEDS for fold in range(FOLDS)]
    verdict = r"SAUNet is .* nnUNetTrainer: -0\.\d+ \[.*\] Dice \(95 % CI over runs and patients\), 6 runs, n = 8, SD"
    assert re.search(verdict, report)
    note = report.split("## Differences\n")[1].split("|")[0]
    assert (
        "Interval and p are those of a t-test whose variance is that between runs plus that between" in note
    )
    assert "bootstrap" not in note
    assert "Intervals are over runs and patients." in report
    assert "of one run" not in report
    assert "- runs: 6: seed_0, fold 0; seed_0, fold 1; seed_1, fold 0" in report
    assert "pooled over 8 volumes of 8 patients, each in 3 results folders" in report
    assert (runs / "out" / "report.html").read_text().count("<svg") == 4
    manifest = json.loads((runs / "out" / "manifest.json").read_text())
    entry = manifest["models"][f"{OTHER}, seed_2"]
    assert (entry["model"], entry["run"], entry["folds"]) == (OTHER, "seed_2", ["0", "1"])
    assert len({json.dumps(e["checkpoints_sha256"]) for e in manifest["models"].values()}) == 6
    cached = list((runs / "out" / "evaluated").iterdir())
    assert len(cached) == 2 * len(SEEDS)
    written = [path.stat().st_mtime_ns for path in cached]
    assert compare_runs(runs, "--lesions", "15", "30") == 0
    assert [path.stat().st_mtime_ns for path in cached] == written


def test_a_patients_value_is_the_mean_over_runs(runs):
    assert compare_runs(runs, folds=["0"], seeds=SEEDS[:2]) == 0
    rows, report = rows_of(runs / "out"), (runs / "out" / "report.md").read_text()
    dice = [float(r["dice"]) for r in rows if r["model"] == OTHER and r["structure"] == "disc"]
    assert len(dice) == 2 * PER_FOLD
    accuracy = table_row(report, "Accuracy", f"| disc | {OTHER.split('__')[0]} ")
    assert accuracy[2] == str(PER_FOLD)
    assert accuracy[3].startswith(f"{mean(dice):.3f} ±")
    assert table_row(report, "Each run", "| structure ")[2:] == list(SEEDS[:2])
    lowest = table_row(report, "Lowest differences", f"| {OTHER.split('__')[0]} ")
    patient_dice = [
        float(r["dice"])
        for r in rows
        if (r["model"], r["patient"]) == (OTHER, lowest[1]) and r["structure"] in ("disc", "core")
    ]
    assert lowest[2] == f"{mean(patient_dice):.3f}"


def test_folds_of_one_results_folder_are_runs(runs, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.comparison.find_models.nnUNet_results", str(runs / "seed_1"))
    assert compare_runs(runs, seeds=()) == 0
    report = (runs / "out" / "report.md").read_text()
    assert table_row(report, "Each run", "| structure ")[2:] == ["fold 0", "fold 1"]
    assert "2 runs, n = 8" in report
    assert "run" not in rows_of(runs / "out")[0]
    by_name = (runs / "out" / "cases.csv").read_bytes()
    assert compare_runs(runs, seeds=["seed_1"]) == 0  # the same folder, given explicitly
    assert (runs / "out" / "cases.csv").read_bytes() == by_name
    assert (runs / "out" / "report.md").read_text() == report


def test_one_run_says_what_its_interval_does_not_include(runs):
    assert compare_runs(runs, seeds=["seed_1"], folds=["1"]) == 0
    report = (runs / "out" / "report.md").read_text()
    scope = "over the patients of one run; another run of the same model may differ by more"
    assert f"- All intervals are {scope}." in report.split("## ")[0]
    assert "Dice (95 % CI over patients of one run), n = 4, too small for a verdict" in report
    for title in ("Differences", "Differences in surface metrics"):
        assert scope in report.split(f"## {title}\n")[1].split("|")[0]
    assert "## Each run" not in report
    assert "- runs: 1\n" in report
    assert "run" not in rows_of(runs / "out")[0]


def test_missing_models_and_cases_are_named_before_evaluation(runs, capsys):
    shutil.rmtree(runs / "seed_2" / DATASET.folder / OTHER)
    (runs / "seed_1" / DATASET.folder / BASELINE / "fold_1" / "validation" / "case_12.nii.gz").unlink()
    assert compare_runs(runs) == 1
    error = capsys.readouterr().err
    assert "every run needs every model, with the same cases" in error
    assert f"seed_2: {runs / 'seed_2' / DATASET.folder / OTHER} does not exist." in error
    assert f"seed_1: {BASELINE}, fold 1: no prediction for case_12. If splits_final.json was changed" in error
    assert f"Otherwise run: nnUNet_results={runs / 'seed_1'} nnUNetv2_train" in error
    assert "seed_0" not in error
    assert not (runs / "out").exists()


def test_folders_that_are_not_independent_runs_are_refused(runs, capsys):
    def refused(*seeds, flags=()):
        assert compare_runs(runs, *flags, seeds=seeds) == 1
        assert not (runs / "out").exists()
        return capsys.readouterr().err

    assert f"--runs {runs / 'seed_7'}: no such folder" in refused("seed_0", "seed_7")
    assert f"--runs lists {runs / 'seed_0'} more than once" in refused("seed_0", "seed_1/../seed_0")
    assert "model 'A__B' is not TRAINER" in refused("seed_0", "seed_1", flags=("-m", BASELINE, "A__B"))
    copied = f"{DATASET.folder}/{BASELINE}/fold_1/checkpoint_final.pth"
    (runs / "seed_2" / copied).unlink()
    (runs / "seed_2" / copied).symlink_to(runs / "seed_0" / copied)
    error = refused(*SEEDS)
    assert (
        f"{BASELINE}, fold 1: seed_0 and seed_2 have the same checkpoint_final.pth. Train every run" in error
    )


def test_runs_with_the_same_name_are_distinguished_by_their_parents(tmp_path):
    folders = [tmp_path / name for name in ("a/x/results", "b/x/results", "b/y/results")]
    assert list(run_names(folders)) == ["a/x/results", "b/x/results", "b/y/results"]
    assert list(run_names(folders[1:])) == ["x/results", "y/results"]
    assert list(run_names([tmp_path / "results", tmp_path / "results" / "repeat_1"])) == [
        "results",
        "repeat_1",
    ]
