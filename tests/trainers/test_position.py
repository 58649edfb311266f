"""Trainers with `_Position`: the channel in batches, and through the augmentation."""

import pickle

import numpy as np
import pytest
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from nnunet_slice_attention.trainers.border_padding import BorderPaddedDataset
from nnunet_slice_attention.trainers.resolver import resolve_trainer
from nnunet_slice_attention.trainers.side_channel import SideChannelDataset, positions
from tests.tiny_data import DEPTHS

VOLUME = np.arange(2 * 4 * 5 * 6, dtype=np.float32).reshape(2, 4, 5, 6) + 1
POSITIONS = [1 / 8, 3 / 8, 5 / 8, 7 / 8]
SIZE = (24, 20)


class OneCase:
    identifiers = ("a",)

    def load_case(self, identifier):
        return VOLUME, VOLUME[:1].astype(np.int16), None, {"class_locations": {1: np.array([[0, 0, 2, 3]])}}


def dataset(margin):
    return BorderPaddedDataset(SideChannelDataset(OneCase(), positions), margin)


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_crops_have_the_positions_in_the_volume_and_0_outside(margin):
    lazy, segmentation, previous, properties = dataset(margin).load_case("a")
    channel = np.broadcast_to(np.array(POSITIONS, np.float32)[None, :, None, None], (1, *VOLUME.shape[1:]))
    placed = np.pad(np.concatenate([VOLUME, channel]), ((0, 0), (margin, margin), (0, 0), (0, 0)))
    assert lazy.shape == placed.shape and segmentation.shape == (1, *placed.shape[1:])
    assert previous is None and properties["class_locations"][1].tolist() == [[0, margin, 2, 3]]
    rng = np.random.default_rng(0)
    for _ in range(300):
        low = np.array([rng.integers(-2, s) for s in placed.shape[1:]])
        box = np.stack([low, low + rng.integers(3, 8, 3)], axis=1).tolist()
        np.testing.assert_array_equal(crop_and_pad_nd(lazy, box, 0), crop_and_pad_nd(placed, box, 0))


@pytest.mark.parametrize("patch", [(8, 9), (3, 8, 9), (9, 8, 9)])
def test_nnunets_loader_takes_the_channel_along(patch):
    labels = LabelManager({"background": 0, "a": 1}, regions_class_order=None)
    loader = nnUNetDataLoader(dataset(len(patch) - 2), 4, patch, patch, labels)
    expected = dict(zip(VOLUME[0, :, 0, 0].tolist(), POSITIONS, strict=True)) | {0: 0}
    batch = loader.generate_train_batch()["data"]
    assert batch.shape == (4, 3, *patch)
    slices = batch.transpose(0, 1).flatten(1, -3)  # (C+1, n, H, W)
    first_voxel = slices[0].masked_fill(slices[0] == 0, torch.inf).amin(dim=(1, 2)).nan_to_num(posinf=0)
    assert slices[2].amax(dim=(1, 2)).tolist() == [expected[value] for value in first_voxel.tolist()]


@pytest.mark.parametrize(
    ("suffix", "patch", "loaded"),
    [("", SIZE, SIZE), ("", (3, *SIZE), (3, *SIZE)), ("_RandomDistance", (3, *SIZE), (5, *SIZE))],
    ids=["2d", "slab", "random distance"],
)
def test_augmentation_changes_the_image_and_no_position(suffix, patch, loaded):
    trainer = resolve_trainer(f"nnUNetTrainerSliceAttention_Position{suffix}")
    on_slabs = len(patch) == 3
    pipeline = trainer.get_training_transforms(
        patch, (-0.3, 0.3), None, (1, 2) if on_slabs else (0, 1), on_slabs
    )
    pipeline = pickle.loads(pickle.dumps(pipeline))
    torch.manual_seed(0)
    np.random.seed(0)
    found, changed = set(), torch.zeros(2)
    for _ in range(40):
        image = torch.randn(3, *loaded) + 5
        image[2] = (
            torch.tensor([0, 1 / 8, 1 / 4, 1 / 2, 3 / 4][: loaded[0]])[:, None, None] if on_slabs else 1 / 4
        )
        image[..., :4] = 0  # padded in plane
        if on_slabs:
            image[:, 0] = 0  # a margin
        given = image.clone()
        out = pipeline(image=image, segmentation=torch.ones(1, *loaded, dtype=torch.int16))["image"]
        assert out.shape == (3, *patch)
        assert (out[2] == out[2].amax(dim=(-1, -2), keepdim=True)).all()
        found.add(tuple(np.atleast_1d(out[2, ..., 0, 0]).tolist()))
        if suffix == "":
            changed += (out[:2] != given[:2]).flatten(1).any(dim=1)
    expected = {"": {(0, 1 / 8, 1 / 4)}, "_RandomDistance": {(1 / 8, 1 / 4, 1 / 2), (0, 1 / 4, 3 / 4)}}[
        suffix
    ]
    assert found == (expected if on_slabs else {(1 / 4,)})
    assert suffix or changed.min() > 20  # each channel is changed with a probability of its own


@pytest.mark.parametrize(
    "name",
    [
        "SliceAttention_Position",
        "SliceAttention_Position_FromScratch_RandomDistance",
        "SliceUNet_Position",
    ],
)
def test_batches_of_training_and_validation_have_positions_and_they_are_trained(
    name, nnunet_folders, tiny, monkeypatch
):
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    trainer = get_trainer_from_args(
        str(tiny.id), "2d", 0, f"Tiny_nnUNetTrainer{name}", device=torch.device("cpu")
    )
    trainer.on_train_start()
    possible = {0.0} | {round((i + 0.5) / depth, 4) for depth in DEPTHS for i in range(depth)}
    for loader in (trainer.dataloader_train, trainer.dataloader_val):
        batch = next(loader)
        assert batch["data"].shape[1] == 2
        positions = batch["data"][:, 1].amax(dim=(-1, -2)).flatten().tolist()
        assert {round(value, 4) for value in positions} <= possible and max(positions) > 0
    trainer.network.train()
    trainer.train_step(next(trainer.dataloader_train))
    assert trainer.network.slice_position.codes[-1].weight.grad.any()
    trainer.on_validation_epoch_start()
    assert np.isfinite(trainer.validation_step(batch)["loss"])
