"""2D first: a checkpoint of the first phase, which predicts as the 2D model does and can be exported."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.networks.two_d_weights import load_2d_weights
from tests.tiny_data import read


@pytest.fixture(scope="module")
def first_phase_model(train, nnunet_folders, tiny):
    """A model that has not reached the second phase, with the weights of a 2D model."""
    train(tiny, "Tiny_nnUNetTrainer")
    results = nnunet_folders / "results" / tiny.folder
    stock = torch.load(
        results / "Tiny_nnUNetTrainer__nnUNetPlans__2d" / "fold_0" / "checkpoint_final.pth",
        weights_only=False,
    )
    name = "Tiny_nnUNetTrainerSliceAttention_AllSkips"
    trainer = get_trainer_from_args(str(tiny.id), "2d", 0, name, device=torch.device("cpu"))
    trainer.on_train_start()
    trainer._stop_loaders()
    load_2d_weights(trainer.network, stock["network_weights"])
    for checkpoint in ("best", "final"):
        trainer.save_checkpoint(f"{trainer.output_folder}/checkpoint_{checkpoint}.pth")
    return name


@pytest.mark.parametrize("command", ["nnUNetv2_predict", "predict"])
def test_a_checkpoint_of_the_first_phase_predicts_as_the_2d_model(
    first_phase_model, command, run_nnunet, nnunet_folders, tiny, tmp_path
):
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"

    def predict(command: str, trainer: str, *flags: str) -> dict:
        out = tmp_path / f"{command}_{trainer}"
        arguments = [
            "-i",
            images,
            "-o",
            out,
            "-d",
            tiny.id,
            "-f",
            0,
            "-tr",
            trainer,
            "-device",
            "cpu",
            *flags,
        ]
        if command == "predict":
            assert main([command, *map(str, arguments)]) == 0
        else:
            run_nnunet(command, *arguments, "-c", "2d", "-npp", 1, "-nps", 1)
        return {path.name: read(path) for path in sorted(out.glob("*.nii.gz"))}

    expected = predict("nnUNetv2_predict", "Tiny_nnUNetTrainer")
    found = predict(command, first_phase_model, "-chk", "checkpoint_best.pth")
    assert found.keys() == expected.keys() and len(found) == 3
    assert any(segmentation.any() for segmentation in expected.values())
    for name, segmentation in expected.items():
        assert (found[name] != segmentation).mean() < 0.02  # nnU-Net accumulates windows in half precision


def test_a_checkpoint_of_the_first_phase_exports(first_phase_model, nnunet_folders, tiny, tmp_path):
    archive = tmp_path / "model.zip"
    arguments = ["-d", tiny.id, "-f", 0, "-tr", first_phase_model, "-o", archive, "--format", "bundle"]
    assert main(["export", *map(str, arguments)]) == 0
    assert archive.is_file()
