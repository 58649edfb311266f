"""Fine-tunes a trained nnU-Net 2D model: its weights in encoder and decoder, added weights start at zero.

The first training step computes exactly what the 2D model computes. Only the use of neighbours is left to learn, so
training is short and its learning rate low.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from ..environment import commit, versions
from ..files import read_json_or_empty, sha256, write_text
from ..fold_split import check_trained_split
from ..networks.two_d_weights import load_2d_weights, weights_checksum
from .base import nnUNetTrainerSlab
from .checkpoint import Checkpoint
from .two_d_checks import check_same_task, check_unseen
from .two_d_model import TWO_D_RECORD, TwoDModel, find_2d_model

SHARE = 10  # epochs of the 2D model per epoch of fine-tuning


def num_finetuning_epochs(epochs: int) -> int:
    """A tenth of the 2D model's epochs, rounded up: 1000 -> 100, 250 -> 25, 2 -> 1."""
    return max(1, -(-epochs // SHARE))


def _mirroring(mirrors: bool) -> str:
    return "with mirroring" if mirrors else "without mirroring"


class nnUNetTrainerFrom2D(nnUNetTrainerSlab):
    """A slab trainer that starts from nnU-Net's 2D model of the same data set, plans, configuration and fold.

    The model is read once, when epoch 0 begins: `from_2d.json` in the fold's folder records it and the resulting number
    of epochs, so --c, --val and prediction do not need it. If `epochs` is None that number replaces a `num_epochs` set
    by a subclass; a subclass with a length of its own sets `epochs`.
    """

    learning_rate_factor = 0.5
    epochs_from_2d: int | None = None  # set once the 2D model is known

    @property
    def join_epoch(self) -> int:
        return 0

    @property
    def record(self) -> Path:
        return Path(self.output_folder, TWO_D_RECORD)

    def initialize(self):
        self._set_num_epochs()
        super().initialize()
        # nnU-Net loads -pretrained_weights between `initialize` and the first epoch, which changes the checksum.
        self.initial_weights = weights_checksum(self.unwrapped_network().parameters())

    def on_train_start(self):
        two_d = None
        if self.current_epoch == 0:
            two_d = self._start_from_2d()
        elif self.epochs is None and self._recorded_epochs() is None:
            kind, problem = (
                (ValueError, "is damaged") if self.record.is_file() else (FileNotFoundError, "does not exist")
            )
            raise kind(
                f"{self.record} {problem}. It records the number of epochs of this run. Restore it, or train from the "
                "start, without --c."
            )
        super().on_train_start()  # keeps the record of an earlier training in the folder
        if two_d:
            self._note_mirroring(two_d)
            if self._writes():
                self._write_record(two_d)

    def _start_from_2d(self) -> Checkpoint:
        """The 2D model; all checks are made before the first step."""
        if (
            self.was_initialized
            and weights_checksum(self.unwrapped_network().parameters()) != self.initial_weights
        ):
            raise ValueError(
                f"-pretrained_weights and {type(self).__name__} both set the initial weights. Omit "
                "-pretrained_weights, or train without the suffix _From2D."
            )
        model = find_2d_model(
            Path(self.output_folder_base).parent,
            self.plans_manager.plans_name,
            self.configuration_name,
            self.fold,
        )
        two_d = self.read_2d_model(model, *self.do_split())
        self.epochs_from_2d = num_finetuning_epochs(two_d.epochs)
        if self.was_initialized:
            self._set_num_epochs()
            self.optimizer, self.lr_scheduler = self.configure_optimizers()
        else:
            self.initialize()
        self.load_2d_model(model, two_d)
        self.print_to_log_file(
            f"Starting from the 2D model {two_d.path} (epochs: {two_d.epochs}). Epochs: {self.num_epochs}, initial "
            f"learning rate: {self.initial_lr:g}"
        )
        return two_d

    def _note_mirroring(self, two_d: Checkpoint) -> None:
        """Once the batches are configured: nnU-Net's own trainers, with which ours can be combined, set it then."""
        mirrors = bool(self.inference_allowed_mirroring_axes)
        if two_d.mirrors != mirrors:
            self.print_to_log_file(
                f"WARNING: the 2D model was trained {_mirroring(two_d.mirrors)}, this training is "
                f"{_mirroring(mirrors)}. The suffix _NoMirroring decides it."
            )

    def read_2d_model(
        self, model: TwoDModel, training: Sequence[str], validation: Sequence[str]
    ) -> Checkpoint:
        """Of the same split; with fold "all" nothing is asked of it.

        Raises:
            ValueError, FileNotFoundError: it is of another task, or may have been trained on validation cases.
        """
        two_d = model.read()
        check_same_task(model, two_d, self.plans_manager.plans, self.dataset_json)
        if model.fold != "all":
            check_trained_split(f"the 2D model {model.name}", model.folder, training, validation)
        check_unseen(model, two_d, validation)
        return two_d

    def load_2d_model(self, model: TwoDModel, two_d: Checkpoint) -> None:
        """Its weights into the initialised network; raise ValueError if it has other ones."""
        try:
            load_2d_weights(self.unwrapped_network(), two_d.weights)
        except ValueError as error:
            raise ValueError(
                f"{two_d.path} cannot be used as initialisation: {error} {model.stock.command()}"
            ) from error

    def _set_num_epochs(self) -> None:
        """From the trainer's name, or else from the 2D model or its record."""
        if self.epochs is None:
            self.num_epochs = self.epochs_from_2d or self._recorded_epochs() or self.num_epochs

    def _recorded_epochs(self) -> int | None:
        epochs = read_json_or_empty(self.record).get("epochs")
        return epochs if isinstance(epochs, int) else None

    def _write_record(self, two_d: Checkpoint) -> None:
        results = Path(self.output_folder_base).parents[1]
        made_from = {
            "checkpoint": two_d.path.relative_to(results).as_posix(),
            "sha256": sha256(two_d.path),
            "trainer": two_d.trainer,
            "epochs_of_2d": two_d.epochs,
            "epochs": self.num_epochs,
            "versions": versions(),
            "commit": commit(),
        }
        write_text(self.record, json.dumps(made_from, indent=2) + "\n")
