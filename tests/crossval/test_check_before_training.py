"""Errors that would otherwise surface only after days of training are found before the first run."""

import shutil
from pathlib import Path

import pytest

from nnunet_slice_attention.crossval.train_compare_predict import cross_validate
from tests.crossval.replaced_trainer_checks import check_trainers_here
from tests.crossval.tiny_crossval import OURS, STOCK, TWO_CASES, refuse_to_launch, tiny_crossval


def test_a_dry_run_makes_the_same_checks_and_writes_nothing(
    call, preprocessed, nnunet_folders, tiny, tmp_path
):
    (preprocessed / "splits_final.json").unlink(missing_ok=True)
    before = sorted(tmp_path.rglob("*"))
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    status, out, err = call("--dry-run", "-i", str(images), "--group", "case_.", folds=("3", "4"))
    assert out.splitlines() == [
        *(f"{model}, fold {fold}: start" for fold in ("3", "4") for model in (OURS, STOCK)),
        *(f"{model}, prediction: start" for model in (OURS, STOCK)),
    ], err
    unknown = OURS._replace(trainer="nnUNetTrainerCSANet_8head")
    status, out, err = call("--dry-run", models=(unknown,))
    assert (status, out) == (1, "") and "Traceback" not in err
    assert "nnUNetTrainerCSANet_8head" in err and "_8head does not exist. Similar: _8heads" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_images_that_cannot_be_predicted_are_named(call, nnunet_folders, tiny, tmp_path, monkeypatch):
    check_trainers_here(monkeypatch)
    source = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    images = Path(shutil.copytree(source, tmp_path / "images"))
    first = next(images.iterdir())
    for channel in (0, 1):
        shutil.copy(first, images / f"second_{channel:04d}.nii.gz")
    first.write_bytes(b"")
    status, out, err = call("-i", str(images))
    assert (status, out) == (1, "")
    assert f"{first.name} cannot be read: the file is empty" in err
    assert "has 2 channels (second_0000.nii.gz, second_0001.nii.gz)" in err
    assert "Fix them, or remove them" in err
    assert not (tmp_path / "out").exists() and not (tmp_path / "results").exists()


@pytest.mark.parametrize("file", ["nnUNetPlans.json", "dataset.json"])
def test_a_data_set_that_is_not_planned_is_named_with_the_command(
    file, call, preprocessed, nnunet_folders, tiny
):
    (preprocessed / file).unlink()
    status, out, err = call("-i", str(nnunet_folders / "raw" / tiny.folder / "imagesTs"))
    assert (status, out) == (1, "")
    assert f"{preprocessed / file} does not exist" in err
    assert f"nnUNetv2_plan_and_preprocess -d {tiny.id} -c 2d 3d_fullres" in err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": Path("nowhere")}, "no cases in nowhere"),
        ({"group": "(nobody)"}, "nobody"),
        (
            {"group": "(case)_"},
            "fold 0 has volumes of case in both training and validation. Write a splits_f",
        ),
        ({"output": Path(__file__) / "out"}, "is not a folder that you can write to"),
    ],
)
def test_errors_of_comparison_and_prediction_are_raised_before_training(
    changes, message, preprocessed, results, without_trainer_checks, tiny, tmp_path
):
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        cross_validate(tiny_crossval(tiny, tmp_path, **changes), refuse_to_launch)


def test_a_results_folder_that_cannot_be_written_is_named(
    preprocessed, results, without_trainer_checks, tiny, tmp_path
):
    results.write_text("")
    with pytest.raises(
        ValueError, match=rf"nothing can be written to {results}.*fold_0: .* set nnUNet_results"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)
