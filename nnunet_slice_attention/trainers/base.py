"""Adapts nnU-Net's trainer: a 2D configuration trained and predicted on slabs of slices."""

import os
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import nn

from ..augmentation.draw_distance import depth_to_load, prepend_draw_distance
from ..augmentation.keep_side_channel import keep_side_channel
from ..augmentation.slice_coherent import keep_centre_slice, make_slice_coherent
from ..environment import commit, versions
from ..networks import NETWORKS, SlabNetwork, UNetTopology, create_network
from ..networks.imagenet_encoder import load_imagenet_weights, with_imagenet_encoder
from ..plans.shared_data import check_shared_data
from ..plans.slabs import SLAB_RULES, Sampling, SlabPlan, slab_plan, with_prediction_slab
from ..plans.slice_spacing import REFERENCE_SPACING, reference_spacing
from .border_padding import BorderPaddedDataset
from .norm_check import check_norm
from .optimisers import OPTIMISERS, Optimiser, configure
from .side_channel import SideChannelDataset, SideChannelDatasetClass, distances, positions

REGIONS = "slice_attention_trains_regions"  # entry of the saved plans


class nnUNetTrainerSlab(nnUNetTrainer):
    """Base of all slice-attention trainers; a subclass names its network.

    There are two configurations. `plans_manager.plans` is saved with the model and used for prediction: its patch is
    deep. `configuration_manager` is used for training: its patch is a shallow slab.

    Attributes:
        network_name: a key of `NETWORKS`.
        network_options: keyword arguments of that network.
        sampling: how slices form slabs in training, a key of `SLAB_RULES`.
        optimiser: a key of `OPTIMISERS`.
        epochs: epochs of 250 iterations; None keeps nnU-Net's 1000.
        learning_rate_factor: factor on the optimiser's initial learning rate.
        begins_in_2d: the first epochs use nnU-Net's own 2D batches.
        backbone: pretrained encoder instead of the planned one, a key of `imagenet_encoder.WEIGHTS`.
        max_distance: maximum distance between adjacent slices of a training slab, in slices; drawn per slab.
    """

    network_name: ClassVar[str]
    network_options: ClassVar[dict[str, Any]] = {}
    sampling: ClassVar[Sampling] = "context"
    optimiser: ClassVar[Optimiser] = "sgd"
    epochs: ClassVar[int | None] = None
    learning_rate_factor: ClassVar[float] = 1.0
    backbone: ClassVar[str | None] = None
    max_distance: ClassVar[int] = 1
    begins_in_2d: ClassVar[bool] = False

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 - nnU-Net inspects this signature
    ):
        slab = slab_plan(plans, configuration, self.context_radius(), self.sampling, self.uses_position())
        super().__init__(
            with_prediction_slab(plans, configuration, slab), configuration, fold, dataset_json, device
        )
        # When prediction builds the network it has the plans, but not yet the labels.
        self.plans_manager.plans[REGIONS] = self.label_manager.has_regions
        if self.uses_spacing():
            self.plans_manager.plans[REFERENCE_SPACING] = reference_spacing(plans)
        self.slab, self.foreground_share = slab, self.oversample_foreground_percent
        self.planned_batch_size = self.configuration_manager.batch_size
        self.train_on(slab)
        if self.epochs is not None:
            self.num_epochs = self.epochs
        self.initial_lr, self.weight_decay = OPTIMISERS[self.optimiser].defaults(self)
        self.initial_lr *= self.learning_rate_factor
        if self.is_ddp:
            # PyTorch would split the compiled network, also within the context that carries no gradient, which made
            # gradients wrong or missing.
            torch._dynamo.config.optimize_ddp = False
        # nnU-Net writes a trainer's attributes to debug.json: what a result was made with.
        self.made_with = f"{versions()}, commit {commit()}"
        self.torch_seed = torch.initial_seed()

    def train_on(self, slab: SlabPlan) -> None:
        """Set patch size, batch size and oversampling for batches of these slabs."""
        training = deepcopy(self.configuration_manager.configuration)
        training |= {"patch_size": slab.train_patch, "batch_size": slab.train_slabs}
        self.configuration_manager = ConfigurationManager(training)
        self.slab_margin = slab.train_margin  # nnU-Net's loader adds the slices that `depth_to_load` asks for
        # With one or two slabs per batch nnU-Net's "last third of the batch" rounds to none or half of it.
        self.probabilistic_oversampling = slab.train_slabs < 3

    def trains_on_slabs(self) -> bool:
        """False while it trains on nnU-Net's own 2D batches."""
        return len(self.configuration_manager.patch_size) == 3

    @property
    def join_epoch(self) -> int | None:
        """First epoch in which the weights added to the 2D network are trained; None if all are from the start."""
        return None

    def in_2d_phase(self, epoch: int) -> bool:
        """Whether an epoch trains the 2D network on single slices."""
        return False

    def phases(self) -> dict[bool, float]:
        """Fraction of the epochs per phase, in order; keys as in `in_2d_phase`."""
        return {False: 1.0}

    def enter_phase(self, in_2d: bool) -> bool:
        """Configure batches and network for a phase and return whether it changed; the caller restarts the loaders."""
        return False

    def _set_batch_size_and_oversample(self):
        # Checked for all phases before the first begins.
        slabs, gpus = self.slab.train_slabs, torch.distributed.get_world_size() if self.is_ddp else 1
        if slabs < gpus:
            raise ValueError(
                f"{gpus} GPUs cannot share a batch of {slabs} slabs. Train with -num_gpus {slabs} or fewer, with the "
                "suffix _ContextSlabs, or with plans that have a larger batch size."
            )
        self.oversample_foreground_percent = self.foreground_share
        super()._set_batch_size_and_oversample()
        if self.probabilistic_oversampling:
            # nnU-Net would oversample foreground on some GPUs only.
            self.oversample_foreground_percent = self.foreground_share

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

    @classmethod
    def build_network_architecture(
        cls,
        plans_manager: PlansManager,
        configuration_manager: ConfigurationManager,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        topology = UNetTopology.from_plans(
            configuration_manager.network_arch_class_name,
            configuration_manager.network_arch_init_kwargs,
            configuration_manager.network_arch_init_kwargs_req_import,
        )
        if cls.backbone:
            topology = with_imagenet_encoder(topology, cls.backbone)
        return create_network(
            cls.network_name,
            num_input_channels,
            num_output_channels,
            patch_size=configuration_manager.patch_size[-2:],
            topology=topology,
            deep_supervision=enable_deep_supervision,
            learning=SLAB_RULES[cls.sampling].learning,
            has_background=not plans_manager.plans.get(REGIONS, False),
            **cls.network_options,
        )

    def initialize(self):
        super().initialize()
        if self.uses_spacing():
            # Not only for training: perform_actual_validation predicts the cases of this class.
            values = partial(distances, plans=self.plans_manager.plans)
            self.dataset_class = SideChannelDatasetClass(self.dataset_class, values)
        if self.backbone:
            load_imagenet_weights(self.unwrapped_network(), self.backbone)

    def on_train_start(self):
        if not self.was_initialized:
            self.initialize()
        check_norm(self)
        data = Path(self.preprocessed_dataset_folder_base)
        check_shared_data(self.plans_manager.plans, self.configuration_name, data)
        super().on_train_start()

    def configure_optimizers(self):
        return configure(self, super().configure_optimizers)

    def _get_deep_supervision_scales(self):
        """Per head, in plane only: the slice axis is never pooled."""
        stock = super()._get_deep_supervision_scales()
        if stock is None or not self.trains_on_slabs():
            return stock
        return [
            [1.0, *(1 / stride for stride in strides)] for strides in self.unwrapped_network().head_strides
        ]

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self):
        """nnU-Net's settings for the 2D patch, applied to slabs: same rotation range, mirroring in plane only."""
        if not self.trains_on_slabs():
            settings = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
            # Prediction is on slabs in either phase.
            self.inference_allowed_mirroring_axes = tuple(
                a + 1 for a in self.inference_allowed_mirroring_axes
            )
            return settings
        slab_configuration = self.configuration_manager
        depth, *in_plane = slab_configuration.patch_size
        self.configuration_manager = ConfigurationManager(
            slab_configuration.configuration | {"patch_size": in_plane}
        )
        try:
            rotation, _, initial_patch_size, mirror_axes = (
                super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
            )
        finally:
            self.configuration_manager = slab_configuration
        mirror_axes = tuple(axis + 1 for axis in mirror_axes)
        self.inference_allowed_mirroring_axes = mirror_axes
        return rotation, True, [depth_to_load(depth, self.max_distance), *initial_patch_size], mirror_axes

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

    def on_validation_epoch_start(self):
        super().on_validation_epoch_start()
        self.unwrapped_network().decode_as_in_training(True)

    def on_validation_epoch_end(self, val_outputs: list[dict]):
        super().on_validation_epoch_end(val_outputs)
        self.unwrapped_network().decode_as_in_training(False)

    def unwrapped_network(self) -> SlabNetwork:
        """The network without the wrappers of torch.compile and DDP."""
        return next(m for m in self.network.modules() if isinstance(m, SlabNetwork))

    def get_tr_and_val_datasets(self):
        datasets = super().get_tr_and_val_datasets()
        if self.uses_position():  # only here: in prediction the network finds them, see `segment_volume`
            datasets = (SideChannelDataset(d, positions) for d in datasets)
        return tuple(BorderPaddedDataset(d, self.slab_margin) for d in datasets)

    def save_checkpoint(self, filename: str) -> None:
        """Replace the previous checkpoint only by a complete one, so that a kill while writing loses nothing."""
        partial = f"{filename}.partial"
        super().save_checkpoint(partial)
        if self.local_rank == 0 and not self.disable_checkpointing:
            os.replace(partial, filename)

    def perform_actual_validation(self, save_probabilities: bool = False):
        """Validate with the saved, deep slabs, as `nnUNetv2_predict` does, but with each case's slice spacing."""
        training = self.configuration_manager
        self.configuration_manager = self.plans_manager.get_configuration(self.configuration_name)
        try:
            super().perform_actual_validation(save_probabilities)
        finally:
            self.configuration_manager = training
