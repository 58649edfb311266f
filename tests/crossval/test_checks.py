"""Errors that would otherwise surface only after days of training are found before the first run."""

import json
import shutil
from pathlib import Path

import pytest

from nnunet_slice_attention.crossval.crossval import cross_validate
from nnunet_slice_attention.crossval.preflight import Preflight
from nnunet_slice_attention.crossval.preflight_worker import check_trainers
from tests.crossval.tiny_crossval import OURS, STOCK, tiny_crossval
from tests.tiny_tiff import labels_of, write_segmentation

TWO_CASES = json.dumps([{"train": ["case_1"], "val": ["case_0"]}])


def refuse_to_launch(jobs):
    pytest.fail(f"{jobs} were launched")


@pytest.mark.parametrize(
    ("model", "folds", "message"),
    [
        ("nnUNetTrainerCSANett__nnUNetPlans__2d", ["0"], "nnUNetTrainerCSANett"),
        ("nnUNetTrainerCSANet__nnUNetPlans__3d_fullres", ["0"], "3d_fullres"),
        (str(OURS), ["0", "7"], "fold 7 does not exist: .* has folds 0 to 4"),
        (str(OURS), ["00"], "fold 00 does not exist"),  # nnU-Net would train fold 0
        ("nnUNetTrainer__nnUNetPlansX__2d", ["0"], "nnUNetPlansX"),
    ],
)
def test_preflight_finds_errors_that_every_job_would_run_into(
    model, folds, message, nnunet_folders, tiny, tmp_path
):
    with pytest.raises(Exception, match=message):
        check_trainers(Preflight(str(tiny.id), [model], folds), tmp_path / "splits_final.json")


@pytest.mark.parametrize("content", ["", '{"labels": {', "[]", "{}", "[{}]", "\x00"])
@pytest.mark.parametrize("name", ["dataset.json", "splits_final.json", "nnUNetPlans.json"])
def test_a_damaged_file_of_the_data_set_is_named_with_the_next_step(
    name, content, preprocessed, tiny, tmp_path
):
    (preprocessed / name).write_text(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged: .+\. Put .*back"):
        check_trainers(Preflight(str(tiny.id), [str(OURS)], ["0"]), tmp_path / "splits_final.json")


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
    unknown = OURS._replace(trainer="nnUNetTrainerNobody", plans="nnUNetPlans")
    status, out, err = call("--dry-run", models=(unknown,))
    assert (status, out) == (1, "") and "nnUNetTrainerNobody" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_images_that_cannot_be_predicted_are_named(call, nnunet_folders, tiny, tmp_path):
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


def test_an_unknown_suffix_is_one_message_with_a_suggestion(call, tmp_path):
    status, out, err = call(models=(OURS._replace(trainer="nnUNetTrainerCSANet_8head"),))
    assert (status, out) == (1, "")
    assert "_8head does not exist. Similar: _8heads" in err
    assert "Traceback" not in err
    assert not (tmp_path / "results").exists()


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
    changes, message, preprocessed, without_preflight, tiny, tmp_path
):
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        cross_validate(tiny_crossval(tiny, tmp_path, **changes), refuse_to_launch)


def test_missing_ground_truth_is_named(preprocessed, without_preflight, tiny, tmp_path):
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    (preprocessed / "gt_segmentations" / "case_0.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="no ground truth for case_0 in .*Preprocess"):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_labels_changed_after_preprocessing_are_named(
    preprocessed, without_preflight, nnunet_folders, tiny, tmp_path, monkeypatch
):
    raw = shutil.copytree(nnunet_folders / "raw" / tiny.folder, tmp_path / "raw" / tiny.folder)
    monkeypatch.setattr("nnunet_slice_attention.crossval.checks.nnUNet_raw", str(tmp_path / "raw"))
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    shutil.copy(raw / "labelsTr" / "case_0.nii.gz", raw / "labelsTr" / "case_3.nii.gz")
    with pytest.raises(
        ValueError, match=r"were changed after preprocessing.*: case_3\. Remove .*--clean, .* train again"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_a_description_changed_after_preprocessing_is_named(
    preprocessed, without_preflight, nnunet_folders, tiny, tmp_path, monkeypatch
):
    raw = tmp_path / "raw" / tiny.folder
    raw.mkdir(parents=True)
    monkeypatch.setattr("nnunet_slice_attention.crossval.checks.nnUNet_raw", str(tmp_path / "raw"))
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    changed = json.loads((preprocessed / "dataset.json").read_text()) | {"channel_names": {"0": "CT"}}
    (raw / "dataset.json").write_text(json.dumps(changed))
    with pytest.raises(
        ValueError, match=r"dataset\.json was changed after preprocessing: normalisation of channels is .*CT"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_compact_plans_of_a_data_set_that_was_planned_again_are_named(preprocessed, tiny, tmp_path):
    for name in ("nnUNetPlans", "nnUNetCompactPlans"):
        file = preprocessed / "nnUNetPlans.json"
        plans = json.loads(file.read_text()) | {"plans_name": name}
        if name != "nnUNetPlans":
            plans["configurations"]["2d"]["spacing"] = [2.0, 2.0]
            plans["slice_attention_made_from"] = "nnUNetPlans"
        (preprocessed / f"{name}.json").write_text(json.dumps(plans))
    model = str(STOCK._replace(plans="nnUNetCompactPlans"))
    with pytest.raises(ValueError, match=r"nnUNetCompactPlans has spacing .* planned again"):
        check_trainers(Preflight(str(tiny.id), [model], ["0"]), tmp_path / "splits_final.json")


def test_the_second_stage_of_a_cascade_is_refused(preprocessed, tiny, tmp_path):
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    stage = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    plans["configurations"]["3d_cascade_fullres"] = stage
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    model = str(STOCK._replace(configuration="3d_cascade_fullres"))
    with pytest.raises(
        ValueError, match=rf"{model} is the second stage of a cascade. .* 3d_lowres on all folds"
    ):
        check_trainers(Preflight(str(tiny.id), [str(STOCK), model], ["0"]), tmp_path / "splits_final.json")


def test_cases_of_the_split_that_are_not_preprocessed_are_named(preprocessed, tiny, tmp_path):
    (preprocessed / "splits_final.json").write_text(
        json.dumps(
            [{"train": ["case_1", "gone"], "val": ["case_0"]}, {"train": ["case_0"], "val": ["case_1"]}]
        )
    )
    split = tmp_path / "splits_final.json"
    with pytest.raises(ValueError, match=r"1 cases of .*splits_final\.json are not in .*, e\.g\. gone\. "):
        check_trainers(Preflight(str(tiny.id), [str(OURS)], ["0"]), split)
    check_trainers(Preflight(str(tiny.id), [str(OURS)], ["1", "all"]), split)


def test_a_ground_truth_of_unknown_slice_spacing_is_named(
    preprocessed, without_preflight, tiny, tmp_path, monkeypatch
):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    description = json.loads((preprocessed / "dataset.json").read_text()) | {"file_ending": ".tif"}
    (preprocessed / "dataset.json").write_text(json.dumps(description))
    for case in ("case_0", "case_1"):
        write_segmentation(preprocessed / "gt_segmentations", case, labels_of(case), spacing=None)
    for properties in preprocessed.glob("*/*.pkl"):  # nnU-Net's, of the images
        properties.unlink()
    with pytest.raises(ValueError, match=r"the spacing of .*case_0\.tif is unknown.* Write \{.spacing"):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_a_case_whose_segmentation_itk_would_rename_is_named(preprocessed, call):
    (preprocessed / "splits_final.json").write_text(json.dumps([{"train": ["case_1"], "val": ["x.nii"]}]))
    status, _, err = call()
    assert status == 1 and "ITK would write the segmentation of x.nii under another name" in err
