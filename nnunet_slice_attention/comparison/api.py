"""`compare` from Python: what the command does, with plain arguments."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from .find_models import check_same_labels, prediction_folder, trained_model
from .ground_truth import GroundTruth
from .model import Model
from .options import Options
from .result_files import read_cases
from .runs import load_runs
from .write_comparison import write_comparison

PathLike = str | Path


def compare(
    models: Sequence[str] | Mapping[str, PathLike],
    output: PathLike,
    *,
    dataset: str | int | None = None,
    folds: Sequence[int | str] = (0,),
    runs: Sequence[PathLike] = (),
    ground_truth: PathLike | None = None,
    dataset_json: PathLike | None = None,
    images: PathLike | None = None,
    baseline: str | None = None,
    patients: PathLike | None = None,
    tolerance_mm: float = 2.0,
    lesion_sizes_mm: tuple[float, float] | None = None,
    boxes: bool = False,
    ensembles: bool = True,
    cost: PathLike | None = None,
    processes: int = 2,
    title: str = "Comparison",
) -> pd.DataFrame:
    """Compare models on the same cases; write tables, figures and `report.html` to `output`.

    Args:
        models: names of trained models, TRAINER__PLANS__CONFIGURATION, with `dataset`; or {name: folder of predictions}
            with `ground_truth`.
        output: folder of the report; evaluated models are cached there.
        dataset: ID or name of the trained models' data set.
        folds: folds whose validation cases are compared.
        runs: results folders with independent runs of the models; default `nnUNet_results`.
        ground_truth: folder of the ground-truth segmentations for folders of predictions.
        dataset_json: of `ground_truth`; default `dataset.json` of the first folder.
        images: folder of the images of `ground_truth`, to show examples.
        baseline: model that the others are compared with; default the first.
        patients: which cases are of one patient: a regular expression that finds the patient in the case's name, or a
            CSV file of case,patient. By default every case is a patient.
        tolerance_mm: for the normalised surface distance.
        lesion_sizes_mm: diameters that separate small, medium and large; None skips lesion-wise evaluation.
        boxes: also evaluate detection by boxes, for models that have probabilities.
        ensembles: also evaluate pairs of models that have probabilities.
        cost: `cost.csv` of the command `cost`, to plot accuracy against cost.
        processes: number of cases evaluated in parallel.
        title: of the report.

    Returns:
        the case table: one row per model, case and structure, with all metrics; names are strings.

    Raises:
        ValueError: arguments that do not go together, or cases that could not be evaluated, each named; no report is
            written then.
        FileNotFoundError: a model, its predictions or the ground truth do not exist.
    """
    found, truth = load_models(models, dataset, folds, runs, ground_truth, dataset_json, images)
    options = Options(
        baseline=baseline or found[0].name,
        tolerance=tolerance_mm,
        lesion_sizes=lesion_sizes_mm,
        boxes=boxes,
        ensembles=ensembles,
        processes=processes,
        title=title,
        group=str(patients) if patients is not None else None,
        cost=Path(cost) if cost else None,
    )
    if failures := write_comparison(found, truth, Path(output), options):
        raise ValueError("\n".join(f"FAILED {failure}" for failure in failures))
    return read_cases(Path(output) / "cases.csv")


def load_models(
    models: Sequence[str] | Mapping[str, PathLike],
    dataset: str | int | None,
    folds: Sequence[int | str],
    runs: Sequence[PathLike],
    ground_truth: PathLike | None,
    dataset_json: PathLike | None,
    images: PathLike | None,
) -> tuple[list[Model], GroundTruth]:
    """The models, and the ground truth to evaluate them with; arguments as of `compare`."""
    if isinstance(models, Mapping):
        if dataset is not None or runs:
            raise ValueError(
                "dataset and runs are for names of trained models. Give folders ground_truth instead."
            )
        folders = {name: Path(folder) for name, folder in models.items()}
        description = Path(dataset_json) if dataset_json else next(iter(folders.values())) / "dataset.json"
        truth = GroundTruth.from_folder(ground_truth, description, images)
        for name, folder in folders.items():
            check_same_labels(name, folder, truth.dataset_json, description)
        found = [prediction_folder(name, folder, truth.dataset_json) for name, folder in folders.items()]
        return found, truth
    if dataset is None:
        raise ValueError("names of trained models need dataset. Give its ID or name.")
    if ground_truth or dataset_json or images:
        raise ValueError(
            "ground_truth, dataset_json and images are for folders of predictions. Leave them out."
        )
    truth, names = GroundTruth.from_dataset(str(dataset)), list(models)
    if runs:
        return load_runs(str(dataset), names, list(folds), truth, [Path(run) for run in runs]), truth
    return [trained_model(str(dataset), name, list(folds), truth) for name in names], truth
