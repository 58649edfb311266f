"""nnU-Net's predictor for slab networks: the same files in and out, the whole depth of each in-plane tile at once."""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Literal

import torch
from acvl_utils.cropping_and_padding.padding import pad_nd_image
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
from nnunetv2.utilities.helpers import dummy_context, empty_cache
from torch import Tensor
from torch._dynamo import OptimizedModule
from tqdm import tqdm

from ..networks import SlabNetwork
from .whole_stack import segment_stack

Neighbours = Literal["own", "repeat", "shuffle"]
NEIGHBOURS: tuple[Neighbours, ...] = ("own", "repeat", "shuffle")
CPU = torch.device("cpu")
SLICES_AT_A_TIME = {"cuda": 64, "mps": 16, "cpu": 4}  # of up to 256 x 256 voxels, fewer of larger ones
Tile = tuple[slice, slice]


class SlabPredictor(nnUNetPredictor):
    """`nnUNetPredictor` for the models of this package; other models are predicted as nnU-Net does.

    nnU-Net slides its window along the slices too, where windows overlap and a slice at a window's end lacks
    neighbours. Here each in-plane tile is predicted over the whole depth, so each slice has all its neighbours and is
    encoded once for each tile and mirroring.

    Args:
        neighbours: "own"; or a test of what a model makes of them: "repeat" replaces each by the centre slice,
            "shuffle" gives each slice others of the volume, drawn from a fixed seed.
        slices_at_a_time: slices of one forward pass; default by device and patch. When memory runs out it is halved;
            where one slice does not fit, results are collected in main memory. What sufficed is what the next volume
            begins with.
        others: see `nnUNetPredictor`.

    Raises:
        ValueError: `slices_at_a_time` below 1, `tile_step_size` not in (0, 1], or unknown `neighbours`.
    """

    def __init__(self, *args, slices_at_a_time: int | None = None, neighbours: Neighbours = "own", **kwargs):
        super().__init__(*args, **kwargs)
        if slices_at_a_time is not None and slices_at_a_time < 1:
            raise ValueError(
                f"{slices_at_a_time} slices at a time are too few: give 1 or more, or leave it out."
            )
        if not 0 < self.tile_step_size <= 1:
            raise ValueError(f"step size {self.tile_step_size} is not above 0 and at most 1 (patches).")
        if neighbours not in NEIGHBOURS:
            raise ValueError(f"neighbours={neighbours!r} is none of {', '.join(NEIGHBOURS)}.")
        self.neighbours = neighbours
        self.slices_at_a_time = slices_at_a_time
        self._attempts: list[
            tuple[int, torch.device]
        ] = []  # what is still to be tried, beginning with what sufficed

    @torch.inference_mode()
    def predict_sliding_window_return_logits(self, input_image: Tensor) -> Tensor:
        """Logits (K, S, H, W) of a preprocessed volume (C, S, H, W), in float32.

        Raises:
            RuntimeError: the memory does not suffice for a single slice.
        """
        network = self._slab_network()
        if network is None:
            if self.neighbours != "own":
                raise ValueError(
                    f"neighbours={self.neighbours!r} is a test of slice-attention models; "
                    f"{type(self.network).__name__} uses none."
                )
            return super().predict_sliding_window_return_logits(input_image)
        network.to(self.device).eval()
        if self.neighbours == "shuffle":
            order = torch.randperm(input_image.shape[1], generator=torch.Generator().manual_seed(0))
            input_image = input_image[:, order]
        patch = self.configuration_manager.patch_size[-2:]
        volume, inside = pad_nd_image(input_image, patch, "constant", {"value": 0}, True, None)
        self._attempts = self._attempts or self._all_attempts(patch)
        while self._attempts:
            try:
                logits = self._predict(network, volume, *self._attempts[0])[(slice(None), *inside[1:])]
                return logits if self.neighbours != "shuffle" else logits[:, order.argsort()]
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Not before the error is gone, which holds what did fit.
            empty_cache(self.device)
            del self._attempts[0]
        raise RuntimeError(
            f"one slice of {tuple(patch)} voxels does not fit into the memory of {self.device}. Free it, or predict "
            "with -device cpu."
        )

    def _all_attempts(self, patch: Sequence[int]) -> list[tuple[int, torch.device]]:
        """(slices of a forward pass, where results are collected), from the fastest to the most modest."""
        default = SLICES_AT_A_TIME[self.device.type]
        slices = self.slices_at_a_time or min(default, max(1, default * 256**2 // math.prod(patch)))
        places = [self.device, CPU] if self.perform_everything_on_device else [CPU]
        return [(slices >> halvings, place) for place in places for halvings in range(slices.bit_length())]

    def _slab_network(self) -> SlabNetwork | None:
        """The network, with encoder and decoder compiled where nnU-Net compiles."""
        network = self.network
        if isinstance(network, OptimizedModule):
            network = network._orig_mod
            if isinstance(network, SlabNetwork) and network.encoder._compiled_call_impl is None:
                network.encoder.compile()
                network.decoder.compile()
        return network if isinstance(network, SlabNetwork) else None

    def _predict(self, network: SlabNetwork, volume: Tensor, n_slices: int, place: torch.device) -> Tensor:
        """(C, S, H, W) -> (K, S, H, W) on `place`, `n_slices` slices a forward pass."""
        patch = tuple(self.configuration_manager.patch_size[-2:])
        views = [
            (tile, axes) for tile in self._tiles(volume.shape[-2:], patch) for axes in self._mirrorings()
        ]
        weight = torch.ones(patch, device=place)
        if self.use_gaussian:
            weight = compute_gaussian(patch, sigma_scale=1 / 8, dtype=torch.float32, device=place)
        n_heads, depth = self.label_manager.num_segmentation_heads, volume.shape[1]
        logits = torch.zeros((n_heads, *volume.shape[1:]), device=place)
        weights = torch.zeros(volume.shape[-2:], device=place)
        volume = volume.to(place)

        autocast = torch.autocast("cuda") if self.device.type == "cuda" else dummy_context()
        progress = tqdm(total=len(views) * depth, unit="slice", disable=not self.allow_tqdm)
        repeated = network.repeating_centre() if self.neighbours == "repeat" else nullcontext()
        with autocast, progress, repeated:
            for together in batched(views, max(1, n_slices // depth)):
                stacks = torch.stack([volume[(..., *tile)].flip(axes) for tile, axes in together]).to(
                    self.device
                )
                for place_in_depth, chunk in segment_stack(network, stacks, n_slices):
                    for (tile, axes), view_logits in zip(together, chunk, strict=True):
                        logits[(slice(None), place_in_depth, *tile)] += weight * view_logits.flip(axes).to(
                            place
                        )
                    progress.update(chunk.shape[0] * chunk.shape[2])
                for tile, _ in together:
                    weights[tile] += weight
        return logits.div_(weights)

    def _tiles(self, size: torch.Size, patch: tuple[int, int]) -> list[Tile]:
        """Where nnU-Net's window stops in a plane of `size`."""
        steps = compute_steps_for_sliding_window(size, patch, self.tile_step_size)
        return [(slice(y, y + patch[0]), slice(x, x + patch[1])) for y, x in itertools.product(*steps)]

    def _mirrorings(self) -> list[tuple[int, ...]]:
        """Axes of (C, S, H, W) to flip, for each view of a tile; the first is the tile as it is."""
        axes = self.allowed_mirroring_axes if self.use_mirroring else None
        axes = [axis + 1 for axis in axes or ()]
        return [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]


def is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA's libraries say so in the text of a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        reason in str(error) for reason in ("out of memory", "ALLOC_FAILED")
    )


def batched(items: list, size: int) -> Iterator[list]:
    """Lists of `size` items, the last may be shorter."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
