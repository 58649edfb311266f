"""2D models that cannot be used: each error gives the problem, both values and the next step."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.trainers.two_d_checks import check_same_task, check_unseen
from nnunet_slice_attention.trainers.two_d_model import TwoDModel, find_2d_model
from tests.trainers.two_d_models import COMMAND, OURS, TWO_D, edit

FIT = "does not fit the current plans and dataset.json: "


def twin(two_d: TwoDModel, trainer: str, epochs: int) -> None:
    """A second 2D model."""
    model = TwoDModel(two_d.results, two_d.name._replace(trainer=trainer), 0)
    shutil.copytree(two_d.folder.parent, model.folder.parent)
    edit(model.checkpoint, lambda content: content.update(current_epoch=epochs))


def test_no_2d_model_where_models_of_this_package_do_not_count(two_d, start):
    saved = two_d.folder.parent / "plans.json"
    plans = json.loads(saved.read_text())
    plans["configurations"]["2d"]["patch_size"] = [4, 40, 40]  # a slab's
    saved.write_text(json.dumps(plans))
    expected = (
        r"fold 0 of Dataset701_Tiny \(nnUNetPlans, 2d\) has no trained 2D model .*nnUNetv2_train 701 2d 0$"
    )
    with pytest.raises(FileNotFoundError, match=expected):
        start()


def test_the_command_includes_other_plans(tmp_path):
    (tmp_path / "Dataset027_ACDC").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"Train it first: nnUNetv2_train 27 2d 3 -p nnUNetCompactPlans$"
    ):
        find_2d_model(tmp_path / "Dataset027_ACDC", "nnUNetCompactPlans", "2d", 3)


def test_saved_plans_that_cannot_be_read(two_d, start):
    (two_d.folder.parent / "plans.json").write_text("{")
    with pytest.raises(
        ValueError, match=r"plans.json cannot be read .* Train that model again, or move its folder"
    ):
        start()


@pytest.mark.parametrize("left", ["latest", "best"])
def test_an_unfinished_2d_model(left, two_d, start):
    (two_d.folder / "checkpoint_best.pth").unlink()
    two_d.checkpoint.rename(two_d.folder / f"checkpoint_{left}.pth")
    with pytest.raises(FileNotFoundError, match=rf"is not finished. Finish it first: {COMMAND} --c$"):
        start()


def test_several_2d_models(two_d, start, monkeypatch):
    twin(two_d, "nnUNetTrainer_250epochs", 250)
    twin(two_d, "nnUNetTrainer_500epochs", 500)
    both = rf"{TWO_D} \(epochs: 2\), nnUNetTrainer_250epochs \(epochs: 250\), nnUNetTrainer_500epochs \(epochs: 500\)"
    with pytest.raises(
        ValueError, match=f"has 3 trained 2D models: {both}. .*: export nnUNet_from2D=nnUNetTrainer_500"
    ):
        start()
    monkeypatch.setenv("nnUNet_from2D", "nnUNetTrainer_5epochs")
    with pytest.raises(
        ValueError, match=f"nnUNet_from2D=nnUNetTrainer_5epochs matches no trained 2D model. .*{both}"
    ):
        start()
    monkeypatch.setenv("nnUNet_from2D", "nnUNetTrainer_250epochs")
    trainer = get_trainer_from_args("701", "2d", 0, OURS, device=torch.device("cpu"))
    trainer.on_train_start()
    assert json.loads(trainer.record.read_text())["epochs_of_2d"] == 250 and trainer.num_epochs == 25


def test_a_finished_2d_model_beside_an_unfinished_one(two_d, monkeypatch):
    unfinished = "nnUNetTrainer"
    twin(two_d, unfinished, 900)
    model = TwoDModel(two_d.results, two_d.name._replace(trainer=unfinished), 0)
    model.checkpoint.rename(model.folder / "checkpoint_latest.pth")

    def find():
        return find_2d_model(two_d.results, "nnUNetPlans", "2d", 0)

    expected = (
        rf"one trained 2D model, {TWO_D} \(epochs: 2\), and others whose training is not finished: {unfinished}\. .*: "
        rf"export nnUNet_from2D={TWO_D}\. .*nnUNetv2_train 701 2d 0 --c\), then: export nnUNet_from2D={unfinished}$"
    )
    with pytest.raises(ValueError, match=expected):
        find()
    monkeypatch.setenv("nnUNet_from2D", TWO_D)
    assert find() == two_d
    monkeypatch.setenv("nnUNet_from2D", unfinished)
    with pytest.raises(FileNotFoundError, match="is not finished. Finish it first"):
        find()


def change_configuration(**values):
    return lambda init: init["plans"]["configurations"]["2d"].update(values)


def change_architecture(**values):
    return lambda init: init["plans"]["configurations"]["2d"]["architecture"].update(values)


def change_arguments(**values):
    return lambda init: init["plans"]["configurations"]["2d"]["architecture"]["arch_kwargs"].update(values)


RESIDUAL = "dynamic_network_architectures.architectures.residual_unet.ResidualEncoderUNet"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_architecture(network_class_name=RESIDUAL), rf"architecture was {RESIDUAL}, now it is .*Plain"),
        (
            change_arguments(features_per_stage=[8, 8, 8, 8]),
            r"features_per_stage was \[8, 8, 8, 8\], now it is \[4, 8, 16, 32\]",
        ),
        (change_configuration(spacing=[2.0, 1.0]), r"spacing was \[2.0, 1.0\], now it is \[1.0, 1.0\]"),
        (
            change_configuration(normalization_schemes=["NoNormalization"]),
            r"normalization_schemes was \['NoNormalization'\], now it is \['ZScoreNormalization'\]",
        ),
        (change_configuration(use_mask_for_norm=[True]), r"use_mask_for_norm was \[True\], now it is \[False\]"),
        (
            lambda init: init["plans"].update(transpose_forward=[1, 0, 2]),
            r"transpose_forward was \[1, 0, 2\], now it is \[0, 1, 2\]",
        ),
        (
            lambda init: init["dataset_json"].update(channel_names={"0": "T2", "1": "ADC"}),
            r"channel_names was {'0': 'T2', '1': 'ADC'}, now it is {'0': 'MR0'}",
        ),
        (
            lambda init: init["dataset_json"].update(labels={"background": 0, "core": 1, "disc": 2}),
            r"labels was {'background': 0, 'core': 1, 'disc': 2}, now it is .*'disc': 1",
        ),
        (
            lambda init: init["dataset_json"].update(regions_class_order=[2, 1]),
            r"regions_class_order was \[2, 1\], now it is None",
        ),
    ],
)  # fmt: skip
def test_another_task(change, message, two_d, start):
    edit(two_d.checkpoint, lambda content: change(content["init_args"]))
    with pytest.raises(ValueError, match=f"{FIT}.*{message}.* Train it again: {COMMAND}$"):
        start()


def test_other_ct_intensities(two_d):
    ct = change_configuration(normalization_schemes=["CTNormalization"])
    edit(two_d.checkpoint, lambda content: ct(content["init_args"]))
    there = two_d.read()
    check_same_task(two_d, there, there.plans, there.dataset_json)
    today = json.loads(json.dumps(there.plans))
    today["foreground_intensity_properties_per_channel"]["0"]["median"] = 0  # not used
    check_same_task(two_d, there, today, there.dataset_json)
    today["foreground_intensity_properties_per_channel"]["0"]["mean"] = 0
    with pytest.raises(
        ValueError, match=rf"{FIT}intensities of channel 0 was {{'mean': 4.* now it is {{'mean': 0"
    ):
        check_same_task(two_d, there, today, there.dataset_json)


def test_regions_in_another_order(two_d):
    there, today = two_d.read(), two_d.read()
    names = {"background": 0, "disc": [1, 2], "core": [2]}
    there.dataset_json.update(labels=names, regions_class_order=[1, 2])
    today.dataset_json.update(labels=dict(reversed(names.items())), regions_class_order=[1, 2])
    with pytest.raises(ValueError, match=f"{FIT}labels was"):
        check_same_task(two_d, there, today.plans, today.dataset_json)


def test_another_network_for_the_same_plans(two_d, start):
    edit(two_d.checkpoint, lambda content: content["network_weights"].popitem())
    expected = (
        r"cannot be used as initialisation: the network needs a weight .* has none.* nnUNetv2_train 701 2d 0$"
    )
    with pytest.raises(ValueError, match=expected):
        start()


def test_a_2d_model_that_may_have_been_trained_on_a_validation_case(two_d, start):
    summary = json.loads(two_d.summary.read_text())
    left, *others = summary["metric_per_case"]
    two_d.summary.write_text(json.dumps(summary | {"metric_per_case": others}))
    case = Path(left["reference_file"]).name.removesuffix(".nii.gz")
    expected = (
        rf"1 of the current 2 validation cases are not among the 1 on .*: {case}. It may .*split: {COMMAND}$"
    )
    with pytest.raises(ValueError, match=expected):
        start()


def test_at_most_five_cases_are_listed(two_d):
    validation = [f"case_{i}" for i in range(20, 27)]
    with pytest.raises(
        ValueError,
        match=r"7 of the current 7 .*: case_20, case_21, case_22, case_23, case_24 and 2 more\. It",
    ):
        check_unseen(two_d, two_d.read(), validation)


def test_a_2d_model_that_was_not_validated(two_d, start):
    two_d.summary.unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"summary.json does not exist.* Create it: {COMMAND} --val$"
    ):
        start()
    two_d.summary.write_text("{}")
    with pytest.raises(
        ValueError, match=rf"summary.json cannot be read .* Create it again: {COMMAND} --val$"
    ):
        start()


def test_pretrained_weights_beside_it(two_d, start, tmp_path):
    trainer = get_trainer_from_args("701", "2d", 0, OURS, device=torch.device("cpu"))
    trainer.initialize()
    torch.save({"network_weights": trainer.network.state_dict()}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"-pretrained_weights and .*From2D both set the initial weights"):
        start("-pretrained_weights", tmp_path / "weights.pth")
