"""Export of a trained model as a bundle."""

import json
import os

import pytest

from nnunet_slice_attention.bundle.archive import FORMAT, write_archive
from nnunet_slice_attention.bundle.export import export_bundle
from nnunet_slice_attention.cli import main
from tests.bundle.bundles import OURS, STOCK, export


def test_a_bundle_contains_weights_plans_and_a_model_card(trained, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "1")
    assert {path.name for path in bundle.iterdir()} == {
        "bundle.json", "plans.json", "dataset.json", "dataset_fingerprint.json", "fold_1.safetensors", "MODEL_CARD.md",
    }  # fmt: skip
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "each slice is segmented with 1 neighbours on each side, about 6 mm" in card
    assert "fold 1: mean validation Dice per label" in card
    best = export(tiny, tmp_path / "best", "-f", "1", "-chk", "checkpoint_best.pth")
    card = (best / "MODEL_CARD.md").read_text()
    assert "checkpoint_best.pth" in card and "- fold 1: not validated with these weights" in card
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert manifest["format"] == FORMAT
    assert manifest["checkpoint"] == "checkpoint_final.pth"
    assert manifest["trainer"] == OURS
    checkpoint = trained / f"{OURS}__nnUNetPlans__2d" / "fold_1" / "checkpoint_final.pth"
    weights = bundle / "fold_1.safetensors"
    assert weights.stat().st_size < checkpoint.stat().st_size  # no optimiser, nothing twice


def test_a_damaged_summary_is_named_with_the_next_step(trained, tiny, tmp_path, capsys):
    summary = trained / f"{STOCK}__nnUNetPlans__2d" / "fold_0" / "validation" / "summary.json"
    complete = summary.read_bytes()
    try:
        summary.write_bytes(complete[:-9])
        argv = ["export", "--format", "bundle", "-d", str(tiny.id), "-tr", STOCK, "-o", str(tmp_path / "b")]
        assert main(argv) == 1
    finally:
        summary.write_bytes(complete)
    error = capsys.readouterr().err
    assert "summary.json is damaged" in error and "Validate fold 0 again" in error


def test_a_validation_of_earlier_weights_is_not_that_of_the_bundle(trained, tiny, tmp_path):
    summary = trained / f"{OURS}__nnUNetPlans__2d" / "fold_1" / "validation" / "summary.json"
    before = summary.stat()
    try:
        os.utime(summary, (1, 1))
        bundle = export(tiny, tmp_path / "b", "-f", "1")
    finally:
        os.utime(summary, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "not validated with these weights" in (bundle / "MODEL_CARD.md").read_text()


def test_older_descriptions_of_a_data_set_call_channels_modalities(trained, tiny, tmp_path):
    path = trained / f"{OURS}__nnUNetPlans__2d" / "dataset.json"
    before = path.read_text()
    description = json.loads(before)
    description["modality"] = {"0": "of an older name"}
    del description["channel_names"]
    try:
        path.write_text(json.dumps(description))
        bundle = export(tiny, tmp_path / "b", "-f", "1")
    finally:
        path.write_text(before)
    assert "channels: 0 = of an older name" in (bundle / "MODEL_CARD.md").read_text()


def test_an_existing_bundle_is_not_overwritten(trained, tiny, tmp_path, capsys):
    bundle = export(tiny, tmp_path / "b.zip")
    before = bundle.read_bytes()
    argv = ["export", "--format", "bundle", "-d", str(tiny.id), "-tr", OURS, "-o", str(bundle)]
    assert main(argv) == 1
    assert "b.zip exists" in capsys.readouterr().err
    assert bundle.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_a_folder_that_cannot_be_written_is_named_before_the_model_is_loaded(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="file is not a folder that you can write to"):
        export_bundle(tmp_path / "no_model", tmp_path / "file" / "b.zip", None)


def test_a_failed_export_leaves_no_files(tmp_path):
    with pytest.raises(TypeError):
        write_archive(tmp_path / "b", {}, {"a": b"1", "b": None})
    assert list(tmp_path.iterdir()) == []
