"""Instances of a slice: what a detector learns from, taken from label maps, and a segmentation of what it finds.

An instance is a connected component (8-connectivity) of one structure in the slice.
"""

from collections.abc import Mapping

import numpy as np
import torch
from scipy.ndimage import find_objects, generate_binary_structure, label
from torch import Tensor
from torch.nn import functional as F

CONNECTED = generate_binary_structure(2, 2)
# Logits of tiles, mirrorings and folds are averaged. A detector drops what scores less than 0.05, so one that misses an
# instance says no more than that, and no single one may outvote the others.
MISSED, MOST = 0.05, 0.999


def structures_of(target: Tensor, n_structures: int, has_background: bool) -> Tensor:
    """One mask per structure: nnU-Net's target (N, 1, H, W) of labels or (N, n, H, W) of regions -> (N, n, H, W)."""
    if not has_background:
        return target > 0
    return target == torch.arange(1, n_structures + 1, device=target.device).view(-1, 1, 1)


def instances(structures: Tensor) -> list[dict[str, Tensor]]:
    """Targets of torchvision's Mask R-CNN, one per slice.

    Args:
        structures: (N, n, H, W) bool, see `structures_of`.

    Returns:
        N dictionaries: boxes (I, 4) float32, x1, y1, x2, y2 in voxels with x2 and y2 exclusive; labels (I,) int64 from
        1 to n; masks (I, H, W) uint8. I is 0 for a slice without a structure.
    """
    return [_instances_of_slice(masks, structures.device) for masks in structures.cpu().numpy()]


def _instances_of_slice(structures: np.ndarray, device: torch.device) -> dict[str, Tensor]:
    boxes, labels, masks = [], [], []
    for structure, mask in enumerate(structures, start=1):
        components, _ = label(mask, CONNECTED)
        for component, (rows, columns) in enumerate(find_objects(components), start=1):
            boxes.append([columns.start, rows.start, columns.stop, rows.stop])
            labels.append(structure)
            masks.append(components == component)
    size = structures.shape[1:]
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64, device=device),
        "masks": torch.from_numpy(np.array(masks, np.uint8).reshape(-1, *size)).to(device),
    }


def probabilities(found: Mapping[str, Tensor], n_structures: int, size: tuple[int, int]) -> Tensor:
    """Probability of each structure at each pixel: the maximum over its instances of score times mask, (n, H, W).

    Args:
        found: boxes (I, 4), labels (I,), scores (I,) and masks (I, 1, m, m) of one slice, as `RoIHeads` returns them.
        n_structures: n.
        size: (H, W).
    """
    pasted = found["scores"][:, None, None] * _pasted(found["masks"], found["boxes"], size)
    nothing = pasted.new_zeros(1, *size)
    return torch.stack(
        [torch.cat([nothing, pasted[found["labels"] == s]]).amax(dim=0) for s in range(1, n_structures + 1)]
    )


def _pasted(masks: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks (I, 1, m, m) of boxes (I, 4) at the pixels of the slice, (I, H, W); 0 outside their box.

    The inverse of torchvision's `project_masks_on_boxes`, from which the masks are learned, and which has the centre of
    pixel 0 at 0. Its `paste_masks_in_image` enlarges boxes by a pixel, which matters for small structures.
    """
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    y, in_rows = _in_box(size[0], y1, y2)
    x, in_columns = _in_box(size[1], x1, x2)
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
    pasted = F.grid_sample(masks, grid, padding_mode="border", align_corners=False)[:, 0]
    return pasted * (in_rows[:, :, None] & in_columns[:, None, :])


def _in_box(pixels: int, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Along one axis, (I, pixels): coordinates from -1 to 1 of pixels in boxes, and which pixels are inside."""
    places = torch.arange(pixels, device=first.device, dtype=first.dtype)
    first, last = first[:, None], last[:, None]
    inside = (first <= places + 0.5) & (places + 0.5 < last)
    return 2 * (places - first) / (last - first) - 1, inside


def logits_of(probabilities: Tensor, has_background: bool) -> Tensor:
    """Logits whose softmax, or sigmoid without background, is about the given probabilities.

    They are at most `MOST`, and at least `MISSED`, or with background a share of it, so that the softmax stays close.

    (..., n, H, W) -> (..., n+1, H, W) with a background of one minus the largest probability, or (..., n, H, W).
    """
    least = MISSED / probabilities.shape[-3] if has_background else MISSED
    probabilities = probabilities.clamp(least, MOST)
    if not has_background:
        return probabilities.logit()
    background = 1 - probabilities.amax(dim=-3, keepdim=True)
    return torch.cat([background, probabilities], dim=-3).log()
