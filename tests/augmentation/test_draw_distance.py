"""Slabs whose neighbours are one or two slices apart."""

from collections import Counter

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.augmentation.draw_distance import DrawDistance, depth_to_load


@pytest.mark.parametrize(("depth", "loaded"), [(1, 1), (2, 5), (3, 5), (4, 9), (5, 9)])
def test_the_loaded_depth_fits_a_slab_at_the_largest_distance(depth, loaded):
    assert depth_to_load(depth, 2) == loaded
    assert depth_to_load(depth, 1) == depth


def test_image_and_labels_keep_the_same_slices_around_the_middle_at_both_distances():
    numbers = torch.arange(5.0)[None, :, None, None].expand(2, 5, 4, 4)
    drawn = Counter()
    for _ in range(200):
        sample = DrawDistance(3, 2)(image=numbers.clone(), segmentation=numbers[:1].clone())
        assert torch.equal(sample["image"][0], sample["segmentation"][0])
        drawn[tuple(sample["image"][0, :, 0, 0].int().tolist())] += 1
    assert set(drawn) == {(1, 2, 3), (0, 2, 4)}
    assert min(drawn.values()) > 60


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("max_distance", [2, 3])
def test_the_middle_of_what_is_loaded_is_the_middle_of_the_slab_at_any_distance(depth, max_distance):
    """There nnU-Net puts the voxel of foreground that it looks for."""
    loaded = depth_to_load(depth, max_distance)
    numbers = torch.arange(float(loaded))[None, :, None, None].expand(1, loaded, 2, 2)
    for _ in range(20):
        drawn = DrawDistance(depth, max_distance)(image=numbers.clone())["image"][0, :, 0, 0]
        assert len(drawn) == depth and drawn[depth // 2] == loaded // 2
        assert len(set(drawn.diff().tolist())) <= 1


def test_a_channel_of_distances_grows_with_the_distance_that_is_drawn():
    image = torch.stack([torch.arange(5.0), torch.tensor([0.0, 1.5, 1.5, 1.5, 1.5])])[..., None, None]
    image = image.expand(2, 5, 4, 4)  # the first slice is outside of the volume
    drawn = set()
    for _ in range(50):
        slices, distances = DrawDistance(3, 2, scale_last=True)(image=image.clone())["image"][
            ..., 0, 0
        ].tolist()
        drawn.add((*slices, *distances))
    assert drawn == {(1, 2, 3, 1.5, 1.5, 1.5), (0, 2, 4, 0, 3, 3)}


@pytest.mark.parametrize("name", ["SliceAttention_RandomDistance", "CSANet_RandomDistance_ShortSlabs"])
def test_a_trainer_loads_deeper_patches_but_trains_on_slabs_of_its_own_depth(name, nnunet_folders, tiny):
    trainer = get_trainer_from_args(str(tiny.id), "2d", 0, f"nnUNetTrainer{name}", device=torch.device("cpu"))
    trainer.initialize()
    if "SliceAttention" in name:
        trainer.enter_phase(in_2d=False)
    loaders = trainer.get_dataloaders()
    try:
        assert loaders[0].generator.patch_size[0] == depth_to_load(trainer.slab.train_depth, 2)
        for loader in loaders:
            assert next(loader)["data"].shape[2] == trainer.slab.train_depth
    finally:
        for loader in loaders:
            loader._finish()
    assert trainer.slab_margin == trainer.slab.train_margin
