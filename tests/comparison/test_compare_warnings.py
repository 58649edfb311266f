"""What makes a comparison doubtful is said first on its page and in the terminal."""

import os

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.fold_validation import noted_checkpoint
from tests.comparison.run_folders import BASELINE, DATASET, OTHER, compare_runs


def test_predictions_of_earlier_weights_are_the_first_thing_said(runs, capsys):
    def compared():
        assert compare_runs(runs, "--no-ensembles", seeds=("seed_0", "seed_1")) == 0
        return (runs / "out" / "report.md").read_text(), capsys.readouterr().err

    assert "WARNING" not in "".join(compared())
    model = runs / "seed_1" / DATASET.folder / OTHER
    (prediction, *_) = sorted((model / "fold_1" / "validation").iterdir())
    os.utime(prediction, (0.5, 0.5))  # the checkpoint is of time 1
    report, printed = compared()
    said = f"WARNING: predictions are older than the final checkpoint ({OTHER}, seed_1, fold 1), so"
    assert f"\n{said}" in f"\n{printed}" and BASELINE not in printed
    assert 0 < report.index(f"- {said}") < report.index(" Dice")
    assert "Otherwise run: nnUNetv2_train with --val --npz" in printed
    assert (runs / "out" / "report.html").read_text().count("older than the final checkpoint") == 1


def test_predictions_of_the_best_checkpoint_are_not_taken_for_those_of_the_final_one(
    runs, monkeypatch, capsys
):
    results = runs / "seed_0"
    with noted_checkpoint(results / DATASET.folder / OTHER / "fold_1", "checkpoint_best.pth"):
        pass
    assert compare_runs(runs, "--no-ensembles", seeds=("seed_0",)) == 0
    report, printed = (runs / "out" / "report.md").read_text(), capsys.readouterr().err
    said = f"WARNING: {OTHER} was not validated with its final checkpoint (fold 1 with checkpoint_best.pth)"
    assert f"\n{said}" in f"\n{printed}" and BASELINE not in printed
    assert 0 < report.index(f"- {said}") < report.index(" Dice")
    monkeypatch.setenv("nnUNet_results", str(results))
    assert main(["find-best", "-d", DATASET.folder, "-m", BASELINE, OTHER, "-f", "0", "1"]) == 1
    error = capsys.readouterr().err
    assert f"{OTHER}: its predictions are not all of the final checkpoint" in error
    assert ": fold 1 of checkpoint_best.pth. Validate again" in error


def test_a_table_without_the_training_cases_is_refused_before_anything_is_evaluated_or_removed(runs, capsys):
    table = runs / "patients.csv"

    def compared(*cases):
        table.write_text("".join(f"{case},{case}\n" for case in cases))
        return compare_runs(
            runs, "--no-ensembles", "--group", str(table), seeds=("seed_0", "seed_1"), folds=("0",)
        )

    validated, trained_on = ([f"case_{fold}{i}" for i in range(4)] for fold in range(2))
    assert compared(*validated) == 1
    assert "lists no patient for case case_1" in capsys.readouterr().err
    assert not (runs / "out").exists()
    assert compared(*validated, *trained_on) == 0
    written = {path.name: path.read_bytes() for path in (runs / "out").iterdir() if path.is_file()}
    assert "report.html" in written
    assert compared(*validated) == 1
    assert {path.name: path.read_bytes() for path in (runs / "out").iterdir() if path.is_file()} == written
