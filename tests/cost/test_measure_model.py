"""The cost of one model: against a manual calculation, and on the tiny data set in this process."""

import numpy as np
import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from nnunet_slice_attention.cost import measure_model
from nnunet_slice_attention.cost.measure_model import forward_macs
from nnunet_slice_attention.cost.model_cost import Measurement
from nnunet_slice_attention.trainers.two_d_first import nnUNetTrainer2DFirst
from tests.tiny_data import read


class OneConvolution:
    """What `forward_macs` needs of a trainer."""

    device = torch.device("cpu")
    network = torch.nn.Conv2d(2, 5, 3, padding=1)


def test_macs_of_a_convolution_are_outputs_times_kernel_times_inputs():
    assert forward_macs(OneConvolution(), torch.zeros(3, 2, 8, 7)) == 3 * (8 * 7 * 5) * (3 * 3 * 2)


def test_macs_of_attention_are_counted():
    class Attention(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.scaled_dot_product_attention(x, x, x)

    trainer = OneConvolution()
    trainer.network = Attention()
    heads, tokens, width = 2, 10, 4
    assert forward_macs(trainer, torch.zeros(1, heads, tokens, width)) == 2 * heads * tokens**2 * width


def test_mirroring_is_measured_only_where_a_model_mirrors(nnunet_folders, tiny, monkeypatch):
    def without_training(trainer, *_):
        trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        return dict.fromkeys(("data", "target"), torch.rand(1, 1, 3, 40, 40)), 0.5, 1.0

    monkeypatch.setattr(measure_model, "training_seconds", without_training)
    names = ["nnUNetTrainerSliceUNet", "nnUNetTrainerSliceUNet_NoMirroring"]
    measured = [
        measure_model.measure(Measurement(str(tiny.id), name, "nnUNetPlans", "2d", "cpu", 1, 1))
        for name in names
    ]
    assert all(cost.predict_s for cost in measured)
    assert [cost.predict_tta_s is None for cost in measured] == [False, True]


def test_time_per_slice_is_of_the_images_slices_not_of_those_after_resampling(
    nnunet_folders, tiny, monkeypatch
):
    load = nnUNetDatasetBlosc2.load_case

    def resampled(self, key):
        data, *others = load(self, key)
        return np.repeat(data[:], 2, axis=1), *others

    monkeypatch.setattr(nnUNetDatasetBlosc2, "load_case", resampled)
    trainer = get_trainer_from_args(
        str(tiny.id), "2d", 0, "nnUNetTrainerSliceUNet", device=torch.device("cpu")
    )
    trainer.initialize()
    _, (first, *_) = trainer.do_split()
    *_, slices = measure_model.predict_seconds(trainer, 1, lambda: None)
    image = nnunet_folders / "raw" / tiny.folder / "imagesTr" / f"{first}_0000.nii.gz"
    assert slices == len(read(image))


def test_the_schedule_of_2d_first_is_averaged_over_both_phases(nnunet_folders, tiny, monkeypatch):
    phase_seconds = {True: 1.0, False: 2.0}
    monkeypatch.setattr(
        measure_model,
        "training_seconds",
        lambda trainer, *_: (
            {"data": trainer.dummy, "target": trainer.dummy},
            0.5,
            phase_seconds[trainer._in_2d],
        ),
    )
    measurement = Measurement(
        str(tiny.id), "nnUNetTrainerSliceAttention_20epochs", "nnUNetPlans", "2d", "cpu", 1, 0
    )
    monkeypatch.setattr(nnUNetTrainer2DFirst, "dummy", torch.rand(1, 1, 3, 40, 40), raising=False)
    measured = measure_model.measure(measurement)
    assert measured.schedule_s == pytest.approx(0.6 * 1.0 + 0.4 * 2.0)
    assert measured.loaded_step_s == 2.0  # of the phase with neighbours
