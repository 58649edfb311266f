"""What needs a trainer is checked before the first run: plans, preprocessed data, split."""

import json
import shutil

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunet_slice_attention.crossval.train_compare_predict import cross_validate
from nnunet_slice_attention.crossval.trainer_checks import check_trainers
from nnunet_slice_attention.crossval.trainer_checks_process import CheckRequest
from tests.crossval.replaced_trainer_checks import check_trainers_here
from tests.crossval.tiny_crossval import OURS, STOCK, tiny_crossval


@pytest.mark.parametrize(
    ("model", "folds", "error", "message"),
    [
        (
            "nnUNetTrainerCSANett__nnUNetPlans__2d",
            ["0"],
            RuntimeError,  # nnU-Net's
            "^Could not find requested nnunet trainer nnUNetTrainerCSANett in ",
        ),
        (
            "nnUNetTrainerCSANet__nnUNetPlans__3d_fullres",
            ["0"],
            ValueError,
            r"^configuration '3d_fullres' is 3D \(target spacing .*\. Train configuration 2d instead\.",
        ),
        (
            str(OURS),
            ["0", "7"],
            ValueError,
            r"^fold 7 does not exist: .*splits_final\.json has folds 0 to 4\.",
        ),
        (
            str(OURS),
            ["00"],  # nnU-Net would train fold 0
            ValueError,
            r"^fold 00 does not exist: .*splits_final\.json has folds 0 to 4\.",
        ),
        (
            "nnUNetTrainer__nnUNetPlansX__2d",
            ["0"],
            FileNotFoundError,
            r"nnUNetPlansX\.json does not exist; existing plans: .*nnUNetPlans.*\. Next: Give one of those, or run",
        ),
    ],
)
def test_errors_that_every_job_would_run_into(model, folds, error, message, nnunet_folders, tiny, tmp_path):
    with pytest.raises(error, match=message):
        check_trainers(CheckRequest(str(tiny.id), [model], folds), tmp_path / "splits_final.json")


def test_a_model_that_is_not_preprocessed_is_named_with_the_command(preprocessed, tiny, tmp_path):
    shutil.rmtree(preprocessed / "nnUNetPlans_2d")
    command = f"nnUNetv2_preprocess -d {tiny.id} -plans_name nnUNetPlans -c 2d"
    with pytest.raises(
        FileNotFoundError, match=f"nnUNetPlans_2d does not exist: {OURS} is planned, .*{command}"
    ):
        check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["0"]), tmp_path / "splits_final.json")


@pytest.mark.parametrize("content", ["", '{"labels": {', "[]", "{}", "[{}]", "\x00"])
@pytest.mark.parametrize("name", ["dataset.json", "splits_final.json", "nnUNetPlans.json"])
def test_a_damaged_file_of_the_data_set_is_named_with_the_next_step(
    name, content, preprocessed, tiny, tmp_path
):
    (preprocessed / name).write_text(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged: .+\. Put .*back"):
        check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["0"]), tmp_path / "splits_final.json")


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
        check_trainers(CheckRequest(str(tiny.id), [model], ["0"]), tmp_path / "splits_final.json")


@pytest.mark.parametrize("entry", ["plans_name", "dataset_name"])
def test_plans_copied_without_a_change_of_their_names_are_refused(entry, preprocessed, tiny, tmp_path):
    """nnU-Net would train them over the model of those that they were copied from."""
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    big = preprocessed / "nnUNetPlansBig.json"
    model = str(STOCK._replace(plans=big.stem))
    request = CheckRequest(str(tiny.id), [str(STOCK), model], ["0"])
    big.write_text(json.dumps(plans | {"plans_name": big.stem}))
    check_trainers(request, tmp_path / "splits_final.json")
    names = {"plans_name": big.stem, "dataset_name": tiny.folder}
    big.write_text(json.dumps(plans | names | {entry: "Dataset999_Copied"}))
    with pytest.raises(
        ValueError, match=rf"{big} has {entry} 'Dataset999_Copied'.* Write '{names[entry]}' there"
    ):
        check_trainers(request, tmp_path / "splits_final.json")


def test_a_trainer_that_is_another_name_of_a_class_is_refused(preprocessed, tiny, tmp_path, monkeypatch):
    stock = recursive_find_trainer_class_by_name(STOCK.trainer)
    search = "nnunetv2.run.run_training.recursive_find_trainer_class_by_name"
    monkeypatch.setattr(search, lambda name: stock)
    model = STOCK._replace(trainer="Alias")
    written = rf"{tiny.folder}.{STOCK} of nnUNet_results, because its trainer is the class {STOCK.trainer}\."
    with pytest.raises(ValueError, match=rf"^{model} would be trained in the folder {written}"):
        check_trainers(CheckRequest(str(tiny.id), [str(model)], ["0"]), tmp_path / "splits_final.json")


def test_the_second_stage_of_a_cascade_is_refused(preprocessed, tiny, tmp_path):
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    stage = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    plans["configurations"]["3d_cascade_fullres"] = stage
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    model = str(STOCK._replace(configuration="3d_cascade_fullres"))
    with pytest.raises(
        ValueError, match=rf"{model} is the second stage of a cascade. .* 3d_lowres on all folds"
    ):
        check_trainers(CheckRequest(str(tiny.id), [str(STOCK), model], ["0"]), tmp_path / "splits_final.json")


def test_cases_of_the_split_that_are_not_preprocessed_are_named(preprocessed, tiny, tmp_path):
    (preprocessed / "splits_final.json").write_text(
        json.dumps(
            [{"train": ["case_1", "gone"], "val": ["case_0"]}, {"train": ["case_0"], "val": ["case_1"]}]
        )
    )
    split = tmp_path / "splits_final.json"
    with pytest.raises(ValueError, match=r"1 cases of .*splits_final\.json are not in .*, e\.g\. gone\. "):
        check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["0"]), split)
    check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["1", "all"]), split)


@pytest.fixture
def three_cases(preprocessed):
    """Too few for nnU-Net's own split; returns the place of a split."""
    (preprocessed / "splits_final.json").unlink(missing_ok=True)
    for case in ("case_3", "case_4", "case_5"):
        for file in preprocessed.glob(f"*/{case}*"):
            file.unlink()
    return preprocessed / "splits_final.json"


@pytest.mark.parametrize("folds", [["0"], ["all", "1"]])
def test_numbered_folds_of_too_few_cases_need_a_split_of_the_users_own(folds, three_cases, tiny, tmp_path):
    call = CheckRequest(str(tiny.id), [str(OURS)], folds)
    with pytest.raises(
        ValueError,
        match=rf"^3 cases; nnU-Net's own split needs 5\. Write one to {three_cases}, or train fold all",
    ):
        check_trainers(call, tmp_path / "splits_final.json")
    three_cases.write_text(json.dumps(2 * [{"train": ["case_1"], "val": ["case_0"]}]))
    check_trainers(call, tmp_path / "splits_final.json")


def test_fold_all_of_too_few_cases_is_trained(three_cases, results, tiny, tmp_path, monkeypatch):
    check_trainers_here(monkeypatch)
    launched = []
    cross_validate(
        tiny_crossval(tiny, tmp_path, folds=["all"]), lambda jobs: launched.extend(jobs) or ["unfinished"]
    )
    assert [job.name for job in launched] == [f"{OURS}, fold all"]
    assert not three_cases.exists()


def test_fold_all_writes_no_split(preprocessed, tiny, tmp_path):
    """The data set's folder may be read-only, and nnU-Net writes none for it."""
    split = preprocessed / "splits_final.json"
    split.unlink(missing_ok=True)
    check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["all"]), tmp_path / "splits_final.json")
    assert not split.exists()
    check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["all", "0"]), tmp_path / "splits_final.json")
    assert split.exists()


def test_a_trainer_with_a_split_of_its_own_in_no_file_is_named(preprocessed, tiny, tmp_path, monkeypatch):
    (preprocessed / "splits_final.json").unlink(missing_ok=True)
    monkeypatch.setattr(nnUNetTrainer, "do_split", lambda self: (["case_0"], ["case_1"]))
    with pytest.raises(ValueError, match="splits_final.json does not exist, and .* has a split of its own"):
        check_trainers(CheckRequest(str(tiny.id), [str(STOCK)], ["0"]), tmp_path / "splits_final.json")


def test_a_case_whose_segmentation_itk_would_rename_is_named(preprocessed, tiny, tmp_path):
    (preprocessed / "splits_final.json").write_text(json.dumps([{"train": ["case_1"], "val": ["x.nii"]}]))
    with pytest.raises(ValueError, match=r"ITK would write the segmentation of x\.nii under another name"):
        check_trainers(CheckRequest(str(tiny.id), [str(OURS)], ["0"]), tmp_path / "splits_final.json")


@pytest.mark.parametrize("model", [OURS, STOCK], ids=["ours", "stock"])
def test_what_nnunet_saves_is_compared_with_the_trainer_built_now(
    model, train, tiny, preprocessed, tmp_path, nnunet_folders
):
    train(tiny, model.trainer)
    checkpoint = nnunet_folders / "results" / tiny.folder / str(model) / "fold_0" / "checkpoint_final.pth"
    call, splits = (str(tiny.id), [str(model)], ["0"]), tmp_path / "splits_final.json"
    check_trainers(CheckRequest(*call, begun={str(model): [checkpoint]}), splits)
    file = preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["2d"]["batch_size"] += 1
    file.write_text(json.dumps(plans))
    with pytest.raises(ValueError, match="was trained with batch_size"):
        check_trainers(CheckRequest(*call, begun={str(model): [checkpoint]}), splits)
