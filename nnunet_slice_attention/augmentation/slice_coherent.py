"""nnU-Net's training pipeline, made coherent across the slices of a slab.

nnU-Net's dummy-2D pipeline, called with a (C, S, H, W) slab, already draws one in-plane deformation per slab and
one noise level, brightness, contrast, resolution and gamma per modality, with statistics over the whole slab.
Two things do not fit: blur also smooths along the slice axis (and fails if the slab is thinner than its kernel),
and intensity transforms make the zero slices that pad a shallow volume look like image.
"""

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, ImageOnlyTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform
from torch import Tensor

from ..attention.blank_slices import blank_slices
from .centre_slice import KeepCentreSlice
from .keep_side_channel import KeepSideChannel

OUTSIDE = -1  # nnU-Net's label for voxels outside the image
MISSING = "missing_slices"  # entry of the sample between two steps


class InPlaneBlur(ImageOnlyTransform):
    """In-plane Gaussian blur, drawn once per modality for all slices of a slab (C, S, H, W).

    Args:
        blur: nnU-Net's blur; its sigma range and probability per modality are kept.
    """

    def __init__(self, blur: GaussianBlurTransform):
        super().__init__()
        self.p_per_modality = blur.p_per_channel
        self.blur = GaussianBlurTransform(
            blur_sigma=blur.blur_sigma,
            synchronize_channels=True,
            synchronize_axes=blur.synchronize_axes,
            p_per_channel=1,
            benchmark=blur.benchmark,
        )

    def get_parameters(self, **data_dict) -> dict:
        n_modalities = data_dict["image"].shape[0]
        return {"modalities": torch.where(torch.rand(n_modalities) < self.p_per_modality)[0].tolist()}

    def _apply_to_image(self, img: Tensor, **params) -> Tensor:
        for modality in params["modalities"]:
            img[modality] = self.blur(image=img[modality])["image"]  # slices as channels: S H W
        return img


class FindMissingSlices(BasicTransform):
    """Record which slices are blank, which networks treat as missing, before intensities change."""

    def apply(self, data_dict: dict, **params) -> dict:
        stack = data_dict["image"].transpose(0, 1)[None]  # B S C H W
        return data_dict | {MISSING: blank_slices(stack)[0]}


class ZeroMissingSlices(BasicTransform):
    """Set the slices that `FindMissingSlices` recorded back to exactly 0."""

    def apply(self, data_dict: dict, **params) -> dict:
        data_dict["image"][:, data_dict.pop(MISSING)] = 0
        return data_dict


def make_slice_coherent(pipeline: ComposeTransforms, keep_centre_only: bool = False) -> ComposeTransforms:
    """Edit nnU-Net's dummy-2D training pipeline for slabs.

    Args:
        pipeline: what `nnUNetTrainer.get_training_transforms` returns with dummy-2D augmentation.
        keep_centre_only: reduce the target to the slab's middle slice.

    Raises:
        RuntimeError: it lacks a step that is edited here: it is another pipeline, or nnU-Net has changed.
    """
    steps: list[BasicTransform] = [FindMissingSlices()]
    found = set()
    for step in pipeline.transforms:
        inner = getattr(step, "transform", step)
        if isinstance(inner, GaussianBlurTransform):
            step = RandomTransform(InPlaneBlur(inner), apply_probability=step.apply_probability)
            found.add("blur")
        elif isinstance(step, RemoveLabelTansform):
            steps.append(ZeroMissingSlices())
            found.add("label removal")
        steps.append(step)
        if keep_centre_only and isinstance(step, RemoveLabelTansform):
            steps.append(KeepCentreSlice())
    missing = {"blur", "label removal"} - found
    if missing == {"blur"} and not any(isinstance(step, RandomTransform) for step in steps):
        missing = set()  # no augmentation, as with nnUNetTrainerNoDA
    if missing:
        raise RuntimeError(
            f"The training augmentation has no {' and no '.join(sorted(missing))} step of its own, as nnU-Net's "
            "default has, so it cannot be adapted to slabs of slices. If your trainer brings its own augmentation, as "
            "with nnUNetTrainerDA5, train without it. Otherwise this version of nnunetv2 is not supported: "
            "`nnunet-slice-attention doctor` names the supported ones."
        )
    return ComposeTransforms(steps)


def is_slice_coherent(pipeline: BasicTransform) -> bool:
    """Whether a pipeline, or one within it, has been through `make_slice_coherent`."""
    steps = [
        step.pipeline if isinstance(step, KeepSideChannel) else step
        for step in getattr(pipeline, "transforms", ())
    ]
    return any(isinstance(step, FindMissingSlices) or is_slice_coherent(step) for step in steps)
