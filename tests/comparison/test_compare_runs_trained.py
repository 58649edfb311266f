"""Ensembles and examples of several runs, with models trained by nnU-Net."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.comparison import write_comparison as module
from nnunet_slice_attention.report.overlays import overlay_examples
from tests.tables import rows_of
from tests.tiny_data import read, write
from tests.tiny_models import OURS, STOCK


@pytest.fixture
def two_runs(trained, tmp_path):
    """The models in two results folders, with different checkpoint files."""
    for run in ("first", "second"):
        shutil.copytree(trained, tmp_path / run / trained.name)
    for path in (tmp_path / "second").rglob("checkpoint_final.pth"):
        path.write_bytes(path.read_bytes() + b" ")
    return tmp_path


def run_compare(tiny, root: Path, *flags: str) -> int:
    argv = ["compare", "-d", str(tiny.id), "-m", STOCK, OURS, "-np", "1", "-o", str(root / "out"), *flags]
    return main([*argv, "--runs", str(root / "first"), str(root / "second")])


def test_ensembles_are_made_per_run_and_only_if_every_run_has_probabilities(two_runs, tiny):
    assert run_compare(tiny, two_runs, "--lesions", "15", "30") == 0
    both = f"{STOCK} + {OURS}"
    rows = rows_of(two_runs / "out")
    found = {(row["model"], row["run"]) for row in rows}
    assert found == {(model, run) for model in (STOCK, OURS, both) for run in ("first", "second")}
    assert {path.name for path in (two_runs / "out" / "ensembles").iterdir()} == {"first", "second"}
    froc = rows_of(two_runs / "out", "froc.csv")
    assert {(row["model"], row["run"]) for row in froc} >= {(OURS, "first"), (OURS, "second")}
    report, page = ((two_runs / "out" / f"report.{kind}").read_text() for kind in ("md", "html"))
    assert "volumes, each in 2 results folders." in report
    assert page.count("<img") == 1  # examples, of the first run
    next((two_runs / "second").rglob(f"{OURS}/fold_0/validation/*.npz")).unlink()
    assert run_compare(tiny, two_runs, "--lesions", "15", "30") == 0
    assert both not in {row["model"] for row in rows_of(two_runs / "out")}
    assert {row["model"] for row in rows_of(two_runs / "out", "froc.csv")} == {STOCK}
    report = (two_runs / "out" / "report.md").read_text()
    assert (
        "without ensembles, FROC and detection: Tiny_nnUNetTrainerSAUNet, second (1 of 2 cases without"
        in report
    )


def test_examples_are_from_the_first_run_and_say_so(two_runs, tiny, monkeypatch):
    for path in (two_runs / "second").rglob(f"{OURS}/fold_0/validation/*.nii.gz"):
        write(np.zeros_like(read(path)), path)
    titles = []

    def render_report(report):
        (examples,) = (found for model, found in overlay_examples(report.cases, STOCK) if model == OURS)
        titles.append([example.title for example in examples])
        return {}

    monkeypatch.setattr(module, "render_report", render_report)
    assert run_compare(tiny, two_runs, "--no-ensembles") == 0
    shutil.rmtree(two_runs / "second")
    argv = ["compare", "-d", str(tiny.id), "-m", STOCK, OURS, "-np", "1", "-o", str(two_runs / "one")]
    assert main([*argv, "--no-ensembles", "--runs", str(two_runs / "first")]) == 0
    of_two_runs, of_one = titles
    assert of_two_runs and of_two_runs == [title.replace("\n", ", first\n", 1) for title in of_one]


def test_stale_predictions_are_named_with_their_run(two_runs, tiny):
    assert run_compare(tiny, two_runs, "--no-ensembles") == 0
    stale = "Tiny_nnUNetTrainer, second, fold 0; Tiny_nnUNetTrainerSAUNet, second, fold 0"
    assert f"(older than the checkpoint): {stale}\n" in (two_runs / "out" / "report.md").read_text()
