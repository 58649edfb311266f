"""Random slice distances in training, so that a network sees more than one slice spacing."""

from collections.abc import Iterator

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms


def depth_to_load(depth: int, max_distance: int) -> int:
    """Slices to load for a slab of `depth` slices that are up to `max_distance` apart: depth_to_load(3, 2) is 5.

    With an even depth more slices are before the middle one than behind it: depth_to_load(2, 2) is 5 too.
    """
    return depth if max_distance == 1 else 2 * max_distance * (depth // 2) + 1


class DrawDistance(BasicTransform):
    """Keep every k-th slice around the middle, k uniform from 1 to `max_distance`: (C, L, H, W) -> (C, S, H, W).

    Args:
        depth: S; L is `depth_to_load(depth, max_distance)`.
        max_distance: in slices.
        scale_last: the image's last channel is the distance between its slices, which is k times as large then.
    """

    def __init__(self, depth: int, max_distance: int, scale_last: bool = False):
        super().__init__()
        self.depth, self.max_distance, self.scale_last = depth, max_distance, scale_last

    def apply(self, data_dict: dict, **params) -> dict:
        distance = int(torch.randint(1, self.max_distance + 1, ()))
        # Where nnU-Net puts the foreground it looks for.
        middle = depth_to_load(self.depth, self.max_distance) // 2
        first = middle - distance * (self.depth // 2)
        kept = slice(first, first + distance * (self.depth - 1) + 1, distance)
        drawn = {name: data_dict[name][:, kept] for name in self._stacks(data_dict)}
        if self.scale_last:
            image = drawn["image"]
            drawn["image"] = torch.cat([image[:-1], distance * image[-1:]])
        return data_dict | drawn

    @staticmethod
    def _stacks(data_dict: dict) -> Iterator[str]:
        return (name for name in ("image", "segmentation") if name in data_dict)


def prepend_draw_distance(
    pipeline: ComposeTransforms, depth: int, max_distance: int, scale_last: bool = False
) -> ComposeTransforms:
    """`pipeline` with `DrawDistance` as its first step; unchanged if `max_distance` is 1."""
    if max_distance == 1:
        return pipeline
    return ComposeTransforms([DrawDistance(depth, max_distance, scale_last), *pipeline.transforms])
