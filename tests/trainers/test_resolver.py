"""From a trainer's name to its class: how suffixes compose, and errors that give the next step."""

import pickle

import pytest

from nnunet_slice_attention import trainers
from nnunet_slice_attention.plans.slabs import training_slabs
from nnunet_slice_attention.trainers import BASES, VARIANTS, resolve_trainer
from nnunet_slice_attention.trainers.resolver import accepted_options


def test_suffixes_compose_and_merge_options():
    trainer = resolve_trainer("nnUNetTrainerCSANet_NoISA_8heads_5slices_AdamW_50epochs")
    assert trainer.network_options == {"in_slice": False, "num_heads": 8, "context_radius": 2}
    assert (trainer.optimiser, trainer.epochs, trainer.context_radius()) == ("adamw", 50, 2)
    assert trainer.__name__ == "nnUNetTrainerCSANet_NoISA_8heads_5slices_AdamW_50epochs"


def test_a_name_gives_the_same_class_every_time_and_pickles():
    trainer = trainers.nnUNetTrainerCSANet_CentreQuery_5epochs
    assert pickle.loads(pickle.dumps(trainer)) is resolve_trainer("nnUNetTrainerCSANet_CentreQuery_5epochs")


SMALL = {"CSANet": {"vit_depth": 1}, "VAMaskRCNN": {"resnet": 18}}
NO_NEIGHBOURS = ("RepeatCentre", "RepeatCentreLearning", "Identity", "NoCSA", "1slice")


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_every_variant_builds_for_every_network_that_has_its_option(variant):
    from nnunet_slice_attention.networks import NETWORKS, create_network

    row = dict(VARIANTS[variant])
    wanted = row.pop("network_options", {})
    needs_unet = row.pop("start", "scratch") != "scratch" or "backbone" in row
    having = [name for name in NETWORKS if set(wanted) <= accepted_options(name)]
    having = [name for name in having if not (needs_unet and name == "VAMaskRCNN")]
    assert having
    for name in having:
        trainer = resolve_trainer(f"nnUNetTrainer{name}_{variant}_5epochs")
        assert {key: getattr(trainer, key) for key in row} == row
        assert wanted.items() <= trainer.network_options.items()
        options = SMALL.get(name, {}) | trainer.network_options
        stages = 5 if variant == "Skips4Up" else 4
        network = create_network(name, 1, 2, 2 * (2 ** (stages + 1),), stages * (32,), **options)
        no_neighbours = not NETWORKS[name].sees_neighbours or variant in NO_NEIGHBOURS
        within_image = 0 if network.repeat_centre else network.slices_per_image // 2
        assert network.context_radius == (within_image if no_neighbours else trainer.context_radius())


@pytest.mark.parametrize("base", sorted(BASES))
def test_context_slabs_are_the_default(base):
    trainer = resolve_trainer(base)
    radius = trainer.context_radius()
    assert training_slabs(6, radius, trainer.sampling) == (2 * radius + 1, 6)
    assert resolve_trainer(f"{base}_ShortSlabs").sampling == "short"


def test_which_names_start_as_a_2d_network():
    def start(name: str) -> tuple:
        trainer = resolve_trainer(f"nnUNetTrainer{name}")
        return trainer.__base__.__name__, trainer.network_options

    assert start("SliceAttention") == ("nnUNetTrainer2DFirst", {})
    assert start("SliceAttention_FromScratch") == ("nnUNetTrainerSlab", {})
    assert start("SliceAttention_From2D") == ("nnUNetTrainerFrom2D", {})
    assert start("CSANet") == ("nnUNetTrainerSlab", {})
    assert start("CSANet_2DFirst") == ("nnUNetTrainer2DFirst", {"zero_start": True})
    assert start("SAUNet_From2D_50epochs") == ("nnUNetTrainerFrom2D", {"zero_start": True, "dense": False})
    assert start("SAUNet_2DFirst") == ("nnUNetTrainer2DFirst", {"zero_start": True})


@pytest.mark.parametrize("suffix", ["2DFirst", "From2D"])
@pytest.mark.parametrize("name", ["CSANet_R50ViT", "VAUNet_Multiplicative"])
def test_variants_that_cannot_start_as_the_planned_2d_network_are_errors(name, suffix):
    with pytest.raises(ValueError, match=f"_{name.split('_')[1]} .*start as the planned 2D network"):
        resolve_trainer(f"nnUNetTrainer{name}_{suffix}")


def test_a_detector_has_its_own_trainer_and_needs_no_unet():
    trainer = resolve_trainer("nnUNetTrainerVAMaskRCNN_BeforeRCNN_ResNet18_1sliceImages_FromScratch_5epochs")
    assert trainer.__base__.__name__ == "nnUNetTrainerDetector"
    assert trainer.network_options == {"location": "rcnn", "resnet": 18, "slices_per_image": 1}
    for suffix in ("2DFirst", "From2D", "ImageNet", "ImageNetLite2_2DFirst"):
        with pytest.raises(ValueError, match="VAMaskRCNN is a detector without the planned U-Net"):
            resolve_trainer(f"nnUNetTrainerVAMaskRCNN_{suffix}")


def test_starts_are_mutually_exclusive():
    with pytest.raises(ValueError, match="_2DFirst and _From2D are mutually exclusive"):
        resolve_trainer("nnUNetTrainerVAUNet_2DFirst_From2D")


def test_every_network_has_a_trainer():
    from nnunet_slice_attention.networks import NETWORKS

    assert {base["network_name"] for base in BASES.values()} == set(NETWORKS)


@pytest.mark.parametrize(
    ("name", "radius"),
    [
        ("nnUNetTrainerCSANet_RepeatCentre", 1),
        ("nnUNetTrainerSAUNet_Identity", 1),
        ("nnUNetTrainerTSFMUNet", 2),
        ("nnUNetTrainerVAUNet_9slices", 4),
        ("nnUNetTrainerVAUNet_3sliceImages", 4),
        ("nnUNetTrainerVAMaskRCNN", 4),
        ("nnUNetTrainerVAMaskRCNN_1sliceImages_5slices", 2),
        ("nnUNetTrainerVAMaskRCNN_Identity", 4),
        ("nnUNetTrainerSliceUNet_Position", 0),  # the other slices of a context slab would not be read at all
        ("nnUNetTrainerSliceUNet_FullSlabs", 1),
    ],
)
def test_slabs_cover_the_networks_context_and_controls_get_the_same(name, radius):
    assert resolve_trainer(name).context_radius() == radius


@pytest.mark.parametrize(
    "name", ["nnUNetTrainer", "nnUNetTrainerDA5", "nnUNetTrainer_5epochs", "Foo", "__path__"]
)
def test_other_names_are_left_to_nnunet(name):
    with pytest.raises(AttributeError):
        resolve_trainer(name)
    assert not hasattr(trainers, "nnUNetTrainerFoo")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nnUNetTrainerCSANet_8head", "suffix _8head does not exist. Similar: _8heads"),
        ("nnUNetTrainerCSANet_NoCsa", "Similar: .*_NoCSA"),
        ("nnUNetTrainerCSANet_Mine", "of your own, rename it: .* begin with nnUNetTrainerCSANet_"),
        ("nnUNetTrainerCSANet_6epochs", "Similar: .*_5epochs"),
        ("nnUNetTrainerCSANet_50epochs_NoISA", "Did you mean nnUNetTrainerCSANet_NoISA_50epochs"),
        ("nnUNetTrainerCSANet_5epochs_50epochs", "at most one schedule, at the end"),
        ("nnUNetTrainerCSANet_NoISA_NoISA", "_NoISA is repeated"),
        ("nnUNetTrainerCSANet_3slices_5slices", "_3slices and _5slices are mutually exclusive"),
        ("nnUNetTrainerCSANet_ShortSlabs_FullSlabs", "_ShortSlabs and _FullSlabs are mutually exclusive"),
        ("nnUNetTrainerVAUNet_ChannelOnly_SpatialOnly", "mutually exclusive. Keep one"),
        ("nnUNetTrainerCSANet__NoISA", "suffix _ does not exist"),
        ("nnUNetTrainerSliceUNet_8heads", "network SliceUNet has no option num_heads"),
        ("nnUNetTrainerVAUNet_BeforeRCNN", "network VAUNet has no option location"),
    ],
)
def test_errors_give_the_next_step(name, message):
    with pytest.raises(ValueError, match=message):
        resolve_trainer(name)
