"""What makes a comparison doubtful is said first on its page and in the terminal."""

import os

import pytest

from tests.comparison.run_folders import BASELINE, DATASET, OTHER, compare_runs, write_runs


@pytest.fixture
def runs(nnunet_folders, tmp_path, monkeypatch):
    """The root of three results folders, with their own preprocessed folder."""
    write_runs(tmp_path)
    monkeypatch.setattr(
        "nnunet_slice_attention.comparison.ground_truth.nnUNet_preprocessed", str(tmp_path / "preprocessed")
    )
    return tmp_path


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
