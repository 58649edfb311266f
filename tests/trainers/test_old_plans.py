"""Plans of nnU-Net 2.0 to 2.3 list the sizes of a U-Net, newer ones name a class; both can be trained.

nnU-Net converts old plans when it reads them. The same U-Net in both formats has to become the same network.
"""

import json
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2, nnUNetDatasetNumpy
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_slice_attention.bundle.trusted_names import check_names
from nnunet_slice_attention.cli import main
from nnunet_slice_attention.plans.compact import compact_plans
from nnunet_slice_attention.plans.slabs import slab_plan, with_prediction_slab
from nnunet_slice_attention.trainers.find_trainer import find_trainer
from nnunet_slice_attention.trainers.two_d_checks import check_same_task
from tests.tiny_data import read

UNETS = "dynamic_network_architectures.architectures.unet."
OLD_NAMES = {
    "kernel_sizes": "conv_kernel_sizes",
    "strides": "pool_op_kernel_sizes",
    "n_conv_per_stage": "n_conv_per_stage_encoder",
    "n_blocks_per_stage": "n_conv_per_stage_encoder",
    "n_conv_per_stage_decoder": "n_conv_per_stage_decoder",
}
FIRST, FROM_2D, STOCK = (f"Tiny_nnUNetTrainer{name}" for name in ("SliceAttention", "CSANet_From2D", ""))


def old_format(plans: dict) -> dict:
    """As nnU-Net 2.0 to 2.3 would have written them."""
    plans = deepcopy(plans)
    for configuration in plans["configurations"].values():
        architecture = configuration.pop("architecture")
        arguments = architecture["arch_kwargs"]
        configuration |= {OLD_NAMES[k]: v for k, v in arguments.items() if k in OLD_NAMES}
        configuration |= {
            "UNet_class_name": architecture["network_class_name"].removeprefix(UNETS),
            "UNet_base_num_features": arguments["features_per_stage"][0],
            "unet_max_num_features": max(arguments["features_per_stage"]),
            "num_pool_per_axis": [3] * len(configuration["patch_size"]),
        }
    return plans


def residual(plans: dict) -> dict:
    plans = deepcopy(plans)
    for configuration in plans["configurations"].values():
        configuration["architecture"]["network_class_name"] = f"{UNETS}ResidualEncoderUNet"
        arguments = configuration["architecture"]["arch_kwargs"]
        arguments["n_blocks_per_stage"] = arguments.pop("n_conv_per_stage")
    return plans


@pytest.fixture(scope="module")
def folder(tiny, nnunet_folders) -> Path:
    """The tiny data set's, with the same two networks in both formats; old plans have data as preprocessed then."""
    folder = nnunet_folders / "preprocessed" / tiny.folder
    today = json.loads((folder / "nnUNetPlans.json").read_text())
    (folder / "old_2d").mkdir()
    cases = nnUNetDatasetBlosc2(str(folder / today["configurations"]["2d"]["data_identifier"]))
    for case in cases.identifiers:
        data, seg, _, properties = cases.load_case(case)
        nnUNetDatasetNumpy.save_case(data[:], seg[:], properties, str(folder / "old_2d" / case))
    # Otherwise training would unpack them while its loaders already read them.
    nnUNetDatasetNumpy.unpack_dataset(str(folder / "old_2d"), num_processes=1)
    for name, plans in {
        "Old": old_format(today),
        "Residual": residual(today),
        "OldResidual": old_format(residual(today)),
    }.items():
        plans["plans_name"] = f"nnUNet{name}Plans"
        if name != "Residual":
            plans["configurations"]["2d"]["data_identifier"] = "old_2d"
        (folder / f"{plans['plans_name']}.json").write_text(json.dumps(plans))
    return folder


def load_plans(folder: Path, name: str) -> dict:
    return json.loads((folder / f"nnUNet{name}Plans.json").read_text())


def build_network(plans: dict, trainer: str) -> torch.nn.Module:
    """As training and prediction build it from saved plans."""
    manager = PlansManager(plans)
    configuration = manager.get_configuration("2d")
    return find_trainer(trainer).build_network_architecture(manager, configuration, 1, 3)


def layers(network: torch.nn.Module) -> tuple[str, dict]:
    return repr(network), {name: weight.shape for name, weight in network.state_dict().items()}


@pytest.fixture(scope="module")
def train_old(folder, run_nnunet):
    def train(plans: str, *trainers: str) -> None:
        for trainer in trainers:
            run_nnunet("nnUNetv2_train", 701, "2d", 0, "-tr", trainer, "-p", plans, "-device", "cpu")

    return train


@pytest.fixture(scope="module")
def trained(train_old, nnunet_folders, tiny) -> Path:
    train_old("nnUNetOldPlans", FIRST)
    return nnunet_folders / "results" / tiny.folder / f"{FIRST}__nnUNetOldPlans__2d"


def test_training_both_phases_gives_the_network_of_new_plans(trained, folder, tiny):
    assert (trained / "fold_0" / "validation" / "summary.json").is_file()
    saved = json.loads((trained / "plans.json").read_text())
    assert len(saved["configurations"]["2d"]["patch_size"]) == 3
    weights = torch.load(trained / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    today = build_network(load_plans(folder, ""), FIRST)
    assert layers(build_network(saved, FIRST)) == layers(today)
    today.load_state_dict(weights)


def test_the_model_predicts_validates_and_resumes(
    trained, train_old, run_nnunet, tiny, nnunet_folders, tmp_path
):
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    model = ("-i", images, "-d", 701, "-f", 0, "-tr", FIRST, "-p", "nnUNetOldPlans", "-device", "cpu")
    run_nnunet("nnUNetv2_predict", *model, "-o", tmp_path / "stock", "-c", "2d", "-npp", 1, "-nps", 1)
    assert main(["predict", *map(str, model), "-o", str(tmp_path / "ours"), "-npp", "0", "-nps", "0"]) == 0
    for case in ("test_0.nii.gz", "test_5.nii.gz"):
        assert read(tmp_path / "stock" / case).shape == read(tmp_path / "ours" / case).shape
    fold, command = trained / "fold_0", ("nnUNetv2_train", 701, "2d", 0, "-tr", FIRST, "-p", "nnUNetOldPlans")
    for option in ("--val", "--c"):
        (fold / "validation" / "summary.json").unlink()
        run_nnunet(*command, "-device", "cpu", option)
        assert (fold / "validation" / "summary.json").is_file()


def test_a_run_starts_from_a_2d_model_with_the_same_plans(train_old, nnunet_folders, tiny):
    train_old("nnUNetOldPlans", STOCK, FROM_2D)
    fold = nnunet_folders / "results" / tiny.folder / f"{FROM_2D}__nnUNetOldPlans__2d" / "fold_0"
    assert json.loads((fold / "from_2d.json").read_text())["trainer"] == STOCK
    assert (fold / "validation" / "summary.json").is_file()


def test_residual_encoders_train_too(train_old, folder, nnunet_folders, tiny):
    """Their class has since moved to another module, which nnU-Net tolerates."""
    trainer = "Tiny_nnUNetTrainerAxialConv"
    train_old("nnUNetOldResidualPlans", trainer)
    model = nnunet_folders / "results" / tiny.folder / f"{trainer}__nnUNetOldResidualPlans__2d"
    saved = json.loads((model / "plans.json").read_text())
    assert layers(build_network(saved, trainer)) == layers(
        build_network(load_plans(folder, "Residual"), trainer)
    )


@pytest.mark.parametrize("kind", ["", "Residual"])
def test_old_and_new_plans_give_the_same_network_and_compact_network(kind, folder, nnunet_folders):
    today, old = load_plans(folder, kind), load_plans(folder, f"Old{kind}")
    trainer = "nnUNetTrainerCSANet"
    assert layers(build_network(old, trainer)) == layers(build_network(today, trainer))
    compact = [layers(build_network(compact_plans(plans), trainer)) for plans in (today, old)]
    assert compact[0] == compact[1] != layers(build_network(today, trainer))


def test_a_2d_model_fits_the_same_network_in_the_other_format(folder, tiny):
    for kind in ("", "Residual"):
        today, old = load_plans(folder, kind), load_plans(folder, f"Old{kind}")
        model = SimpleNamespace(name=SimpleNamespace(configuration="2d"))
        two_d = SimpleNamespace(plans=old, configuration="2d", dataset_json=tiny.dataset_json)
        check_same_task(model, two_d, today, tiny.dataset_json)


def test_a_bundle_of_a_residual_encoder_is_trusted(folder, nnunet_folders):
    manager = PlansManager(load_plans(folder, "OldResidual"))
    check_names(manager, manager.get_configuration("2d"))


def test_a_configuration_that_inherits_from_an_old_one_gets_its_own_architecture(folder):
    plans = load_plans(folder, "Old")
    plans["configurations"]["child"] = {"inherits_from": "2d", "batch_size": 4}
    before = deepcopy(plans)
    saved = with_prediction_slab(plans, "child", slab_plan(plans, "child", 1))
    assert plans == before
    assert saved["configurations"].pop("child")["architecture"]["arch_kwargs"]["conv_op"].endswith("Conv2d")
    assert saved["configurations"] == {k: before["configurations"][k] for k in saved["configurations"]}


def test_doctor_says_that_plans_are_old(folder, nnunet_folders, capsys):
    assert main(["doctor", "-d", "701", "-p", "nnUNetOldPlans"]) == 0
    assert "the format of nnU-Net 2.0 to 2.3" in capsys.readouterr().out
    assert main(["doctor", "-d", "701"]) == 0
    assert "the format of nnU-Net 2.0 to 2.3" not in capsys.readouterr().out
