"""The command `compare` on trained models: folds, ensembles, splits."""

import json
import os
import re

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.environment import commit, versions
from nnunet_slice_attention.fold_split import trained_split_sizes
from tests.comparison.trained_models import compare_argv
from tests.tables import rows_of
from tests.tiny_data import read, write
from tests.tiny_models import OURS, STOCK


def test_trained_models_and_their_ensemble(trained, tiny, nnunet_folders, tmp_path):
    argv = compare_argv(tiny, tmp_path)
    assert main(argv) == 0
    rows = rows_of(tmp_path)
    assert {row["model"] for row in rows} == {STOCK, OURS, f"{STOCK} + {OURS}"}
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["models"][OURS]["training"]["fold_0"]["num_epochs"] == "2"
    training = manifest["models"][OURS]["training"]["fold_0"]
    assert training["made_with"] == f"{versions()}, commit {commit()}"
    assert int(training["torch_seed"]) >= 0
    assert len(manifest["models"][OURS]["checkpoints_sha256"]["fold_0"]) == 64
    assert len(manifest["dataset"]["splits_sha256"]) == 64
    summary = json.loads((trained / OURS / "fold_0" / "validation" / "summary.json").read_text())
    for case in summary["metric_per_case"]:
        name = case["prediction_file"].rsplit("/", 1)[-1].removesuffix(".nii.gz")
        (ours,) = [
            row["dice"]
            for row in rows
            if (row["model"], row["case"], row["structure"]) == (OURS, name, "disc")
        ]
        assert float(ours) == pytest.approx(case["metrics"]["1"]["Dice"])


def test_nnunets_log_tells_the_sizes_of_the_split(trained, tiny, nnunet_folders):
    split = json.loads((nnunet_folders / "preprocessed" / tiny.folder / "splits_final.json").read_text())[0]
    sizes = (len(split["train"]), len(split["val"]))
    assert trained_split_sizes(trained / OURS / "fold_0") == {sizes}


def test_predictions_older_than_the_checkpoint_are_named(trained, tiny, tmp_path):
    argv = compare_argv(tiny, tmp_path, "--no-ensembles")
    fact = "- stale or copied predictions (older than the checkpoint): "
    assert main(argv) == 0
    assert f"{fact}none\n" in (tmp_path / "report.md").read_text()
    checkpoint = trained / OURS / "fold_0" / "checkpoint_final.pth"
    times = checkpoint.stat()
    checkpoint.touch()
    try:
        assert main(argv) == 0
    finally:  # the model is shared with other tests
        os.utime(checkpoint, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert re.search(rf"{re.escape(fact)}\w*SAUNet, fold 0\n", (tmp_path / "report.md").read_text())


def test_a_report_on_labels_changed_since_says_so(trained, nnunet_folders, tiny, tmp_path):
    labels = nnunet_folders / "raw" / tiny.folder / "labelsTr"
    validated = trained / OURS / "fold_0" / "validation"
    label = labels / min(path.name for path in validated.glob("*.nii.gz"))
    before, content = label.stat(), label.read_bytes()
    argv = compare_argv(tiny, tmp_path, "--no-ensembles")
    try:
        write(read(label) * 0, label)
        assert main(argv) == 0
    finally:  # the data set is shared with other tests
        label.write_bytes(content)
        os.utime(label, ns=(before.st_atime_ns, before.st_mtime_ns))
    case = label.name.removesuffix(".nii.gz")
    assert (
        f"the raw labels of {case} were changed after preprocessing" in (tmp_path / "report.md").read_text()
    )
    assert main(argv) == 0
    assert "were changed after preprocessing" not in (tmp_path / "report.md").read_text()


def test_data_leakage_is_the_first_thing_a_report_says(trained, tiny, tmp_path, capsys):
    argv = compare_argv(tiny, tmp_path, "--no-ensembles")

    def leaked(*group: str) -> list[str]:
        assert main([*argv, *group]) == 0
        found = json.loads((tmp_path / "manifest.json").read_text())["dataset"][
            "patients_trained_and_validated_on"
        ]
        for page in ("report.md", "report.html"):
            text = re.sub("</?strong>", "", (tmp_path / page).read_text())
            warned = text.find("WARNING: data leakage, all results are optimistic. The split has volumes of")
            assert (0 < warned < text.index(" Dice")) == bool(found)
        return found

    assert leaked() == []
    validated = sorted({row["case"] for row in rows_of(tmp_path)})
    cases = [f"case_{i}" for i in range(6)]
    other = next(case for case in cases if case not in validated)
    table = tmp_path / "patients.csv"
    table.write_text(
        "".join(f"{case},{'twin' if case in (validated[0], other) else case}\n" for case in cases)
    )
    assert leaked("--group", str(table)) == ["twin"]
    table.write_text("".join(f"{case},{case}\n" for case in validated))  # does not cover the training cases
    assert main([*argv, "--group", str(table)]) == 1
    assert re.search(r"lists no patient for case (case_\d). Add a line \1,PATIENT", capsys.readouterr().err)


def test_saved_probabilities_give_froc_and_detection(trained, tiny, tmp_path):
    argv = [
        "compare",
        "-d",
        str(tiny.id),
        "-m",
        OURS,
        "-np",
        "1",
        "-o",
        str(tmp_path),
        "--lesions",
        "15",
        "30",
        "--boxes",
    ]
    assert main(argv) == 0
    froc = rows_of(tmp_path, "froc.csv")
    assert {row["structure"] for row in froc} == {"disc", "core"}
    assert len({row["threshold"] for row in froc}) == 19
    lesions = {(row["case"], row["structure"]): row["lesions"] for row in rows_of(tmp_path)}
    assert all(lesions[row["case"], row["structure"]] == row["lesions"] for row in froc)
    report = (tmp_path / "report.md").read_text()
    assert "## FROC" in report and "## Detection" in report
    boxes = rows_of(tmp_path, "boxes.csv")
    for (case, structure), count in lesions.items():  # components by the same rule
        own = [
            box
            for box in boxes
            if (box["case"], box["structure"], box["images"]) == (case, structure, "volumes")
        ]
        expected = int(count) if structure in ("disc", "core") else 0
        assert sum(box["source"] == "reference" for box in own) == expected
    assert "nothing to compare it with" in report


def test_another_split_is_refused(trained, tiny, capsys, tmp_path):
    validation = trained / OURS / "fold_0" / "validation"
    moved = sorted(validation.glob("*.nii.gz"))[0]
    argv = compare_argv(tiny, tmp_path)
    renamed = moved.rename(validation / "case_99.nii.gz")
    try:
        assert main(argv) == 1
        error = capsys.readouterr().err
        assert "case_99 not in this fold of splits_final.json" in error and "no prediction" not in error
        hidden = renamed.rename(validation / "._case_99.nii.gz")  # as macOS writes them beside a file
        renamed = hidden
        assert main(argv) == 1
        error = capsys.readouterr().err
        assert f"{OURS}, fold 0: no prediction for {moved.name.removesuffix('.nii.gz')}" in error
    finally:
        renamed.replace(moved)
    assert main([*argv, "-f", "all"]) == 1
    assert "its own training cases" in capsys.readouterr().err
    assert main([*argv, "-f", "3"]) == 1
    assert "Finish the training" in capsys.readouterr().err
