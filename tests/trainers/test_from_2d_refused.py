"""2D models that do not fit the training: each error gives the problem, both values and the next step."""

import json
from pathlib import Path

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.trainers.two_d_checks import check_same_task, check_unseen
from tests.trainers.two_d_models import COMMAND, OURS, edit

FIT = "does not fit the current plans and dataset.json: "


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
        FileNotFoundError, match=rf"summary.json does not exist.* Otherwise run: {COMMAND} --val$"
    ):
        start()
    two_d.summary.write_text("{}")
    with pytest.raises(ValueError, match=rf"summary.json cannot be read .* Otherwise run: {COMMAND} --val$"):
        start()


def test_pretrained_weights_beside_it(two_d, start, tmp_path):
    trainer = get_trainer_from_args("701", "2d", 0, OURS, device=torch.device("cpu"))
    trainer.initialize()
    torch.save({"network_weights": trainer.network.state_dict()}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"-pretrained_weights and .*From2D both set the initial weights"):
        start("-pretrained_weights", tmp_path / "weights.pth")
