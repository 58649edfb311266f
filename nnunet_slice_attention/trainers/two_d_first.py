"""2D first, then neighbours: a run whose first epochs are those of nnU-Net 2D.

Until a 2D network has learned its task, cheap 2D steps gain more than neighbours do. So the first phase trains the
planned 2D network on nnU-Net's 2D batches; the second trains on slabs with neighbours, whose contribution starts at
zero.
"""

import gc

import torch
from torch.nn.parallel import DistributedDataParallel

from ..networks.two_d_weights import added_parameters, weights_checksum
from ..plans.slabs import single_slices
from .base import nnUNetTrainerSlab

TWO_D_SHARE = (3, 5)  # of the epochs; integers, because 0.6 is not exact as a float


def num_2d_epochs(num_epochs: int) -> int:
    """Epochs of the first phase: 3 in 5, rounded up, but never all. 1 -> 0, 2 -> 1, 5 -> 3, 1000 -> 600."""
    part, whole = TWO_D_SHARE
    return min(-(-part * num_epochs // whole), num_epochs - 1)


class nnUNetTrainer2DFirst(nnUNetTrainerSlab):
    """A slab trainer whose network is the planned 2D network in its first epochs.

    The phase depends only on the epoch and the number of epochs and is set at the start of each epoch, so a resumed run
    is in the right phase.
    """

    begins_in_2d = True
    _in_2d: bool | None = None  # the phase that batches and network are configured for

    @property
    def join_epoch(self) -> int:
        return num_2d_epochs(self.num_epochs)

    def in_2d_phase(self, epoch: int) -> bool:
        return epoch < self.join_epoch

    def initialize(self):
        self._configure_batches(self.in_2d_phase(self.current_epoch))
        super().initialize()
        if self.unwrapped_network().two_dimensional != self._in_2d:
            # A subclass has a `configure_optimizers` of its own, as nnU-Net's variants do, which does not call ours.
            self._configure_network()
            self._rewrap()
        # nnU-Net loads -pretrained_weights between `initialize` and the first epoch, which changes the checksum.
        self._added_at_start = weights_checksum(added_parameters(self.unwrapped_network()))

    def configure_optimizers(self):
        # nnU-Net wraps the network in DDP right after this, which fixes the set of trained weights.
        self._configure_network()
        return super().configure_optimizers()

    def on_train_start(self):
        if not self.was_initialized:
            self.initialize()
        elif self.current_epoch == 0 < self.join_epoch:
            self._check_added_weights()
        self.enter_phase(self.in_2d_phase(self.current_epoch))
        super().on_train_start()

    def _check_added_weights(self) -> None:
        """Raise ValueError if -pretrained_weights has set the weights that are to start at zero in the second phase."""
        if weights_checksum(added_parameters(self.unwrapped_network())) != self._added_at_start:
            raise ValueError(
                f"-pretrained_weights also sets the weights that {type(self).__name__} adds to the 2D network. The "
                "first phase does not use them, so they would disturb the network when they join it. Train with the "
                "suffix _FromScratch, which uses them from the first step."
            )

    def on_epoch_start(self):
        if self.enter_phase(self.in_2d_phase(self.current_epoch)):
            self._stop_loaders()
            self.dataloader_train, self.dataloader_val = self.get_dataloaders()
        if self.current_epoch == self.join_epoch:
            self._best_ema = None  # otherwise the best checkpoint could remain one of the 2D network
        super().on_epoch_start()

    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        in_2d = self.in_2d_phase(self.current_epoch)
        self.print_to_log_file(f"Phase: {'2D, single slices' if in_2d else 'with neighbouring slices'}")

    def phases(self) -> dict[bool, float]:
        share = self.join_epoch / self.num_epochs
        return {True: share, False: 1 - share}

    def enter_phase(self, in_2d: bool) -> bool:
        if in_2d == self._in_2d:
            return False
        self._configure_batches(in_2d)
        self._set_batch_size_and_oversample()
        self._configure_network()
        self._rewrap()
        return True

    def perform_actual_validation(self, save_probabilities: bool = False):
        """With neighbours, as in prediction, whatever phase the network is in."""
        self.unwrapped_network().set_two_dimensional(False)
        super().perform_actual_validation(save_probabilities)

    def _configure_batches(self, in_2d: bool) -> None:
        self._in_2d = in_2d
        self.train_on(single_slices(self.slab, self.planned_batch_size) if in_2d else self.slab)

    def _configure_network(self) -> None:
        """Unused parameters must not require a gradient: DDP waits for the gradients of all that do."""
        network = self.unwrapped_network()
        network.set_two_dimensional(self._in_2d)
        for parameter in added_parameters(network):
            parameter.requires_grad_(not self._in_2d)

    def _rewrap(self) -> None:
        """Apply torch.compile and DDP again, as nnU-Net does in `initialize`.

        The compiler is reset: otherwise PyTorch would compile one dynamic graph for the shapes of both phases.
        """
        compiled, shared = self._do_i_compile(), self.is_ddp
        if not compiled and not shared:
            return
        self.network = self.unwrapped_network()
        gc.collect()  # removes the hooks of the old DDP wrapper
        if compiled:
            torch.compiler.reset()
            self.network = torch.compile(self.network, dynamic=False)
        if shared:
            device_ids = [self.local_rank] if self.device.type == "cuda" else None
            self.network = DistributedDataParallel(self.network, device_ids=device_ids)

    def _stop_loaders(self) -> None:
        """Stop their processes before new ones start."""
        for loader in (self.dataloader_train, self.dataloader_val):
            if hasattr(loader, "_finish"):
                loader._finish()
