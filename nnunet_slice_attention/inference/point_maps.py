"""Where CSA-Net looks from one point (`--attention-point`): weights of all positions of each neighbouring slice.

There is one softmax per offset, over the positions of the slice at the offset, so each map sums to 1. The attention is
at stride 16: the point is the location of the features that holds it, and the weight of a location is spread evenly
over its pixels, padding left out.
"""

from collections.abc import Sequence

import nibabel
import numpy as np
import torch
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from torch import Tensor
from torch.nn import functional as F

from ..attention.neighbours import Neighbourhood
from ..files import replacing
from ..networks.csa_net import CSANet
from .attention_files import map_of
from .cases import Case
from .file_grid import FileGrid, Voxel
from .on_image_grid import on_image, preprocessed
from .predictor import SlabPredictor

FLAG = "--attention-point"


def check_points(cases: Sequence[Case], points: Sequence[Voxel], reader: BaseReaderWriter) -> None:
    """Raise ValueError if a point is outside of a case's image; images that cannot be read are passed over."""
    for case in cases:
        try:
            image, properties = reader.read_images([str(case.images[0])])
        except (
            Exception
        ):  # readers can raise anything; of a case predicted earlier, which its maps will report
            continue
        grid = FileGrid.of(case.images[0], properties, image.shape[1:])
        for point in points:
            if not grid.has(point):
                size = " x ".join(map(str, grid.file.shape))
                raise ValueError(
                    f"{FLAG} {_text(point)} is outside of {case.images[0]}, which has {size} voxels: indices are from "
                    f"0,0,0 to {_text([n - 1 for n in grid.file.shape])}. Give another point, or another -i."
                )


def write_maps(predictor: SlabPredictor, case: Case, points: Sequence[Voxel]) -> None:
    """Write the maps of a case: `attention/CASE_point_I_J_K_-1.nii.gz` etc. beside the prediction.

    Each has the image's grid, and weights in the slice at that offset alone. They sum to 1, less the weight of
    locations that are nothing but padding; bringing them onto the image's grid keeps the sum.

    Args:
        points: voxels (i, j, k) of the image's file.

    Raises:
        ValueError: nnU-Net crops the image at a point, or a point's slice is empty; the maps of the others are written.
    """
    volume, properties = preprocessed(predictor, case.images)
    backward = predictor.plans_manager.transpose_backward
    shape = [properties["shape_before_cropping"][axis] for axis in backward]
    grid = FileGrid.of(case.images[0], properties, shape)
    unseen = []
    for point in points:
        index = [grid.in_array(point)[axis] for axis in predictor.plans_manager.transpose_forward]
        place = _in_preprocessed(index, volume.shape[1:], properties)
        found = {} if place is None else point_weights(predictor, volume, place)
        if not found:
            unseen.append(_text(point))
        for offset, weights in found.items():
            whole = torch.zeros(1, *volume.shape[1:])
            whole[0, place[0] + offset] = weights
            (values,) = on_image(predictor, whole, properties).astype(np.float64)
            values *= float(weights.double().sum()) / max(values.sum(), np.finfo(float).tiny)
            path = map_of(case.output, point, offset)
            path.parent.mkdir(exist_ok=True)
            with replacing(path, ".nii.gz") as partial:
                nibabel.save(grid.as_nifti(values), partial)
    if unseen:
        raise ValueError(
            f"{FLAG} {' '.join(unseen)} is in a part that is 0 in all channels, which the network does not see. Give "
            "another point"
        )


def point_weights(predictor: SlabPredictor, volume: Tensor, point: Voxel) -> dict[int, Tensor]:
    """{offset: weights (H, W)} of a preprocessed volume (C, S, H, W), float32, without mirroring.

    The mean over heads, folds and the tiles that have the point, which count as in the prediction. No offsets if the
    point's slice is empty, and none at which there is no slice.

    Args:
        point: (slice, row, column).
    """
    patch = predictor.configuration_manager.patch_size[-2:]
    padded, inside = predictor.padded(volume)
    place = tuple(index + where.start for index, where in zip(point, inside[1:], strict=True))
    is_image = torch.zeros(padded.shape[-2:])
    is_image[inside[2:]] = 1
    found = predictor.within_memory(
        lambda n, _: _mean_over_folds_and_tiles(predictor, padded, is_image, tuple(patch), place, n)
    )
    return {offset: weights[inside[2:]] for offset, weights in found.items()}


@torch.inference_mode()
def _mean_over_folds_and_tiles(
    predictor: SlabPredictor,
    padded: Tensor,
    is_image: Tensor,
    patch: tuple[int, int],
    point: Voxel,
    chunk: int,
) -> dict[int, Tensor]:
    gaussian = compute_gaussian(patch, sigma_scale=1 / 8, dtype=torch.float32, device=torch.device("cpu"))
    index, *pixel = point
    radius = predictor.slab_network().fusion_radius
    near = slice(max(0, index - radius), index + radius + 1)
    total, sums = {}, {}
    for network in predictor.fold_networks():
        for tile in predictor.tiles(padded.shape[-2:], patch):
            row, column = (n - where.start for n, where in zip(pixel, tile, strict=True))
            if not (0 <= row < patch[0] and 0 <= column < patch[1]):
                continue
            slices = padded[(slice(None), near, *tile)].transpose(0, 1)[None].to(predictor.device)
            with predictor.autocast():
                found = _of_slices(network, slices, is_image[tile], (index - near.start, row, column), chunk)
            for offset, weights in found.items():
                whole = sums.setdefault(offset, torch.zeros(padded.shape[-2:]))
                whole[tile] += gaussian[row, column] * weights
                total[offset] = total.get(offset, 0) + gaussian[row, column]
    return {offset: sums[offset] / total[offset] for offset in sorted(sums)}


def _of_slices(
    network: CSANet, slices: Tensor, is_image: Tensor, point: Voxel, chunk: int
) -> dict[int, Tensor]:
    """Weights of a stack (1, S, C, H, W), on the CPU; `chunk` slices are encoded at a time."""
    index, row, column = point
    valid = network.valid_slices(slices)
    if not valid[0, index]:
        return {}
    encoded = []
    for first in range(0, slices.shape[1], chunk):
        piece = slices[:, first : first + chunk], valid[:, first : first + chunk]
        encoded.append(network.encode(*piece, range(piece[1].shape[1]))[network.stage])
    features = torch.cat(encoded, dim=1)
    tall, wide = (
        (n + -n % stride) // cells
        for n, stride, cells in zip(is_image.shape, network.total_stride, features.shape[-2:], strict=True)
    )
    around = Neighbourhood(range(index, index + 1), valid)
    found = network.weights_at(features, around, row // tall, column // wide)
    return {offset: _spread(weights.cpu(), tall, wide, is_image) for offset, weights in found.items()}


def _spread(weights: Tensor, tall: int, wide: int, is_image: Tensor) -> Tensor:
    """Each location's weight over those of its tall x wide pixels that are image: (h, w) -> (H, W)."""
    height, width = is_image.shape
    pixels = F.pad(is_image, (0, weights.shape[1] * wide - width, 0, weights.shape[0] * tall - height))
    counts = pixels.unflatten(1, (-1, wide)).unflatten(0, (-1, tall)).sum(dim=(1, 3))
    each = weights / counts.clamp(min=1)
    return is_image * each.repeat_interleave(tall, 0).repeat_interleave(wide, 1)[:height, :width]


def _in_preprocessed(index: Sequence[int], shape: Sequence[int], properties: dict) -> Voxel | None:
    """Where a voxel of the image, axes as the network's, is after cropping and resampling; None if it is cropped."""
    place = []
    for n, (low, high), size in zip(index, properties["bbox_used_for_cropping"], shape, strict=True):
        if not low <= n < high:
            return None
        place.append(int((n - low + 0.5) * size / (high - low)))
    return tuple(place)


def _text(point: Sequence[int]) -> str:
    return ",".join(map(str, point))
