"""Exports the channel view to ONNX: one centre slice with its neighbours as channels, for use without PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..files import check_file_writable, check_not_an_input, replacing
from ..networks import DETECTORS, SlabNetwork
from ..networks.compiled import uncompiled
from .trained_model import load_predictor

TOLERANCE = 1e-3  # maximum difference of logits due to rounding


@dataclass(frozen=True)
class OnnxExport:
    """An exported file.

    Attributes:
        path: the file. Inputs `x` (1, (2R+1)*C, H, W) float32, slice-major and normalised as by nnU-Net, and
            `valid` (1, 2R+1) bool, False where a slice does not exist; output `logits` (1, K, H, W).
        n_slices: 2R+1.
        sizes: in-plane sizes for which the file was compared with PyTorch; more than one if H and W are dynamic.
        stride: (vertical, horizontal); dynamic sizes must be multiples of it, at least one of them twice it or more.
        difference: maximum difference of logits to PyTorch.
    """

    path: Path
    n_slices: int
    sizes: list[tuple[int, int]]
    stride: tuple[int, int]
    difference: float


class CentreSlice(nn.Module):
    """The channel view with its mask as a second input."""

    def __init__(self, network: SlabNetwork):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        return self.network(x, valid)


def export_trained(model: Path, folds: Sequence[str], checkpoint: str, output: Path) -> OnnxExport:
    """Export one fold of a trained model, see `export_onnx`.

    Args:
        model: nnU-Net's folder of a trainer, plans and configuration.
        folds: exactly one.

    Raises:
        ValueError: not one fold, a model without slice attention, or `output` is one of the model's files.
    """
    check_not_an_input(output, model.rglob("*"))
    if len(folds) != 1:
        raise ValueError(f"-f {' '.join(folds)}: an ONNX file has one network. Give one fold.")
    predictor = load_predictor(model, folds, checkpoint, "cpu")
    network = uncompiled(predictor.network)
    if not isinstance(network, SlabNetwork):
        raise ValueError(
            f"{model.name} was not trained by a slice-attention trainer. Give one with -tr, e.g. "
            "nnUNetTrainerSliceAttention."
        )
    network.load_state_dict(predictor.list_of_parameters[0])
    return export_onnx(network, predictor.configuration_manager.patch_size[-2:], output)


def export_onnx(network: SlabNetwork, patch_size: tuple[int, int], output: Path) -> OnnxExport:
    """Export a network, with dynamic in-plane size if possible, and compare the file with PyTorch.

    Args:
        network: on the CPU.
        patch_size: (H, W) in voxels, the planned patch size.
        output: the file, written only after the comparison; its folder is created.

    Raises:
        ValueError: the ONNX packages are not installed, the network is a detector or needs a side channel, or `output`
            cannot be written.
        RuntimeError: the file gives different logits.
    """
    if isinstance(network, DETECTORS):
        raise ValueError(
            f"{type(network).__name__} is a detector, whose number of instances differs from slice to slice; ONNX "
            "export is for segmentation networks. Share it as a bundle: --format bundle."
        )
    if network.side_channel is not None:
        raise ValueError(
            f"a slice needs one more channel with {network.side_channel}, which the inputs of an ONNX export do not "
            "contain. Share the network as a bundle: --format bundle."
        )
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise ValueError(
            f'{error.name} is not installed. Run: pip install ".[onnx]", in a clone of the repository.'
        ) from error
    output = Path(output)
    check_file_writable(output)
    model = CentreSlice(network).eval()
    n_slices = 2 * network.context_radius + 1
    planned = tuple(-(-p // s) * s for p, s in zip(patch_size, network.total_stride, strict=True))
    another = tuple(p + 2 * s for p, s in zip(planned, network.total_stride, strict=True))

    def write_and_compare(path: Path, sizes: list[tuple[int, int]], dynamic_shapes: dict | None) -> float:
        # Traced with the last size: at the planned one positions are not resized, and the trace would omit it.
        example = _example(model, sizes[-1], n_slices)
        torch.onnx.export(
            model, example, path, dynamo=True, verbose=False, external_data=False,
            input_names=["x", "valid"], output_names=["logits"], dynamic_shapes=dynamic_shapes,
        )  # fmt: skip
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        differences = [_difference(session, model, _example(model, size, n_slices)) for size in sizes]
        return float(np.max(differences))  # Python's max can lose NaN

    in_plane = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as partial:
        try:
            sizes = [planned, another]
            difference = write_and_compare(partial, sizes, {"x": in_plane, "valid": {}})
        except OSError:  # of the disk, whatever the shapes
            raise
        except Exception:  # exporter and runtime raise different errors for operators with a fixed size
            sizes = [planned]
            difference = write_and_compare(partial, sizes, None)
        if not difference < TOLERANCE:
            raise RuntimeError(
                f"the logits of the exported network differ from PyTorch's by up to {difference:.2g}, more than "
                f"{TOLERANCE}. Report this with the versions that `nnunet-slice-attention doctor` prints."
            )
    return OnnxExport(output, n_slices, sizes, tuple(network.total_stride), difference)


def _example(model: CentreSlice, size: tuple[int, int], n_slices: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, n_slices * model.network.in_channels, *size, generator=generator)
    return x, torch.ones(1, n_slices, dtype=torch.bool)


def _difference(session, model: CentreSlice, inputs: tuple[Tensor, Tensor]) -> float:
    """Maximum over `_masks`; NaN if there is one in the logits."""
    x, _ = inputs
    differences = []
    for mask in _masks(model.network.context_radius):
        (got,) = session.run(None, {"x": x.numpy(), "valid": mask.numpy()})
        with torch.inference_mode():
            differences.append(np.abs(got - model(x, mask).numpy()).max())
    return float(np.max(differences))


def _masks(radius: int) -> list[Tensor]:
    """(1, 2R+1) each: all slices exist, none before the centre, none after it, the centre alone."""
    offsets = torch.arange(-radius, radius + 1)[None]
    return [torch.ones_like(offsets, dtype=torch.bool), offsets >= 0, offsets <= 0, offsets == 0]
