"""nnU-Net's predictor for slab networks: same inputs and outputs, but each in-plane tile at full depth."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Literal, TypeVar

import torch
from acvl_utils.cropping_and_padding.padding import pad_nd_image
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
from nnunetv2.utilities.helpers import dummy_context
from torch import Tensor
from tqdm import tqdm

from ..networks import SlabNetwork
from ..networks.compiled import uncompiled
from .finite_logits import finite
from .out_of_memory import OutOfMemoryFallback
from .spacing_channel import with_spacing_channel
from .whole_stack import segment_stack

Neighbours = Literal["own", "repeat", "shuffle"]
NEIGHBOURS: tuple[Neighbours, ...] = ("own", "repeat", "shuffle")
Tile = tuple[slice, slice]
Result = TypeVar("Result")


class SlabPredictor(nnUNetPredictor):
    """`nnUNetPredictor` for the models of this package; other models are predicted as in nnU-Net.

    nnU-Net's sliding window also moves along the slices, where windows overlap and slices at the end of a window lack
    neighbours. Here each in-plane tile is predicted at full depth, so each slice has all its neighbours and is encoded
    once per tile and mirroring.

    Args:
        neighbours: "own", or a test of whether a model uses them: "repeat" replaces each by the centre slice,
            "shuffle" permutes the slices of the volume with a fixed seed.
        slices_at_a_time: slices per forward pass; default by device and patch. When out of memory it is halved; if one
            slice does not fit, results are collected in main memory. The next volume starts with what worked.
        others: see `nnUNetPredictor`.

    Attributes:
        source: where the weights are from, as JSON values: model folder, folds and checkpoint; empty if unknown.
        after_nnunets_record: called when nnU-Net has replaced its record of settings, before it predicts files.
        before_export: called when a file's logits are computed, before nnU-Net writes anything of it.

    Raises:
        ValueError: `slices_at_a_time` below 1, `tile_step_size` not in (0, 1], or unknown `neighbours`.
    """

    def __init__(self, *args, slices_at_a_time: int | None = None, neighbours: Neighbours = "own", **kwargs):
        super().__init__(*args, **kwargs)
        if slices_at_a_time is not None and slices_at_a_time < 1:
            raise ValueError(
                f"{slices_at_a_time} slices at a time are too few. Give --slices 1 or more, or omit it."
            )
        if not 0 < self.tile_step_size <= 1:
            raise ValueError(
                f"step size {self.tile_step_size} must be above 0 and at most 1 (in patch sizes)."
            )
        if neighbours not in NEIGHBOURS:
            raise ValueError(f"neighbours={neighbours!r} is unknown. Choose one of {', '.join(NEIGHBOURS)}.")
        self.neighbours = neighbours
        self.slices_at_a_time = slices_at_a_time
        self.source: dict[str, Any] = {}
        self.after_nnunets_record: Callable[[], None] = lambda: None
        self.before_export: Callable[[], None] = lambda: None
        self._fallback: OutOfMemoryFallback | None = None

    def initialize_from_trained_model_folder(self, *args, **kwargs):
        super().initialize_from_trained_model_folder(*args, **kwargs)
        self.configuration_manager = with_spacing_channel(self.configuration_manager, self.plans_manager)

    def manual_initialization(self, *args, **kwargs):
        super().manual_initialization(*args, **kwargs)
        self.configuration_manager = with_spacing_channel(self.configuration_manager, self.plans_manager)

    def _manage_input_and_output_lists(self, *args, **kwargs):
        self.after_nnunets_record()
        return super()._manage_input_and_output_lists(*args, **kwargs)

    def predict_logits_from_preprocessed_data(self, *args, **kwargs):
        logits = super().predict_logits_from_preprocessed_data(*args, **kwargs)
        self.before_export()
        return logits

    @torch.inference_mode()
    def predict_sliding_window_return_logits(self, input_image: Tensor) -> Tensor:
        """Logits (K, S, H, W) of a preprocessed volume (C, S, H, W), with or without a side channel, in float32.

        Raises:
            RuntimeError: out of memory for a single slice, or logits that are NaN or infinite.
        """
        network = self.slab_network()
        if network is None:
            if self.neighbours != "own":
                raise ValueError(
                    f"neighbours={self.neighbours!r} is for slice-attention models, but {type(self.network).__name__} "
                    "has no neighbours. Use neighbours='own'."
                )
            return finite(super().predict_sliding_window_return_logits(input_image))
        network.to(self.device).eval()
        volume, inside = self.padded(input_image)
        if self.neighbours == "shuffle":
            order = torch.randperm(volume.shape[1], generator=torch.Generator().manual_seed(0))
            volume = volume[:, order]
        logits = self.within_memory(lambda n, device: finite(self._predict(network, volume, n, device)))
        logits = logits[(slice(None), *inside[1:])]
        return logits if self.neighbours != "shuffle" else logits[:, order.argsort()]

    def padded(self, volume: Tensor) -> tuple[Tensor, tuple[slice, ...]]:
        """A preprocessed volume (C, S, H, W) for a slab network, zero-padded in plane to the patch size.

        Returns:
            volume: with the side channel, if the network has one. All slices count for positions, so that they are as
                in training whatever a tile or a slice contains.
            inside: where the volume is in it.
        """
        every = torch.ones(1, volume.shape[1], dtype=torch.bool, device=volume.device)
        stack = self.slab_network().with_side_channel(volume.transpose(0, 1)[None], every)
        volume = stack[0].transpose(0, 1)
        patch = self.configuration_manager.patch_size[-2:]
        return pad_nd_image(volume, patch, "constant", {"value": 0}, True, None)

    def within_memory(self, compute: Callable[[int, torch.device], Result]) -> Result:
        """compute(slices per forward pass, device that collects results), see `OutOfMemoryFallback`."""
        if self._fallback is None or not self._fallback.attempts:
            patch = self.configuration_manager.patch_size[-2:]
            self._fallback = OutOfMemoryFallback(
                self.device, patch, self.slices_at_a_time, self.perform_everything_on_device
            )
        return self._fallback(compute)

    def autocast(self):
        """As nnU-Net predicts: half precision on CUDA."""
        return torch.autocast("cuda") if self.device.type == "cuda" else dummy_context()

    def slab_network(self) -> SlabNetwork | None:
        """The slab network, with encoder and decoder compiled if nnU-Net compiles; None for other networks."""
        network = uncompiled(self.network)
        if not isinstance(network, SlabNetwork):
            return None
        if network is not self.network and network.encoder._compiled_call_impl is None:
            network.encoder.compile()
            network.decoder.compile()
        return network

    def fold_networks(self) -> Iterator[SlabNetwork]:
        """The network with each fold's weights in turn, on the device, in evaluation mode."""
        for parameters in self.list_of_parameters:
            network = self.slab_network()
            network.load_state_dict(parameters)
            yield network.to(self.device).eval()

    def _predict(
        self, network: SlabNetwork, volume: Tensor, n_slices: int, results_device: torch.device
    ) -> Tensor:
        """(C, S, H, W) -> (K, S, H, W) on `results_device`, with `n_slices` slices per forward pass."""
        patch = tuple(self.configuration_manager.patch_size[-2:])
        views = [(tile, axes) for tile in self.tiles(volume.shape[-2:], patch) for axes in self._mirrorings()]
        weight = torch.ones(patch, device=results_device)
        if self.use_gaussian:
            weight = compute_gaussian(patch, sigma_scale=1 / 8, dtype=torch.float32, device=results_device)
        n_heads, depth = self.label_manager.num_segmentation_heads, volume.shape[1]
        logits = torch.zeros((n_heads, *volume.shape[1:]), device=results_device)
        weights = torch.zeros(volume.shape[-2:], device=results_device)
        volume = volume.to(results_device)

        progress = tqdm(total=len(views) * depth, unit="slice", disable=not self.allow_tqdm)
        repeated = network.repeating_centre() if self.neighbours == "repeat" else nullcontext()
        with self.autocast(), progress, repeated:
            for together in batched(views, max(1, n_slices // depth)):
                stacks = torch.stack([volume[(..., *tile)].flip(axes) for tile, axes in together]).to(
                    self.device
                )
                for slices, chunk in segment_stack(network, stacks, n_slices):
                    for (tile, axes), view_logits in zip(together, chunk, strict=True):
                        logits[(slice(None), slices, *tile)] += weight * view_logits.flip(axes).to(
                            results_device
                        )
                    progress.update(chunk.shape[0] * chunk.shape[2])
                for tile, _ in together:
                    weights[tile] += weight
        return logits.div_(weights)

    def tiles(self, size: torch.Size, patch: tuple[int, int]) -> list[Tile]:
        """Positions of nnU-Net's sliding window in a plane of `size`."""
        steps = compute_steps_for_sliding_window(size, patch, self.tile_step_size)
        return [(slice(y, y + patch[0]), slice(x, x + patch[1])) for y, x in itertools.product(*steps)]

    def _mirrorings(self) -> list[tuple[int, ...]]:
        """Axes of (C, S, H, W) to flip, per view of a tile; the first view is not flipped."""
        axes = self.allowed_mirroring_axes if self.use_mirroring else None
        axes = [axis + 1 for axis in axes or ()]
        return [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]


def batched(items: list, size: int) -> Iterator[list]:
    """Lists of `size` items; the last may be shorter."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
