"""2D first, neighbours on top: one training whose first epochs are nnU-Net 2D's.

Before a 2D network has learned its task a step is worth more than any neighbour, and its steps are the cheapest. So
the first phase trains the planned 2D network on nnU-Net's 2D batches; in the second, slabs bring the neighbours in,
whose part starts at zero.
"""

import gc

import torch
from torch.nn.parallel import DistributedDataParallel

from ..networks.two_d_weights import added_parameters
from ..plans.slabs import single_slices
from .base import nnUNetTrainerSlab

TWO_D_SHARE = (3, 5)  # of the epochs, as a fraction: floats round 0.6 * 5 up


def num_2d_epochs(num_epochs: int) -> int:
    """Epochs of the first phase: 3 in 5, rounded up, but not all. 1 -> 0, 2 -> 1, 5 -> 3, 1000 -> 600."""
    part, whole = TWO_D_SHARE
    return min(-(-part * num_epochs // whole), num_epochs - 1)


class nnUNetTrainer2DFirst(nnUNetTrainerSlab):
    """A slab trainer whose network is the planned 2D network in its first epochs.

    The phase follows from the epoch and their number alone, and is looked up at the start of each: a training that
    goes on after a kill is in the phase in which it was.
    """

    begins_in_2d = True
    _alone: bool | None = None  # the phase that batches and network are in

    @property
    def join_epoch(self) -> int:
        return num_2d_epochs(self.num_epochs)

    def in_2d_phase(self, epoch: int) -> bool:
        return epoch < self.join_epoch

    def initialize(self):
        self._configure_batches(self.in_2d_phase(self.current_epoch))
        super().initialize()

    def configure_optimizers(self):
        # nnU-Net shares the network among GPUs right after this, with the weights that learn then.
        self._configure_network()
        return super().configure_optimizers()

    def on_train_start(self):
        if not self.was_initialized:
            self.initialize()
        self.enter_phase(self.in_2d_phase(self.current_epoch))
        super().on_train_start()

    def on_epoch_start(self):
        if self.enter_phase(self.in_2d_phase(self.current_epoch)):
            self._stop_loaders()
            self.dataloader_train, self.dataloader_val = self.get_dataloaders()
        if self.current_epoch == self.join_epoch:
            self._best_ema = None  # or the best checkpoint could stay one of the 2D network
        super().on_epoch_start()

    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        alone = self.in_2d_phase(self.current_epoch)
        self.print_to_log_file(f"Phase: {'2D, each slice alone' if alone else 'with neighbouring slices'}")

    def phases(self) -> dict[bool, float]:
        share = self.join_epoch / self.num_epochs
        return {True: share, False: 1 - share}

    def enter_phase(self, alone: bool) -> bool:
        if alone == self._alone:
            return False
        self._configure_batches(alone)
        self._set_batch_size_and_oversample()
        self._configure_network()
        self._rewrap()
        return True

    def perform_actual_validation(self, save_probabilities: bool = False):
        """As prediction sees the network, whatever phase the trainer was built for."""
        self.unwrapped_network().set_two_dimensional(False)
        super().perform_actual_validation(save_probabilities)

    def _configure_batches(self, alone: bool) -> None:
        self._alone = alone
        self.train_on(single_slices(self.slab, self.planned_batch_size) if alone else self.slab)
        self.probabilistic_oversampling &= not alone  # nnU-Net 2D has none

    def _configure_network(self) -> None:
        """What is not used carries no gradient: processes that share a training wait for one from each that does."""
        network = self.unwrapped_network()
        network.set_two_dimensional(self._alone)
        for parameter in added_parameters(network):
            parameter.requires_grad_(not self._alone)

    def _rewrap(self) -> None:
        """Compile and share among GPUs again, what nnU-Net does when it initialises.

        Compiled for the new shapes alone: what was compiled before would make PyTorch try one graph for both.
        """
        compiled, shared = self._do_i_compile(), self.is_ddp
        if not compiled and not shared:
            return
        self.network = self.unwrapped_network()
        gc.collect()  # the hooks of the old wrap go with it
        if compiled:
            torch.compiler.reset()
            self.network = torch.compile(self.network, dynamic=False)
        if shared:
            device_ids = [self.local_rank] if self.device.type == "cuda" else None
            self.network = DistributedDataParallel(self.network, device_ids=device_ids)

    def _stop_loaders(self) -> None:
        """Their processes end before new ones start."""
        for loader in (self.dataloader_train, self.dataloader_val):
            if hasattr(loader, "_finish"):
                loader._finish()
