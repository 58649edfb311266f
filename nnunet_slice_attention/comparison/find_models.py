"""Finds the predictions of trained models, and of folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import read_description, segmentations
from ..fold_split import check_no_other_cases, check_trained_split, validate_again
from ..fold_validation import note_begun_again
from ..inference.prediction_record import check_one_model
from ..messages import first_few
from ..model_name import ENSEMBLE, ModelName
from ..plans.differences import decisive_labels, first_difference
from .ground_truth import GroundTruth
from .model import Fold, Model


def parse_prediction(text: str) -> tuple[str, Path]:
    """ "csa=out/csa" to ("csa", Path("out/csa")).

    Raises:
        ValueError: the name or the folder is missing.
    """
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise ValueError(f"--predictions {text!r} is not NAME=FOLDER.")
    return name, Path(folder)


def trained_model(
    dataset: str, name: str, folds: Sequence[Fold], truth: GroundTruth, results: Path | None = None
) -> Model:
    """The validation predictions of a trained model; prints a note on stderr if a fold was started again.

    Args:
        results: results folder; None means `nnUNet_results`.

    Raises:
        ValueError: the name does not have three parts, the model was trained with other labels, or a fold's cases are
            not those of the data set's split.
        FileNotFoundError: the model or a fold's validation does not exist.
    """
    trainer, plans, configuration = ModelName.parse(name)
    folder = Path(results or str(nnUNet_results)) / maybe_convert_to_dataset_name(dataset) / name
    if not folder.is_dir():
        others = sorted(p.name for p in folder.parent.glob("*__*__*"))
        raise FileNotFoundError(
            f"{folder} does not exist. Train it, or give another model. Trained so far: {', '.join(others) or 'none'}."
        )
    _check_trained_labels(name, folder, truth)
    predictions, fold_by_case = {}, {}
    for fold in folds:
        if fold == "all":
            raise ValueError(
                "fold all is validated on its own training cases. Compare folds 0 to 4, or predict held-out cases and "
                "compare them with --predictions."
            )
        validation = folder / f"fold_{fold}" / "validation"
        expected = _validation_cases(name, fold, validation.parent, truth)
        found = segmentations(validation, truth.ending)
        again = f"nnUNet_results={results} " if results else ""
        again += f"nnUNetv2_train {dataset} {configuration} {fold} -tr {trainer} -p {plans} --val --npz"
        if not found:
            raise FileNotFoundError(
                f"{validation} contains no predictions. Finish the training first, if it has not ended. "
                f"{validate_again(again)}"
            )
        _check_cases(f"{name}, fold {fold}", found, expected, again)
        note_begun_again(f"{name}, fold {fold}", validation.parent)
        if duplicates := sorted(set(found) & set(predictions)):
            raise ValueError(
                f"{first_few(duplicates)}: in more than one of the folds {', '.join(map(str, folds))}. Train with a "
                "split whose folds do not overlap, or compare one fold."
            )
        predictions |= found
        fold_by_case |= dict.fromkeys(found, fold)
    return Model(name, predictions, folder, fold_by_case)


def _check_trained_labels(name: str, folder: Path, truth: GroundTruth) -> None:
    """Raise ValueError if a model's voxels do not mean what those of the ground truth do.

    Without the `dataset.json` that nnU-Net writes when a training starts, nothing is checked.
    """
    file, used = folder / "dataset.json", truth.folder.parent / "dataset.json"
    if not file.is_file():
        return
    if differs := _difference_of_voxels(file, truth.dataset_json):
        entry, trained, present = differs
        raise ValueError(
            f"{name} was trained with {entry} = {trained} ({file}), but the data set now has {present} ({used}). Train "
            "it again with the present labels; if its predictions already have their values, compare them with "
            "--predictions."
        )


def _difference_of_voxels(file: Path, dataset_json: Mapping) -> tuple[str, object, object] | None:
    """The first difference in what voxels mean: (entry, value in the `dataset.json` of predictions, present value)."""
    return first_difference(*decisive_labels(*map(_of_voxels, (read_description(file), dataset_json))))


def _of_voxels(description: Mapping) -> dict:
    """What decides the meaning of a predicted voxel: not the ignore label, nor in which order regions list labels."""
    listed = {
        name: sorted(value) if isinstance(value, list | tuple) else [value]
        for name, value in description["labels"].items()
        if name != "ignore"
    }
    labels = {name: values if len(values) > 1 else values[0] for name, values in listed.items()}
    regions = labels != {name: values[0] for name, values in listed.items()}
    kept = {key: value for key, value in description.items() if regions or key != "regions_class_order"}
    return kept | {"labels": labels}


def _validation_cases(name: str, fold: Fold, folder: Path, truth: GroundTruth) -> set[str]:
    """Raise ValueError if the fold does not exist, or was trained on another split."""
    if not (str(fold).isdecimal() and int(fold) < len(truth.splits)):
        raise ValueError(
            f"fold {fold} does not exist. splits_final.json has folds 0 to {len(truth.splits) - 1}."
        )
    split = truth.splits[int(fold)]
    check_trained_split(f"{name}, fold {fold}", folder, split["train"], split["val"])
    return set(split["val"])


def _check_cases(name: str, found: Mapping[str, Path], expected: set[str], again: str) -> None:
    # First, because a model of another split may have learned from the cases that are missing.
    check_no_other_cases(name, found, expected)
    if missing := sorted(expected - found.keys()):
        raise ValueError(f"{name}: no prediction for {first_few(missing)}. {validate_again(again)}")


def prediction_folder(name: str, folder: Path, dataset_json: Mapping) -> Model:
    """Predictions of any origin, under a name of the user's choice.

    Args:
        dataset_json: with the labels that all are evaluated with.

    Raises:
        FileNotFoundError: the folder contains none.
        ValueError: the name looks like an ensemble's; by the record beside them, they are of more than one model.
    """
    if ENSEMBLE in name:
        raise ValueError(
            f"predictions {name!r}: {ENSEMBLE!r} is reserved for ensembles. Choose another name."
        )
    ending, description = dataset_json["file_ending"], folder / "dataset.json"
    found = segmentations(folder, ending)
    if not found:
        raise FileNotFoundError(f"{folder} ({name}) contains no {ending} file. Give a folder of predictions.")
    check_one_model(name, folder, [path.name for path in found.values()])
    others = description.is_file() and _difference_of_voxels(description, dataset_json)
    return Model(name, found, folder, other_labels=bool(others))


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
    found, used_labels = (_of_voxels(entries)["labels"] for entries in (read_description(file), dataset_json))
    for label, expected in used_labels.items():
        comparable = type(found.get(label)) is type(expected)  # regions are lists
        if comparable and found[label] != expected:
            raise ValueError(
                f"{name}: {file} has {label} = {found[label]}, but {used}, with which all are evaluated, {expected}. "
                "Compare models of the same labels, or convert these predictions and remove that file."
            )
