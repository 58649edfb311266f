"""Instances of a slice: what a detector learns from, taken from label maps, and a segmentation of what it finds.

An instance is a connected component (8-connectivity) of one structure in the slice.
"""

from collections.abc import Mapping

import numpy as np
import torch
from scipy.ndimage import find_objects, generate_binary_structure, label
from torch import Tensor
from torchvision.models.detection.roi_heads import paste_masks_in_image

CONNECTED = generate_binary_structure(2, 2)
LEAST = 1e-4  # probability of a structure, and of the background, where it is not; its logarithm must be finite


def structures_of(target: Tensor, n_structures: int, has_background: bool) -> Tensor:
    """One mask per structure: nnU-Net's target (B, 1, H, W) of labels or (B, n, H, W) of regions -> (B, n, H, W) bool."""
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
    pasted = paste_masks_in_image(found["masks"], found["boxes"], size)[:, 0]
    pasted = pasted * found["scores"][:, None, None]
    nothing = pasted.new_zeros(1, *size)
    return torch.stack(
        [torch.cat([nothing, pasted[found["labels"] == s]]).amax(dim=0) for s in range(1, n_structures + 1)]
    )


def logits_of(probabilities: Tensor, has_background: bool) -> Tensor:
    """Logits whose softmax, or sigmoid without background, is about the given probabilities.

    (..., n, H, W) -> (..., n+1, H, W) with a background of one minus the largest probability, or (..., n, H, W).
    """
    probabilities = probabilities.clamp(LEAST, 1 - LEAST)
    if not has_background:
        return probabilities.logit()
    background = 1 - probabilities.amax(dim=-3, keepdim=True)
    return torch.cat([background, probabilities], dim=-3).log()
