"""Adapts nnU-Net's trainer: a 2D configuration trained and predicted on slabs of slices."""

from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import nn

from ..environment import commit, versions
from ..files import read_json_or_empty
from ..networks import SlabNetwork, UNetTopology, create_network
from ..networks.imagenet_encoder import load_imagenet_weights, with_imagenet_encoder
from ..plans.shared_data import check_shared_data
from ..plans.slabs import SLAB_RULES, slab_plan, with_prediction_slab
from ..plans.slice_directions import SLICE_DIRECTIONS, SLICE_ORDERS, distinct, slice_directions
from ..plans.slice_spacing import REFERENCE_SPACING, reference_spacing
from .combination_check import check_architecture, check_augmentation
from .gpu_check import check_equal_shares
from .norm_check import check_norm
from .optimisers import OPTIMISERS, Optimiser, optimiser_and_scheduler
from .side_channel import SideChannelDatasetClass, distances
from .slab_batches import SlabBatches

REGIONS = "slice_attention_trains_regions"  # entry of the saved plans


class nnUNetTrainerSlab(SlabBatches):
    """Base of all slice-attention trainers; a subclass names its network, see `SlabBatches`.

    There are two configurations. `plans_manager.plans` is saved with the model and used for prediction: its patch is
    deep. `configuration_manager` is used for training: its patch is a shallow slab.

    Attributes:
        optimiser: a key of `OPTIMISERS`.
        epochs: epochs of 250 iterations; None keeps nnU-Net's 1000.
        learning_rate_factor: factor on the optimiser's initial learning rate.
        begins_in_2d: the first epochs use nnU-Net's own 2D batches.
        backbone: pretrained encoder instead of the planned one, a key of `imagenet_encoder.WEIGHTS`.
    """

    optimiser: ClassVar[Optimiser] = "sgd"
    epochs: ClassVar[int | None] = None
    learning_rate_factor: ClassVar[float] = 1.0
    backbone: ClassVar[str | None] = None
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
        self.slab = slab
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

    @classmethod
    def check_trainable(
        cls, network: SlabNetwork, configuration: ConfigurationManager, labels: LabelManager
    ) -> None:
        """Raise ValueError for plans or labels with which the network must not be trained.

        Args:
            network: built from the plans; it may be on the meta device.
        """
        check_norm(cls, network, configuration)

    def initialize(self):
        check_architecture(self)
        super().initialize()
        if self.uses_spacing():
            # Not only for training: perform_actual_validation predicts the cases of this class.
            values = partial(distances, plans=self.plans_manager.plans)
            self.dataset_class = SideChannelDatasetClass(self.dataset_class, values)
        if self.backbone and not self.continues:
            load_imagenet_weights(self.unwrapped_network(), self.backbone)

    def on_train_start(self):
        if not self.was_initialized:
            self.initialize()
        self.check_trainable(self.unwrapped_network(), self.configuration_manager, self.label_manager)
        check_augmentation(self)
        if self.is_ddp:  # not when it is initialised: validation needs no batches
            check_equal_shares(self, torch.distributed.get_world_size())
        data = Path(self.preprocessed_dataset_folder_base)
        check_shared_data(self.plans_manager.plans, self.configuration_name, data)
        self.note_slice_directions()
        super().on_train_start()

    def note_slice_directions(self) -> None:
        """In the plans that are saved with the model, by which `predict` knows images of another plane or order."""
        plans, data = self.plans_manager.plans, Path(self.preprocessed_dataset_folder)
        signs = {SLICE_DIRECTIONS: False} | ({SLICE_ORDERS: True} if self.uses_position() else {})
        saved = read_json_or_empty(Path(self.output_folder_base, "plans.json")) if self.continues else {}
        if signs.keys() <= saved.keys():  # each case has megabytes to read
            plans |= {entry: saved[entry] for entry in signs}
            return
        directions = slice_directions(data, plans["transpose_forward"]).values()
        plans |= {entry: distinct(directions, signed) for entry, signed in signs.items()}

    def configure_optimizers(self):
        return optimiser_and_scheduler(self, super().configure_optimizers)

    def _get_deep_supervision_scales(self):
        """Per head, in plane only: the slice axis is never pooled."""
        stock = super()._get_deep_supervision_scales()
        if stock is None or not self.trains_on_slabs():
            return stock
        return [
            [1.0, *(1 / stride for stride in strides)] for strides in self.unwrapped_network().head_strides
        ]

    def on_validation_epoch_start(self):
        super().on_validation_epoch_start()
        self.unwrapped_network().decode_as_in_training(True)

    def on_validation_epoch_end(self, val_outputs: list[dict]):
        super().on_validation_epoch_end(val_outputs)
        self.unwrapped_network().decode_as_in_training(False)

    def unwrapped_network(self) -> SlabNetwork:
        """The network without the wrappers of torch.compile and DDP."""
        return next(m for m in self.network.modules() if isinstance(m, SlabNetwork))

    def perform_actual_validation(self, save_probabilities: bool = False):
        """Validate with the saved, deep slabs, as `nnUNetv2_predict` does, but with each case's slice spacing."""
        if self.is_ddp:
            # The first forward pass would broadcast buffers, for which a GPU that has no case does not wait.
            self.network.require_forward_param_sync = False
        training = self.configuration_manager
        self.configuration_manager = self.plans_manager.get_configuration(self.configuration_name)
        try:
            super().perform_actual_validation(save_probabilities)
        finally:
            self.configuration_manager = training
