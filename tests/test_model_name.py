"""Names of models, and how tables shorten them."""

import pytest

from nnunet_slice_attention.model_name import ModelName, short_names

STOCK, CSA = "nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainerCSANet__nnUNetPlans__2d"
THREE_D = "nnUNetTrainer__nnUNetPlans__3d_fullres"


def test_common_parts_are_omitted():
    assert short_names([STOCK, CSA, f"{STOCK} + {CSA}"]) == {
        STOCK: "nnUNetTrainer",
        CSA: "nnUNetTrainerCSANet",
        f"{STOCK} + {CSA}": "nnUNetTrainer + nnUNetTrainerCSANet",
    }
    assert list(short_names([STOCK, CSA, THREE_D]).values()) == [
        "nnUNetTrainer 2d",
        "nnUNetTrainerCSANet 2d",
        "nnUNetTrainer 3d_fullres",
    ]


def test_names_of_another_form_are_kept():
    assert short_names(["2d", STOCK]) == {"2d": "2d", STOCK: STOCK}


@pytest.mark.parametrize("folder", ["../", "plans/", "C:\\"])
def test_a_path_is_not_a_model(folder):
    with pytest.raises(ValueError, match="is not TRAINER__PLANS__CONFIGURATION"):
        ModelName.parse(f"{folder}Tiny__nnUNetPlans__2d")
