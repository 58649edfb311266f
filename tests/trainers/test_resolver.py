import pickle

import pytest

from nnunet_slice_attention import trainers
from nnunet_slice_attention.trainers import VARIANTS, resolve_trainer


def test_suffixes_compose_and_merge_options():
    trainer = resolve_trainer("nnUNetTrainerCSANet_NoISA_8heads_5slices_AdamW_50epochs")
    assert trainer.network_options == {"in_slice": False, "num_heads": 8, "context_radius": 2}
    assert (trainer.optimiser, trainer.epochs, trainer.context_radius()) == ("adamw", 50, 2)
    assert trainer.__name__ == "nnUNetTrainerCSANet_NoISA_8heads_5slices_AdamW_50epochs"


def test_the_same_name_is_the_same_class_and_pickles():
    trainer = trainers.nnUNetTrainerCSANet_CentreQuery_5epochs
    assert pickle.loads(pickle.dumps(trainer)) is resolve_trainer("nnUNetTrainerCSANet_CentreQuery_5epochs")


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_every_variant_builds_for_every_network_it_declares(variant):
    from nnunet_slice_attention.networks import create_network

    trainer = resolve_trainer(f"nnUNetTrainerCSANet_{variant}_5epochs")
    options = trainer.network_options | {"vit_depth": 1}
    network = create_network(trainer.network_name, 1, 2, (32, 32), (32, 32, 32, 32), **options)
    assert network.context_radius in (0, trainer.context_radius())


@pytest.mark.parametrize(
    "name", ["nnUNetTrainer", "nnUNetTrainerDA5", "nnUNetTrainer_5epochs", "Foo", "__path__"]
)
def test_foreign_names_are_left_to_nnunet(name):
    with pytest.raises(AttributeError):
        resolve_trainer(name)
    assert not hasattr(trainers, "nnUNetTrainerFoo")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nnUNetTrainerCSANet_8head", "suffix _8head does not exist. Close: _8heads"),
        ("nnUNetTrainerCSANet_NoCsa", "Close: .*_NoCSA"),
        ("nnUNetTrainerCSANet_6epochs", "Close: .*_5epochs"),
        ("nnUNetTrainerCSANet_50epochs_NoISA", "Did you mean nnUNetTrainerCSANet_NoISA_50epochs"),
        ("nnUNetTrainerCSANet_5epochs_50epochs", "one schedule, and it comes last"),
        ("nnUNetTrainerCSANet_NoISA_NoISA", "_NoISA is given twice"),
        ("nnUNetTrainerCSANet__NoISA", "suffix _ does not exist"),
        ("nnUNetTrainerSliceUNet_8heads", "network SliceUNet has no option num_heads"),
    ],
)
def test_mistakes_name_the_way_out(name, message):
    with pytest.raises(ValueError, match=message):
        resolve_trainer(name)
