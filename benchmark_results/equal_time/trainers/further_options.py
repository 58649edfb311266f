"""Trainers of "Other schedules" on this experiment's page, which are no part of the package.

nnU-Net finds them through `nnUNet_extTrainer`, which `python -m experiments` sets for the runs of this folder.
"""

import torch
from torch import Tensor

from nnunet_slice_attention.attention.neighbours import Neighbourhood
from nnunet_slice_attention.networks import SlabNetwork, UNetTopology
from nnunet_slice_attention.networks.two_d_weights import added_parameters
from nnunet_slice_attention.trainers.base import nnUNetTrainerSlab
from nnunet_slice_attention.trainers.two_d_first import nnUNetTrainer2DFirst
from nnunet_slice_attention.trainers.warmup import WarmupPolyLRScheduler

SHIFTED = 8  # a skip's channels / channels that come from each of the two neighbours


class TwoRatesLRScheduler(WarmupPolyLRScheduler):
    """Decay to `then` at the join epoch in place of 0 at the end; from there the rate `then`, after the warm-up.

    Args:
        join_epoch: first epoch with neighbours.
        first: learning rate of a 2D epoch.
        then: learning rate of an epoch with neighbours.
    """

    def __init__(self, optimizer, initial_lr, max_steps, warmups, join_epoch, first, then):
        self.join_epoch, self.first, self.then = join_epoch, first, then
        super().__init__(optimizer, initial_lr, max_steps, warmups)

    def step(self, current_step=None):
        epoch = self.ctr if current_step in (None, -1) else current_step
        super().step(current_step)
        for group, (begin, length) in zip(self.optimizer.param_groups, self.warmups, strict=True):
            if epoch < self.join_epoch:
                group["lr"] = self.first(epoch)
            else:
                group["lr"] = self.then(epoch) * min(1, (epoch - begin + 1) / (length + 1))


class nnUNetTrainerSliceAttentionJoinsLate(nnUNetTrainer2DFirst):
    """nnU-Net's schedule, 2D for four fifths of the epochs; then neighbours, at the rate that was reached."""

    network_name = "SliceAttention"

    @property
    def join_epoch(self) -> int:
        return 4 * self.num_epochs // 5

    def rate_in_2d(self, epoch: int) -> float:
        return self.initial_lr * (1 - epoch / self.num_epochs) ** 0.9

    def rate_with_neighbours(self, epoch: int) -> float:
        return self.rate_in_2d(self.join_epoch)

    def configure_optimizers(self):
        optimizer, stock = super().configure_optimizers()
        return optimizer, TwoRatesLRScheduler(
            optimizer,
            self.initial_lr,
            self.num_epochs,
            stock.warmups,
            self.join_epoch,
            self.rate_in_2d,
            self.rate_with_neighbours,
        )


class nnUNetTrainerSliceAttentionOnFinished2D(nnUNetTrainerSliceAttentionJoinsLate):
    """A whole 2D schedule in four fifths of the epochs; then only what is added to the 2D network learns."""

    def rate_in_2d(self, epoch: int) -> float:
        return self.initial_lr * (1 - epoch / self.join_epoch) ** 0.9

    def rate_with_neighbours(self, epoch: int) -> float:
        return self.initial_lr * (1 - (epoch - self.join_epoch) / (self.num_epochs - self.join_epoch)) ** 0.9

    def frozen(self) -> bool:
        return not self._in_2d

    def _configure_network(self) -> None:
        super()._configure_network()
        set_frozen(self.unwrapped_network(), self.frozen())


class nnUNetTrainerSliceAttentionFreezesFirst(nnUNetTrainer2DFirst):
    """2D first; encoder and decoder do not learn in the first half of the epochs with neighbours."""

    network_name = "SliceAttention"

    def on_epoch_start(self):
        super().on_epoch_start()
        thaws = (self.join_epoch + self.num_epochs) // 2
        set_frozen(self.unwrapped_network(), self.join_epoch <= self.current_epoch < thaws)


def set_frozen(network: SlabNetwork, frozen: bool) -> None:
    """Whether the planned 2D network's weights learn; what is added to it stays as it is."""
    added = {id(parameter) for parameter in added_parameters(network)}
    for parameter in network.parameters():
        if id(parameter) not in added:
            parameter.requires_grad_(not frozen)


class SliceShift(SlabNetwork):
    """2D U-Net; at each skip an eighth of the channels come from the slice before and an eighth from that after.

    A shift of channels as in the temporal shift module (Lin et al. 2019), which adds no weights. The centre stands in
    for a neighbour that does not exist.
    """

    def __init__(
        self, in_channels, num_classes, topology, patch_size, deep_supervision=False, **base_options
    ):
        topology.check_patch(patch_size)
        super().__init__(
            in_channels, num_classes, topology, deep_supervision, context_radius=1, **base_options
        )

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        return [shift(skip, around) for skip in skips]


def shift(skip: Tensor, around: Neighbourhood) -> Tensor:
    """(B, S, C, h, w) -> (B, T, C, h, w)."""
    width = skip.shape[2] // SHIFTED
    before = around.neighbour_or_centre(skip[:, :, :width], -1)
    after = around.neighbour_or_centre(skip[:, :, width : 2 * width], 1)
    return torch.cat([before, after, around.centre(skip)[:, :, 2 * width :]], dim=2)


class nnUNetTrainerSliceShift(nnUNetTrainerSlab):
    """Slabs of three slices with a loss on all: with context slabs each slice would be encoded three times."""

    network_name = "SliceUNet"  # what SliceShift is without its shift
    sampling = "full"

    @classmethod
    def context_radius(cls) -> int:
        return 1

    @classmethod
    def build_network_architecture(
        cls, plans, configuration, channels, classes, enable_deep_supervision=True
    ):
        topology = UNetTopology.from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
        )
        return SliceShift(
            channels,
            classes,
            topology,
            configuration.patch_size[-2:],
            deep_supervision=enable_deep_supervision,
        )
