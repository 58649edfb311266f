"""How much each neighbouring slice weighed in a prediction (`--attention`): volumes on the image's grid, and a summary.

For networks whose attention has one softmax over slices: SliceAttention, TSFMUNet, VAUNet and VAMaskRCNN.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from torch import Tensor, nn
from torch.nn import functional as F

from ..files import write_text
from ..networks import SlabNetwork
from .attention_files import files_of, table_of, volume_of
from .cases import Case
from .on_image_grid import on_image, preprocessed
from .predictor import SlabPredictor
from .whole_stack import segment_stack

PER_CENT = 100  # weights are written as small integers, which all of nnU-Net's writers take
REGIONS = ("image", "structures", "first slice", "last slice")


def attention_layers(network: nn.Module) -> list[nn.Module]:
    """The layers with one softmax over slices; those in a detector's heads weigh the slices of a region."""
    return [
        module
        for name, module in network.named_modules()
        if hasattr(module, "attention_weights") and not name.startswith("decoder.")
    ]


def volume_weights(predictor: SlabPredictor, volume: Tensor) -> dict[int, Tensor]:
    """{offset: weights in [0, 1]} of a preprocessed volume (C, S, H, W): each (S, H, W), float32, without mirroring.

    The mean over heads, layers and folds; layers that do not reach as far as an offset count as 0 there. Over the
    offsets the weights sum to 1, or to 0 for a slice without neighbours whose network does not weigh the slice itself.
    """
    patch = predictor.configuration_manager.patch_size[-2:]
    padded, inside = predictor.padded(volume)
    found = predictor.within_memory(
        lambda n, _: _mean_over_folds_and_tiles(predictor, padded, tuple(patch), n)
    )
    return {offset: weights[inside[1:]] for offset, weights in found.items()}


@torch.inference_mode()
def _mean_over_folds_and_tiles(
    predictor: SlabPredictor, padded: Tensor, patch: tuple[int, int], chunk: int
) -> dict[int, Tensor]:
    gaussian = compute_gaussian(patch, sigma_scale=1 / 8, dtype=torch.float32, device=predictor.device)
    total, sums = torch.zeros(padded.shape[-2:]), {}
    for network in predictor.fold_networks():
        for tile in predictor.tiles(padded.shape[-2:], patch):
            total[tile] += gaussian.cpu()
            stack = padded[(..., *tile)][None].to(predictor.device)
            with predictor.autocast():
                found = stack_weights(network, stack, chunk)
            for offset, weights in found.items():
                whole = sums.setdefault(offset, torch.zeros(padded.shape[1:]))
                whole[(slice(None), *tile)] += gaussian.cpu() * weights
    return {offset: sums[offset] / total for offset in sorted(sums)}


@torch.inference_mode()
def stack_weights(network: SlabNetwork, stack: Tensor, chunk: int) -> dict[int, Tensor]:
    """{offset: weights (S, H, W)} of a stack, as `segment_stack` takes it, of one volume; on the CPU."""
    found: dict[int, Tensor] = {}
    with _recording(attention_layers(network)) as recorded:
        for place, _ in segment_stack(network, stack, chunk):
            for offsets, weights in recorded:
                for offset, of_slices in zip(offsets, weights[:, 0], strict=True):
                    whole = found.setdefault(offset, torch.zeros(stack.shape[2:]))
                    whole[place] += _enlarged(of_slices, network, stack.shape[-2:]).cpu() / len(recorded)
            recorded.clear()
    return found


@contextmanager
def _recording(layers: Sequence[nn.Module]) -> Iterator[list[tuple[Sequence[int], Tensor]]]:
    """A list that gets each layer's offsets and weights (n, B, T, h, w) whenever it is called."""
    recorded: list[tuple[Sequence[int], Tensor]] = []

    def record(layer: nn.Module, inputs: tuple, _output: Tensor) -> None:
        recorded.append((layer.offsets, layer.attention_weights(*inputs)))

    handles = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def _enlarged(weights: Tensor, network: SlabNetwork, size: Sequence[int]) -> Tensor:
    """(T, h, w) of a stage, or (T, 1, 1) of all places together, to (T, H, W)."""
    padded = [n + -n % stride for n, stride in zip(size, network.total_stride, strict=True)]
    large = F.interpolate(weights[:, None].float(), padded, mode="bilinear", align_corners=False)
    return large[:, 0, : size[0], : size[1]]


def weights_on_image(predictor: SlabPredictor, images: Sequence[Path]) -> tuple[dict[int, np.ndarray], dict]:
    """{offset: weights} on the grid of a case's images, 0 where nnU-Net crops them; and the reader's properties."""
    volume, properties = preprocessed(predictor, images)
    found = volume_weights(predictor, volume)
    maps = on_image(predictor, torch.stack(list(found.values())), properties)
    return dict(zip(found, maps, strict=True)), properties


def write_weights(predictor: SlabPredictor, case: Case) -> None:
    """Write a case's weights, in per cent, one volume per offset, and a table of their means.

    `attention/CASE_-1.nii.gz` etc. and `attention/CASE.csv` (offset, region, weight) beside the prediction, in the
    prediction's format. Regions: the "image" where it is not cropped, the predicted "structures", and of these the
    "first slice" and the "last slice"; a region without a voxel has no row.
    """
    weights, properties = weights_on_image(predictor, case.images)
    writer, table = predictor.plans_manager.image_reader_writer_class(), table_of(case.output)
    table.parent.mkdir(exist_ok=True)
    for offset, volume in weights.items():
        per_cent = np.round(PER_CENT * volume).astype(np.uint8)
        writer.write_seg(per_cent, str(volume_of(case.output, offset)), properties)
    slices_first = predictor.plans_manager.transpose_forward
    segmented = writer.read_seg(str(case.output))[0][0].transpose(slices_first) > 0
    weights = {offset: volume.transpose(slices_first) for offset, volume in weights.items()}
    lines = [
        f"{offset},{region},{volume[voxels].mean():.4f}\n"
        for region, voxels in regions(sum(weights.values()) > 0, segmented).items()
        for offset, volume in weights.items()
    ]
    write_text(table, "offset,region,weight\n" + "".join(lines))


def remove_weights(prediction: Path) -> None:
    """Those of an earlier prediction of the same case, for TIFF with the files that hold their spacing."""
    for path in files_of(prediction):
        path.unlink()


def regions(image: np.ndarray, segmented: np.ndarray) -> dict[str, np.ndarray]:
    """Masks (S, H, W) of the regions that have a voxel, by name."""
    slices = np.flatnonzero(segmented.any(axis=(1, 2)))
    masks = [image, segmented]
    for index in (slices[:1], slices[-1:]):
        mask = np.zeros_like(segmented)
        mask[index] = segmented[index]
        masks.append(mask)
    return {name: mask for name, mask in zip(REGIONS, masks, strict=True) if mask.any()}
