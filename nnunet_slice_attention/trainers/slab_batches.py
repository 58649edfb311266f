"""nnU-Net's batches of a 2D configuration, made of slabs of slices."""

from copy import deepcopy
from typing import Any, ClassVar

import torch
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from ..augmentation.centre_slice import keep_centre_slice
from ..augmentation.draw_distance import depth_to_load, prepend_draw_distance
from ..augmentation.keep_side_channel import keep_side_channel
from ..augmentation.slice_coherent import make_slice_coherent
from ..networks import NETWORKS
from ..plans.slabs import SLAB_RULES, Sampling, SlabPlan
from .border_padding import BorderPaddedDataset
from .fold_files import FoldFiles
from .gpu_check import cannot_share
from .side_channel import SideChannelDataset, positions


class SlabBatches(FoldFiles):
    """The part of `nnUNetTrainerSlab` that loads and augments: which slices, how many slabs, which transforms.

    Attributes:
        network_name: a key of `NETWORKS`.
        network_options: keyword arguments of that network.
        sampling: how slices form slabs in training, a key of `SLAB_RULES`.
        mirrors: mirrored in plane in training and in prediction, as nnU-Net's 2D network.
        max_distance: maximum distance between adjacent slices of a training slab, in slices; drawn per slab.
        slab: the slabs of these plans.
        foreground_share: fraction of a batch with forced foreground, nnU-Net's or a subclass's.
        draws_foreground: a subclass wants that fraction drawn, as nnU-Net's `probabilistic_oversampling`.
        planned_batch_size: slices per batch of nnU-Net's 2D network.
    """

    network_name: ClassVar[str]
    network_options: ClassVar[dict[str, Any]] = {}
    sampling: ClassVar[Sampling] = "context"
    mirrors: ClassVar[bool] = True
    max_distance: ClassVar[int] = 1
    slab: SlabPlan
    foreground_share: float
    draws_foreground: bool
    planned_batch_size: int

    @classmethod
    def context_radius(cls) -> int:
        """Neighbours on each side that the slabs contain; 0 if only the middle slice would be read."""
        network = NETWORKS[cls.network_name]
        reads_middle_only = cls.sampling == "context" and not network.sees_neighbours
        return 0 if reads_middle_only else network.slab_radius(**cls.network_options)

    @classmethod
    def uses_position(cls) -> bool:
        """Whether the network gets each slice's position in its volume, see `SlabNetwork`."""
        return cls.network_options.get("position", False)

    @classmethod
    def uses_spacing(cls) -> bool:
        """Whether the network gets the slice spacing of each volume, see `TSFMUNet`."""
        return cls.network_options.get("millimetres", False)

    def train_on(self, slab: SlabPlan) -> None:
        """Set patch size and batch size for batches of these slabs."""
        training = deepcopy(self.configuration_manager.configuration)
        training |= {"patch_size": slab.train_patch, "batch_size": slab.train_slabs}
        self.configuration_manager = ConfigurationManager(training)
        self.slab_margin = slab.train_margin  # nnU-Net's loader adds the slices that `depth_to_load` asks for

    def trains_on_slabs(self) -> bool:
        """False while it trains on nnU-Net's own 2D batches."""
        return len(self.configuration_manager.patch_size) == 3

    def _set_batch_size_and_oversample(self):
        # Checked for all phases before the first begins.
        gpus = torch.distributed.get_world_size() if self.is_ddp else 1
        if self.slab.train_slabs < gpus:
            raise cannot_share(self, gpus)
        if not self.was_initialized:  # a subclass sets them in its __init__, as nnU-Net's own variants do
            self.foreground_share = self.oversample_foreground_percent
            self.draws_foreground = self.probabilistic_oversampling
        # nnU-Net forces foreground in the last third of a batch. With as many slabs as planned slices that is as often
        # as in 2D; with fewer, the third would round to anything from none to half.
        fewer = self.configuration_manager.batch_size != self.planned_batch_size
        self.probabilistic_oversampling = self.draws_foreground or fewer
        self.oversample_foreground_percent = self.foreground_share
        super()._set_batch_size_and_oversample()
        if self.probabilistic_oversampling:
            # nnU-Net would oversample foreground on some GPUs only.
            self.oversample_foreground_percent = self.foreground_share

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self):
        """nnU-Net's settings for the 2D patch, applied to slabs: same rotation range, mirroring in plane only."""
        configuration, on_slabs = self.configuration_manager, self.trains_on_slabs()
        if on_slabs:
            in_plane = {"patch_size": configuration.patch_size[1:]}
            self.configuration_manager = ConfigurationManager(configuration.configuration | in_plane)
        try:
            rotation, dummy_2d, initial_patch_size, mirror_axes = (
                super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
            )
        finally:
            self.configuration_manager = configuration
        mirror_axes = mirror_axes if self.mirrors else None
        axes_of_slab = mirror_axes and tuple(axis + 1 for axis in mirror_axes)
        self.inference_allowed_mirroring_axes = axes_of_slab  # prediction is on slabs in either phase
        if not on_slabs:
            return rotation, dummy_2d, initial_patch_size, mirror_axes
        depth = depth_to_load(configuration.patch_size[0], self.max_distance)
        return rotation, True, [depth, *initial_patch_size], axes_of_slab

    @classmethod
    def get_training_transforms(cls, patch_size, *args, **kwargs):
        pipeline = super().get_training_transforms(patch_size, *args, **kwargs)
        on_slabs = len(patch_size) == 3
        if on_slabs:
            pipeline = make_slice_coherent(
                pipeline, keep_centre_only=SLAB_RULES[cls.sampling].learning.centre_only
            )
        if cls.uses_position() or cls.uses_spacing():
            pipeline = keep_side_channel(pipeline)
        if on_slabs:
            pipeline = prepend_draw_distance(pipeline, patch_size[0], cls.max_distance, cls.uses_spacing())
        return pipeline

    @classmethod
    def get_validation_transforms(cls, *args, **kwargs):
        """With the targets of training, so that the logged metrics are for slices with their full context."""
        pipeline = super().get_validation_transforms(*args, **kwargs)
        return keep_centre_slice(pipeline) if SLAB_RULES[cls.sampling].learning.centre_only else pipeline

    def get_tr_and_val_datasets(self):
        datasets = super().get_tr_and_val_datasets()
        if self.uses_position():  # only here: in prediction the network finds them, see `segment_volume`
            datasets = tuple(SideChannelDataset(d, positions) for d in datasets)
        if self.slab_margin:
            datasets = tuple(BorderPaddedDataset(d, self.slab_margin) for d in datasets)
        return datasets
