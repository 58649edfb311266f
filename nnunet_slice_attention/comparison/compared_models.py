"""What a comparison compares: each model's predictions of the same cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..model_name import ENSEMBLE, ModelName
from .truth import Truth

Fold = int | str


@dataclass(frozen=True)
class Model:
    """One model's predictions in one run.

    Attributes:
        name: TRAINER__PLANS__CONFIGURATION, or what the user calls a folder.
        predictions: the file of every case.
        fold_of: the fold whose validation a case belongs to; empty for a folder.
        folder: of the trained model, or of the predictions.
        run: name of its results folder, where several are compared; else empty.
    """

    name: str
    predictions: Mapping[str, Path]
    folder: Path
    fold_of: Mapping[str, Fold] = field(default_factory=dict)
    run: str = ""

    @property
    def label(self) -> str:
        """Its name, and its run if there are several."""
        return f"{self.name}, {self.run}" if self.run else self.name

    def probabilities(self, case: str) -> Path | None:
        """nnU-Net's file of them, if it was written."""
        path = self.predictions[case].parent / f"{case}.npz"
        return path if path.is_file() else None

    @property
    def without_probabilities(self) -> list[str]:
        """Cases whose probabilities were not saved."""
        return [case for case in self.predictions if self.probabilities(case) is None]

    @property
    def older_than_checkpoint(self) -> list[Fold]:
        """Folds with a prediction from before the final checkpoint was written: of a former training, or copied."""
        found = {}
        for case, fold in self.fold_of.items():
            checkpoint = self.folder / f"fold_{fold}" / "checkpoint_final.pth"
            if checkpoint.is_file() and self.predictions[case].stat().st_mtime < checkpoint.stat().st_mtime:
                found[fold] = None
        return list(found)


def split_name(text: str) -> tuple[str, Path]:
    """("csa", Path("out/csa")) of "csa=out/csa".

    Raises:
        ValueError: it has no name or no folder.
    """
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise ValueError(f"--predictions {text!r} is not NAME=FOLDER.")
    if ENSEMBLE in name:
        raise ValueError(
            f"--predictions {text!r}: {ENSEMBLE.strip()!r} between spaces names ensembles. Rename it."
        )
    return name, Path(folder)


def trained_model(
    dataset: str, name: str, folds: Sequence[Fold], truth: Truth, results: Path | None = None
) -> Model:
    """The validation predictions of a trained model.

    Args:
        results: folder of trained models; None takes `nnUNet_results`.

    Raises:
        ValueError: the name has not three parts, or a fold holds other cases than the data set's split.
        FileNotFoundError: the model, or a fold's validation, does not exist.
    """
    trainer, plans, configuration = ModelName.parse(name)
    folder = Path(results or str(nnUNet_results)) / maybe_convert_to_dataset_name(dataset) / name
    if not folder.is_dir():
        others = sorted(p.name for p in folder.parent.glob("*__*__*"))
        raise FileNotFoundError(f"{folder} does not exist. Trained so far: {', '.join(others) or 'nothing'}.")
    predictions, fold_of = {}, {}
    for fold in folds:
        if fold == "all":
            raise ValueError(
                "fold all validates on the cases it was trained on. Compare folds 0 to 4, or predict held-out cases "
                "and give --predictions."
            )
        validation = folder / f"fold_{fold}" / "validation"
        found = _segmentations(validation, truth.ending)
        again = f"nnUNet_results={results} " if results else ""
        again += f"nnUNetv2_train {dataset} {configuration} {fold} -tr {trainer} -p {plans} --val --npz"
        if not found:
            raise FileNotFoundError(f"{validation} holds no prediction. Finish the training, or run: {again}")
        _check_split(name, fold, set(found), truth, again)
        if twice := sorted(set(found) & set(predictions)):
            raise ValueError(
                f"{', '.join(twice)} is in more than one of the folds {', '.join(map(str, folds))}."
            )
        predictions |= found
        fold_of |= dict.fromkeys(found, fold)
    return Model(name, predictions, folder, fold_of)


def _check_split(name: str, fold: Fold, cases: set[str], truth: Truth, again: str) -> None:
    if not int(fold) < len(truth.splits):
        raise ValueError(f"fold {fold} does not exist: splits_final.json has {len(truth.splits)} folds.")
    expected = set(truth.splits[int(fold)])
    if missing := sorted(expected - cases):
        raise ValueError(f"{name}, fold {fold}: no prediction of {', '.join(missing)}. Run: {again}")
    if extra := sorted(cases - expected):
        raise ValueError(
            f"{name}, fold {fold}: {', '.join(extra)} is not in this fold of splits_final.json. The model was trained "
            "on another split and cannot be compared; train it again."
        )


def predicted_folder(name: str, folder: Path, ending: str) -> Model:
    """Any folder of predictions, under a name of the user's.

    Raises:
        FileNotFoundError: it holds none.
    """
    found = _segmentations(folder, ending)
    if not found:
        raise FileNotFoundError(f"{folder} ({name}) holds no file that ends in {ending}.")
    return Model(name, found, Path(folder))


def names_of(models: Sequence[Model]) -> list[str]:
    """Of models in one run or several, each once.

    Raises:
        ValueError: a name is there twice in a run, or lacks in one.
    """
    labels = [model.label for model in models]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise ValueError(
            f"{', '.join(sorted(twice))} is given more than once: every model needs a name of its own."
        )
    names, there = (
        dict.fromkeys(model.name for model in models),
        {(model.name, model.run) for model in models},
    )
    for run in dict.fromkeys(model.run for model in models):
        if lacking := [name for name in names if (name, run) not in there]:
            raise ValueError(f"run {run} has no {', '.join(lacking)}: every model must be in every run.")
    return list(names)


def check_same_cases(models: Sequence[Model], truth: Truth) -> None:
    """Raise ValueError unless all models have the same cases, each with a truth."""
    first = models[0]
    for model in models[1:]:
        for one, other in ((first, model), (model, first)):
            if only := sorted(set(one.predictions) - set(other.predictions)):
                raise ValueError(
                    f"{first.label} and {model.label} do not hold the same cases; only {one.label} has "
                    f"{', '.join(only)}. Predict the missing ones, or compare other folders."
                )
    if missing := [case for case in sorted(first.predictions) if not truth.file(case).is_file()]:
        raise FileNotFoundError(f"no truth of {', '.join(missing)} in {truth.folder}.")


def _segmentations(folder: Path, ending: str) -> dict[str, Path]:
    return {p.name.removesuffix(ending): p for p in sorted(Path(folder).glob(f"*{ending}"))}
