"""The models of a comparison: their predictions of the same cases."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import read_description
from ..model_name import ENSEMBLE, ModelName
from .ground_truth import GroundTruth, segmentations

Fold = int | str


@dataclass(frozen=True)
class Model:
    """One model's predictions in one run.

    Attributes:
        name: TRAINER__PLANS__CONFIGURATION, or the user's name for a folder of predictions.
        predictions: predicted segmentation by case.
        folder: of the trained model, or of the predictions.
        fold_by_case: the fold that has the case in its validation set; empty for a folder of predictions.
        run: name of the results folder if several are compared, else empty.
    """

    name: str
    predictions: Mapping[str, Path]
    folder: Path
    fold_by_case: Mapping[str, Fold] = field(default_factory=dict)
    run: str = ""

    @property
    def label(self) -> str:
        """Name, with the run if there are several."""
        return f"{self.name}, {self.run}" if self.run else self.name

    def probabilities(self, case: str) -> Path | None:
        """nnU-Net's npz file, if it is not older than the final checkpoint while the prediction is newer.

        A training without --npz replaces the predictions of an earlier one, but leaves its npz files. (So does --c
        without --npz after the last epoch, although the weights are the same.)
        """
        path = self.predictions[case].parent / f"{case}.npz"
        if not path.is_file() or _written(path) < self._trained(case) <= _written(self.predictions[case]):
            return None
        return path

    def _trained(self, case: str) -> float:
        """Time of the final checkpoint that predicted the case; 0 if there is none."""
        return _written(self.folder / f"fold_{self.fold_by_case.get(case)}" / "checkpoint_final.pth")

    @property
    def cases_without_probabilities(self) -> list[str]:
        """Cases without probabilities of their prediction."""
        return [case for case in self.predictions if self.probabilities(case) is None]

    @property
    def stale_folds(self) -> list[Fold]:
        """Folds with a prediction older than the final checkpoint: it is of an earlier run, or was copied."""
        stale = {
            fold: None
            for case, fold in self.fold_by_case.items()
            if _written(self.predictions[case]) < self._trained(case)
        }
        return list(stale)


def _written(path: Path) -> float:
    """Time of the last change; 0 if the file does not exist."""
    return path.stat().st_mtime if path.is_file() else 0


def parse_prediction(text: str) -> tuple[str, Path]:
    """ "csa=out/csa" to ("csa", Path("out/csa")).

    Raises:
        ValueError: the name or the folder is missing, or the name looks like an ensemble's.
    """
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise ValueError(f"--predictions {text!r} is not NAME=FOLDER.")
    if ENSEMBLE in name:
        raise ValueError(
            f"--predictions {text!r}: {ENSEMBLE!r} is reserved for ensembles. Choose another name."
        )
    return name, Path(folder)


def trained_model(
    dataset: str, name: str, folds: Sequence[Fold], truth: GroundTruth, results: Path | None = None
) -> Model:
    """The validation predictions of a trained model.

    Args:
        results: results folder; None means `nnUNet_results`.

    Raises:
        ValueError: the name does not have three parts, or a fold's cases are not those of the data set's split.
        FileNotFoundError: the model or a fold's validation does not exist.
    """
    trainer, plans, configuration = ModelName.parse(name)
    folder = Path(results or str(nnUNet_results)) / maybe_convert_to_dataset_name(dataset) / name
    if not folder.is_dir():
        others = sorted(p.name for p in folder.parent.glob("*__*__*"))
        raise FileNotFoundError(
            f"{folder} does not exist. Train it, or give another model. Trained so far: {', '.join(others) or 'none'}."
        )
    predictions, fold_by_case = {}, {}
    for fold in folds:
        if fold == "all":
            raise ValueError(
                "fold all is validated on its own training cases. Compare folds 0 to 4, or predict held-out cases and "
                "compare them with --predictions."
            )
        validation = folder / f"fold_{fold}" / "validation"
        found = segmentations(validation, truth.ending)
        again = f"nnUNet_results={results} " if results else ""
        again += f"nnUNetv2_train {dataset} {configuration} {fold} -tr {trainer} -p {plans} --val --npz"
        if not found:
            raise FileNotFoundError(
                f"{validation} contains no predictions. Finish the training, or run: {again}"
            )
        _check_split(name, fold, found, truth, again)
        if duplicates := sorted(set(found) & set(predictions)):
            raise ValueError(
                f"{', '.join(duplicates)}: in more than one of the folds {', '.join(map(str, folds))}. Train with a "
                "split whose folds do not overlap, or compare one fold."
            )
        predictions |= found
        fold_by_case |= dict.fromkeys(found, fold)
    return Model(name, predictions, folder, fold_by_case)


def _check_split(name: str, fold: Fold, found: Mapping[str, Path], truth: GroundTruth, again: str) -> None:
    if not int(fold) < len(truth.splits):
        raise ValueError(
            f"fold {fold} does not exist. splits_final.json has folds 0 to {len(truth.splits) - 1}."
        )
    expected = set(truth.splits[int(fold)])
    # First, because a model of another split may have learned from the cases that are missing.
    if extra := sorted(found.keys() - expected):
        validation = found[extra[0]].parent
        raise ValueError(
            f"{name}, fold {fold}: {', '.join(extra)} not in this fold of splits_final.json, so the model was trained "
            f"on another split. Move {validation.parent} away and train it again. If it was trained again since, these "
            f"predictions are left from before: remove them from {validation}, also their .npz and .pkl."
        )
    if missing := sorted(expected - found.keys()):
        raise ValueError(f"{name}, fold {fold}: no prediction for {', '.join(missing)}. Run: {again}")


def prediction_folder(name: str, folder: Path, ending: str) -> Model:
    """Predictions of any origin, under a name of the user's choice.

    Raises:
        FileNotFoundError: the folder contains none.
    """
    found = segmentations(folder, ending)
    if not found:
        raise FileNotFoundError(f"{folder} ({name}) contains no {ending} file. Give a folder of predictions.")
    return Model(name, found, Path(folder))


def check_same_labels(name: str, folder: Path, dataset_json: Mapping, used: Path) -> None:
    """Raise ValueError if predictions are of a model in which a label or region of the same name is another.

    Args:
        name: of the predictions.
        folder: with nnU-Net's `dataset.json`; without it they may be of any origin, and are not checked.
        dataset_json: content of the file `used`.
    """
    file = folder / "dataset.json"
    if not file.is_file():
        return
    found = read_description(file)["labels"]
    for label, expected in dataset_json["labels"].items():
        comparable = label != "ignore" and type(found.get(label)) is type(expected)  # regions are lists
        if comparable and found[label] != expected:
            raise ValueError(
                f"{name}: {file} has {label} = {found[label]}, but {used}, with which all are evaluated, {expected}. "
                "Compare models of the same labels, or convert these predictions and remove that file."
            )


def model_names(models: Sequence[Model]) -> list[str]:
    """The distinct names, in order.

    Raises:
        ValueError: duplicate names in a run, or a model missing from a run.
    """
    check_unique(model.label for model in models)
    names = dict.fromkeys(model.name for model in models)
    existing = {(model.name, model.run) for model in models}
    for run in dict.fromkeys(model.run for model in models):
        if missing := [name for name in names if (name, run) not in existing]:
            raise ValueError(f"run {run} lacks {', '.join(missing)}: every run needs every model.")
    return list(names)


def without_probabilities(models: Sequence[Model]) -> set[str]:
    """Names of the models that lack probabilities of a case in any run."""
    return {model.name for model in models if model.cases_without_probabilities}


def check_unique(names: Iterable[str]) -> None:
    """Raise ValueError if a name occurs more than once."""
    if duplicates := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{', '.join(duplicates)}: given more than once. Give every model a unique name.")


def check_same_cases(models: Sequence[Model], truth: GroundTruth) -> None:
    """Raise an error unless all models have the same cases, and each case has a ground truth.

    Raises:
        ValueError: two models have different cases.
        FileNotFoundError: the ground truth of a case is missing.
    """
    first = models[0]
    for model in models[1:]:
        for one, other in ((first, model), (model, first)):
            if only := sorted(set(one.predictions) - set(other.predictions)):
                raise ValueError(
                    f"{first.label} and {model.label} have different cases: only {one.label} has {', '.join(only)}. "
                    "Predict the missing cases, or compare other folders."
                )
    if missing := [case for case in sorted(first.predictions) if not truth.file(case).is_file()]:
        raise FileNotFoundError(
            f"{truth.folder} lacks the ground truth of {', '.join(missing)}. Add it, or remove the predictions."
        )
