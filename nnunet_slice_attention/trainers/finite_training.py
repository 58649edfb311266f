"""Ends a training that has become NaN: nnU-Net would go on to its last epoch and write over its good checkpoints."""

import math

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class FiniteTraining(nnUNetTrainer):
    """Refuses to continue, and to save, what is NaN or infinite.

    Single steps may be: in half precision nnU-Net leaves those out.
    """

    def on_train_epoch_end(self, train_outputs: list[dict]):
        if not any(math.isfinite(float(output["loss"])) for output in train_outputs):
            raise RuntimeError(self._diverged(f"the loss of all {len(train_outputs)} steps is"))
        super().on_train_epoch_end(train_outputs)

    def save_checkpoint(self, filename: str) -> None:
        # The statistics of batch norm stay NaN after a single step, whose gradients mixed precision leaves out.
        statistics = (buffer for name, buffer in self.network.named_buffers() if ".running_" in name)
        # `aminmax` keeps NaN and needs no memory, unlike isfinite.
        weights = (w.detach() for w in (*self.network.parameters(), *statistics) if w.numel())
        if not all(math.isfinite(float(extreme)) for weight in weights for extreme in weight.aminmax()):
            raise RuntimeError(self._diverged("the network's weights, which are not saved, are"))
        super().save_checkpoint(filename)

    def _diverged(self, what: str) -> str:
        return (
            f"{type(self).__name__}, fold {self.fold}, epoch {self.current_epoch}: {what} NaN or infinite. Look for "
            f"such voxels in the images of {self.preprocessed_dataset_folder}, and replace them in the raw images. If "
            f"there are none, --c continues from the last checkpoint in {self.output_folder}, if there is one."
        )
