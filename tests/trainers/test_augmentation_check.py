"""A trainer of ours combined with another augmentation: it is adapted to slabs, or training does not start."""

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDAOrd0 import (
    nnUNetTrainer_DASegOrd0,
)
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoDA import nnUNetTrainerNoDA
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoMirroring import (
    nnUNetTrainer_onlyMirror01,
)

OURS = ["Tiny_nnUNetTrainerSliceAttention", "Tiny_nnUNetTrainerTSFMUNet_Millimetres"]


def own_augmentation(*args, **kwargs):
    return nnUNetTrainer.get_training_transforms(*args, **kwargs)


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize(
    ("other", "axes"),
    [(nnUNetTrainer_onlyMirror01, (1,)), (nnUNetTrainerNoDA, None), (nnUNetTrainer_DASegOrd0, (1, 2))],
)
def test_after_ours_it_is_adapted_to_slabs(subclass, ours, other, axes):
    trainer = subclass(ours, after=[other])
    trainer.on_train_start()
    batch = next(trainer.get_dataloaders()[0])
    assert trainer.inference_allowed_mirroring_axes == axes
    trainer.train_step(batch)


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize(
    ("other", "method"),
    [(nnUNetTrainer_onlyMirror01, "configure_rotation"), (nnUNetTrainerNoDA, "get_training_transforms")],
)
def test_before_ours_it_is_refused(subclass, ours, other, method):
    trainer = subclass(ours, before=[other])
    pattern = rf"{other.__name__}\.{method}.*`class Subclass\({ours}, {other.__name__}\)`"
    with pytest.raises(ValueError, match=pattern):
        trainer.on_train_start()


@pytest.mark.parametrize("ours", OURS)
def test_an_own_method_that_does_not_call_super_is_refused(subclass, ours):
    trainer = subclass(ours, get_training_transforms=staticmethod(own_augmentation))
    with pytest.raises(ValueError, match=r"Subclass\.get_training_transforms replaces.*call super\(\) in it"):
        trainer.on_train_start()


@pytest.mark.parametrize("place", ["before", "after"])
def test_one_that_mixes_slices_is_refused(subclass, place):
    trainer = subclass(OURS[0], **{place: [nnUNetTrainerDA5]})
    with pytest.raises((ValueError, RuntimeError), match="nnUNetTrainerDA5"):
        trainer.on_train_start()
