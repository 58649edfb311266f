"""A model whose plans, dataset.json or weights are not those of its training is refused."""

import json
import os
import shutil

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference.trained_model import load_predictor
from nnunet_slice_attention.plans.differences import (
    DECISIVE_PLANS,
    INTENSITIES,
    decisive_plans,
    first_difference,
)
from tests.inference.tiny_model import MODEL, predict_with


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("plans.json", lambda p: p["configurations"]["2d"].update(spacing=[2.0, 2.0]), "spacing [2.0, 2.0], but"),
        ("plans.json", lambda p: p["configurations"]["2d"].update(patch_size=[5, 8, 8]), "patch_size [5, 8, 8], but"),
        ("plans.json", lambda p: p.update(transpose_forward=[1, 0, 2]), "transpose_forward [1, 0, 2], but"),
        ("dataset.json", lambda d: d["labels"].update(disc=2, core=1), "labels.disc 2, but fold 0 was trained with 1"),
    ],
)  # fmt: skip
def test_plans_and_dataset_json_that_differ_from_training_are_errors(
    file, change, message, model_copy, patients, tmp_path, capsys
):
    entries = json.loads((model_copy / file).read_text())
    change(entries)
    (model_copy / file).write_text(json.dumps(entries))
    assert predict_with(model_copy, tmp_path / "out", patients.one) == 1
    assert f"{file} has {message}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_plans_may_differ_where_predictions_do_not_depend_on_them(model_copy, patients, tmp_path):
    plans = json.loads((model_copy / "plans.json").read_text())
    plans["configurations"]["2d"]["batch_size"] = 99
    plans["configurations"]["2d"]["resampling_fn_probabilities_kwargs"]["order"] = 0
    plans["foreground_intensity_properties_per_channel"]["0"]["mean"] = 0.0  # not used by ZScoreNormalization
    del plans["configurations"]["3d_fullres"]
    (model_copy / "plans.json").write_text(json.dumps(plans))
    description = (
        (model_copy / "dataset.json").read_text().replace('"disc"', '"Disc"').replace('"MR0"', '"T2"')
    )
    (model_copy / "dataset.json").write_text(description)
    assert predict_with(model_copy, tmp_path / "out", patients.one) == 0


def test_intensities_used_by_the_normalisation_must_be_equal():
    plans = {"configurations": {"2d": {"normalization_schemes": ["CTNormalization"], "architecture": {}}}}
    plans |= {key: None for key in DECISIVE_PLANS} | {INTENSITIES: {"0": {"mean": 1.0, "std": float("nan")}}}
    changed = json.loads(json.dumps(plans))
    assert first_difference(decisive_plans(plans, "2d"), decisive_plans(changed, "2d")) is None
    changed[INTENSITIES]["0"]["mean"] = 2.0
    differs = first_difference(decisive_plans(plans, "2d"), decisive_plans(changed, "2d"))
    assert differs == (f"{INTENSITIES}.0.mean", 1.0, 2.0)


def test_a_fold_that_was_started_again_is_noted(model_copy, capsys):
    final = model_copy / "fold_0" / "checkpoint_final.pth"
    shutil.copy(final, final.with_name("checkpoint_latest.pth"))
    os.utime(final, (1, 1))
    load_predictor(model_copy, [0], device="cpu")
    assert f"note: {MODEL}, fold 0 was trained to its end, then started again" in capsys.readouterr().err


def test_a_truncated_checkpoint_is_named(model_copy, patients, tmp_path, capsys):
    weights = model_copy / "fold_0" / "checkpoint_final.pth"
    weights.write_bytes(weights.read_bytes()[:-5000])
    assert predict_with(model_copy, tmp_path / "out", patients.one) == 1
    error = capsys.readouterr().err
    assert f"{weights} cannot be read: " in error and "Traceback" not in error


def test_a_model_folder_with_2d_plans_is_an_error(trained, tmp_path, capsys):
    folder = tmp_path / MODEL
    shutil.copytree(trained.folder, folder, ignore=shutil.ignore_patterns("validation", "fold_1"))
    plans = json.loads((folder / "plans.json").read_text())
    patch = plans["configurations"]["2d"]["patch_size"]
    del patch[0]
    (folder / "plans.json").write_text(json.dumps(plans))
    out = tmp_path / "out"
    assert (
        main(["predict", "-i", str(trained.images), "-o", str(out), "-m", str(folder), "-device", "cpu"]) == 1
    )
    assert f"plans.json has patch_size {patch}, but fold 0 was trained with [5, " in capsys.readouterr().err
    assert not out.exists()
