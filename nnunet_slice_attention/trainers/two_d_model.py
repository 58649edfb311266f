"""Finds the trained nnU-Net 2D model to start from.

It has the same data set, plans, configuration and fold, and a trainer that is not from this package, which shows in the
plans saved with a model: the patch of a slab has three sizes, that of a 2D network two.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnunetv2.utilities.dataset_name_id_conversion import convert_dataset_name_to_id
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import read_plans
from ..fold_validation import began_again, summary_file
from ..model_name import BEST, FINAL, LATEST, ModelName
from ..plans.plans_file import STOCK_PLANS
from .checkpoint import Checkpoint, read_checkpoint

CHOICE = "nnUNet_from2D"  # environment variable: trainer of the 2D model
TWO_D_RECORD = "from_2d.json"  # in the folder of a fold that started from a 2D model
STOCK = "nnUNetTrainer"
UNFINISHED = (LATEST, BEST)


@dataclass(frozen=True)
class TwoDModel:
    """One fold of a model, which need not exist.

    Attributes:
        results: the data set's folder in $nnUNet_results.
        name: the model's name.
        fold: a number or "all".
        coming: its training will be finished when it is needed.
    """

    results: Path
    name: ModelName
    fold: int | str
    coming: bool = False

    @property
    def folder(self) -> Path:
        return self.results / str(self.name) / f"fold_{self.fold}"

    @property
    def checkpoint(self) -> Path:
        return self.folder / FINAL

    @property
    def summary(self) -> Path:
        """nnU-Net's validation results for the fold."""
        return summary_file(self.folder)

    @property
    def finished(self) -> bool:
        return self.coming or self.checkpoint.is_file()

    @property
    def unfinished(self) -> bool:
        return not self.finished and any((self.folder / name).is_file() for name in UNFINISHED)

    @property
    def stock(self) -> "TwoDModel":
        """The model of nnU-Net's own trainer."""
        return replace(self, name=self.name._replace(trainer=STOCK))

    def read(self) -> Checkpoint:
        """Raise ValueError, with the next step, if the checkpoint cannot be read or contains code."""
        try:
            return read_checkpoint(self.checkpoint)
        except ValueError as error:
            raise ValueError(f"{error} Train the 2D model again: {self.command()}") from error

    def command(self, *options: str) -> str:
        """The nnU-Net command that trains it."""
        trainer, plans, configuration = self.name
        words = ["nnUNetv2_train", convert_dataset_name_to_id(self.results.name), configuration, self.fold]
        words += ["-tr", trainer] if trainer != STOCK else []
        words += ["-p", plans] if plans != STOCK_PLANS else []
        return " ".join(map(str, [*words, *options]))


def find_2d_model(
    results: Path, plans: str, configuration: str, fold: int | str, coming: Collection[str] = ()
) -> TwoDModel:
    """The one finished 2D model, or the one selected by the environment variable `nnUNet_from2D`.

    Args:
        coming: trainers of 2D models that count as finished, because they will be.

    Raises:
        FileNotFoundError: there is none, or its training is not finished.
        ValueError: there are several, of which others may be unfinished, the variable matches none of them, or it was
            started again and has not ended.
    """
    chosen, models = os.environ.get(CHOICE), _models(results, plans, configuration, fold, coming)
    label = f"fold {fold} of {results.name} ({plans}, {configuration})"
    if chosen:
        finished = [model for model in models if model.finished]
        models = [model for model in models if model.name.trainer == chosen]
        if finished and not models:
            raise ValueError(
                f"{CHOICE}={chosen} matches no trained 2D model. {label} has {_listed(finished)}. Set {CHOICE} to one "
                "of their trainers."
            )
    finished = [model for model in models if model.finished]
    unfinished = [model for model in models if model.unfinished]
    if len(finished) == 1 and unfinished:  # the finished one may be a short trial
        commands = " or ".join(model.command("--c") for model in unfinished)
        raise ValueError(
            f"{label} has one trained 2D model, {_listed(finished)}, and others whose training is not finished: "
            f"{', '.join(model.name.trainer for model in unfinished)}. To start from the first: export "
            f"{CHOICE}={finished[0].name.trainer}. To start from another, finish it ({commands}), then: export "
            f"{CHOICE}={unfinished[-1].name.trainer}"
        )
    if len(finished) == 1 and began_again(finished[0].folder):
        raise ValueError(
            f"{label}: the 2D model of {finished[0].name.trainer} was trained to its end, then started again without "
            f"--c: in {finished[0].folder}, {LATEST} is newer than {FINAL}. To start from the first training, move "
            f"{LATEST} away; from the second, move {FINAL} away and finish it: {finished[0].command('--c')}"
        )
    if len(finished) == 1:
        return finished[0]
    if finished:
        raise ValueError(
            f"{label} has {len(finished)} trained 2D models: {_listed(finished)}. "
            f"Choose one by its trainer: export {CHOICE}={finished[-1].name.trainer}"
        )
    if unfinished:
        commands = " or ".join(model.command("--c") for model in unfinished)
        raise FileNotFoundError(
            f"{unfinished[0].checkpoint} does not exist: the training of the 2D model is not finished. "
            f"Finish it first: {commands}"
        )
    missing = TwoDModel(results, ModelName(chosen or STOCK, plans, configuration), fold)
    raise FileNotFoundError(
        f"{label} has no trained 2D model to start from, such as "
        f"{missing.checkpoint}. Train it first: {missing.command()}"
    )


def _models(
    results: Path, plans: str, configuration: str, fold: int | str, coming: Collection[str]
) -> list[TwoDModel]:
    """Models with 2D networks, sorted by name."""
    suffix = f"__{plans}__{configuration}"
    trainers = {folder.name.removesuffix(suffix) for folder in results.glob(f"*{suffix}")}
    named = [ModelName(trainer, plans, configuration) for trainer in sorted({*trainers, *coming})]
    models = [TwoDModel(results, name, fold, name.trainer in coming) for name in named]
    return [model for model in models if model.coming or _is_2d(results / str(model.name), configuration)]


def _is_2d(folder: Path, configuration: str) -> bool:
    """Judged by the plans that nnU-Net saves at the start of training; without them there is no model."""
    path = folder / "plans.json"
    if not path.is_file():
        return False
    try:
        saved = PlansManager(read_plans(path))
        return len(saved.get_configuration(configuration).patch_size) == 2
    except (ValueError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}). Train that model again, or move its folder."
        ) from error


def _listed(models: Sequence[TwoDModel]) -> str:
    return ", ".join(f"{model.name.trainer} ({_epochs(model)})" for model in models)


def _epochs(model: TwoDModel) -> str:
    if model.coming and not model.checkpoint.is_file():
        return "still to be trained"
    try:
        return f"epochs: {model.read().epochs}"
    except ValueError:  # an error only if it is chosen
        return "unreadable checkpoint"
