"""What is read from a run's folder, from files written by hand."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from experiments.collectors import compared, curve, logged, overlaps, parameters, process_time, validated
from experiments.error_kinds import error_kinds
from experiments.run import Run


@dataclass
class Finished:
    """In the place of a `Run`."""

    folder: Path

    def is_finished(self) -> bool:
        return True

    def fold_folder(self) -> Path:
        return self.folder


@pytest.fixture
def run(tmp_path):
    run = Finished(tmp_path / "model" / "fold_0")
    (run.folder / "validation").mkdir(parents=True)
    description = {"labels": {"background": 0, "organ": 1, "both": [1, 2]}, "file_ending": ".nii.gz"}
    (run.folder.parent / "dataset.json").write_text(json.dumps(description))
    return run


def validate(run, organ, both):
    """Voxels (TP, FP, FN) of a case."""
    metrics = {}
    for label, (tp, fp, fn) in {"1": organ, "(1, 2)": both}.items():
        found, wanted = tp + fp, tp + fn
        dice = 2 * tp / (found + wanted) if found + wanted else float("nan")
        metrics[label] = {"Dice": dice, "TP": tp, "FP": fp, "FN": fn, "n_pred": found, "n_ref": wanted}
    case = {"prediction_file": "/somewhere/case_1.nii.gz", "metrics": metrics}
    (run.folder / "validation" / "summary.json").write_text(json.dumps({"metric_per_case": [case]}))


def test_precision_is_of_what_was_found_and_recall_of_what_was_there(run):
    validate(run, organ=(6, 2, 4), both=(0, 3, 0))
    organ, both = overlaps(run)
    assert organ == {"case": "case_1", "structure": "organ"} | {
        "dice": "0.66667", "precision": "0.75", "recall": "0.6", "jaccard": "0.5",
    }  # fmt: skip
    assert both == {"case": "case_1", "structure": "both"} | {
        "dice": "0.0", "precision": "0.0", "recall": "", "jaccard": "0.0",
    }  # fmt: skip
    assert [row["dice"] for row in validated(run)] == ["0.66667", "0.0"]


def test_what_neither_segmentation_has_is_empty(run):
    validate(run, organ=(0, 0, 0), both=(1, 0, 0))
    empty, perfect = overlaps(run)
    metrics = ("dice", "precision", "recall", "jaccard")
    assert [empty[name] for name in metrics] == [""] * 4
    assert [perfect[name] for name in metrics] == ["1.0"] * 4


def test_weights_that_two_modules_share_are_counted_once(run):
    encoder, head = torch.zeros(3, 4), torch.zeros(5)
    weights = {"encoder.w": encoder, "decoder.encoder.w": encoder, "head.b": head}
    torch.save({"network_weights": weights}, run.folder / "checkpoint_final.pth")
    assert parameters(run) == [{"parameters": "17"}]


@pytest.mark.parametrize(
    "collector", [compared, curve, error_kinds, logged(), overlaps, parameters, process_time, validated]
)
def test_a_run_under_way_has_no_rows(tmp_path, monkeypatch, collector):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    run = Run("arm", 1, "Plans", "2d", "Trainer", 0, 0, 2, 3)
    fold = run.results / "Dataset001_X" / run.model / "fold_0"
    fold.mkdir(parents=True)
    (fold / "process_time.csv").write_text("epoch,cpu_s,wall_s,train_loss,commit\n0,1.0,1.0,0.5,abc\n")
    (fold / "curve.csv").write_text("epoch,cpu_s,case,structure,dice\n0,1.0,a,x,0.5\n")
    assert run.epochs_done() and collector(run) == []
