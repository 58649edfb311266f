"""A trainer of ours combined with one of nnU-Net's variants: both take effect, or training does not start."""

import pytest
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDAOrd0 import (
    nnUNetTrainer_DASegOrd0,
)
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoDA import nnUNetTrainerNoDA
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoMirroring import (
    nnUNetTrainer_onlyMirror01,
)
from nnunetv2.training.nnUNetTrainer.variants.lr_schedule.nnUNetTrainer_warmup import nnUNetTrainer_warmup
from nnunetv2.training.nnUNetTrainer.variants.lr_schedule.nnUNetTrainerCosAnneal import nnUNetTrainerCosAnneal
from nnunetv2.training.nnUNetTrainer.variants.network_architecture.nnUNetTrainerBN import nnUNetTrainerBN
from nnunetv2.training.nnUNetTrainer.variants.optimizer.nnUNetTrainerAdam import nnUNetTrainerVanillaAdam
from torch.optim.lr_scheduler import CosineAnnealingLR

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
    with pytest.raises(
        ValueError, match=r"Subclass\.get_training_transforms replaces.* slices\. Call super\(\) in it"
    ):
        trainer.on_train_start()


def one_more_step(cls, *args, **kwargs):
    return ComposeTransforms(
        [super(cls, cls).get_training_transforms(*args, **kwargs), GaussianNoiseTransform((0, 0.1))]
    )


@pytest.mark.parametrize("ours", OURS)
def test_an_own_method_that_calls_super_is_not(subclass, ours):
    subclass(ours, get_training_transforms=classmethod(one_more_step)).on_train_start()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("before", r"nnUNetTrainerDA5\.get_training|nnUNetTrainerDA5\.configure"),
        ("after", "no blur step of its own"),
    ],
)
def test_one_that_mixes_slices_is_refused(subclass, place, why):
    trainer = subclass(OURS[0], **{place: [nnUNetTrainerDA5]})
    with pytest.raises((ValueError, RuntimeError), match=why):
        trainer.on_train_start()


@pytest.mark.parametrize("ours", OURS)
def test_a_schedule_before_ours_is_kept(subclass, ours):
    trainer = subclass(ours, before=[nnUNetTrainerCosAnneal])
    trainer.on_train_start()
    assert isinstance(trainer.lr_scheduler, CosineAnnealingLR)


@pytest.mark.parametrize("ours", OURS)
def test_a_schedule_after_ours_is_refused(subclass, ours):
    pattern = rf"schedule of nnUNetTrainerCosAnneal, .*`class Subclass\(nnUNetTrainerCosAnneal, {ours}\)`"
    with pytest.raises(ValueError, match=pattern):
        subclass(ours, after=[nnUNetTrainerCosAnneal]).initialize()


@pytest.mark.parametrize(
    ("place", "what"), [("before", "load_checkpoint"), ("after", "the learning rate schedule")]
)
def test_one_that_loads_checkpoints_itself_is_refused_in_both_places(subclass, place, what):
    with pytest.raises(ValueError, match=rf"{what}.*Train without nnUNetTrainer_warmup\.$"):
        subclass(OURS[0], **{place: [nnUNetTrainer_warmup]}).initialize()


@pytest.mark.parametrize("other", [nnUNetTrainerCosAnneal, nnUNetTrainerVanillaAdam])
def test_an_optimiser_is_refused_with_a_suffix_for_another(subclass, other):
    with pytest.raises(ValueError, match=rf"_AdamW replaces that of {other.__name__}\."):
        subclass(f"{OURS[0]}_AdamW", after=[other]).initialize()


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("ours", OURS)
def test_another_network_is_refused(subclass, ours, place):
    with pytest.raises(
        ValueError, match=rf"nnUNetTrainerBN\.build_network_architecture .* from that of {ours}"
    ):
        subclass(ours, **{place: [nnUNetTrainerBN]}).initialize()
