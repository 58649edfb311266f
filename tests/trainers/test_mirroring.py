"""`_NoMirroring`: neither training nor prediction mirrors, in either phase, as with nnU-Net's trainer of that name."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoMirroring import (
    nnUNetTrainerNoMirroring,
)

from nnunet_slice_attention.inference.trained_model import load_predictor
from tests.trainers.two_d_models import OURS, edit

SLICE_ATTENTION = "Tiny_nnUNetTrainerSliceAttention"


@pytest.fixture(autouse=True)
def in_this_process(nnunet_folders, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")


def build(name: str):
    return get_trainer_from_args("701", "2d", 0, name, device=torch.device("cpu"))


def mirrors(trainer) -> bool:
    """Whether its training batches are mirrored now."""
    return "MirrorTransform" in repr(trainer.get_dataloaders()[0].data_loader.transforms.transforms)


@pytest.mark.parametrize(("suffix", "axes"), [("", (1, 2)), ("_NoMirroring", None)])
def test_both_phases_and_prediction_mirror_or_not(suffix, axes):
    trainer = build(SLICE_ATTENTION + suffix)
    trainer.initialize()
    for in_2d in (True, False):
        trainer.enter_phase(in_2d)
        assert mirrors(trainer) == (axes is not None)
        assert trainer.inference_allowed_mirroring_axes == axes
    trainer.on_train_start()
    trainer.save_checkpoint(f"{trainer.output_folder}/checkpoint_final.pth")
    predictor = load_predictor(trainer.output_folder_base, [0], device="cpu")
    assert predictor.allowed_mirroring_axes == axes


@pytest.mark.parametrize("ours_first", [False, True])
def test_it_can_be_combined_with_nnunets_own_trainer(subclass, ours_first):
    place = "after" if ours_first else "before"
    trainer = subclass(f"{SLICE_ATTENTION}_FromScratch", **{place: [nnUNetTrainerNoMirroring]})
    trainer.initialize()
    assert not mirrors(trainer)
    assert trainer.inference_allowed_mirroring_axes is None


@pytest.mark.parametrize("mirrored_2d", [True, False])
@pytest.mark.parametrize("suffix", ["", "_NoMirroring"])
def test_the_log_warns_if_the_2d_model_was_trained_otherwise(two_d, mirrored_2d, suffix, capsys):
    axes = (0, 1) if mirrored_2d else None
    edit(two_d.checkpoint, lambda content: content.update(inference_allowed_mirroring_axes=axes))
    build(OURS + suffix).on_train_start()
    warned = "WARNING: the 2D model was trained with" in capsys.readouterr().out
    assert warned == (mirrored_2d == bool(suffix))


def test_it_does_not_warn_of_a_trainer_combined_with_nnunets_own(subclass, two_d, capsys):
    edit(two_d.checkpoint, lambda content: content.update(inference_allowed_mirroring_axes=None))
    subclass(OURS, before=[nnUNetTrainerNoMirroring]).on_train_start()
    assert "WARNING: the 2D model was trained" not in capsys.readouterr().out
