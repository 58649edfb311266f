"""`compare` for Python: the command's own work, with plain arguments."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from .compare import Options
from .compare import compare as write_comparison
from .compared_models import Model, predicted_folder, trained_model
from .patients import group_by
from .runs import models_of_runs
from .truth import Truth, truth_of_dataset, truth_of_folder

PathLike = str | Path


def compare(
    models: Sequence[str] | Mapping[str, PathLike],
    output: PathLike,
    *,
    dataset: str | int | None = None,
    folds: Sequence[int | str] = (0,),
    runs: Sequence[PathLike] = (),
    references: PathLike | None = None,
    dataset_json: PathLike | None = None,
    images: PathLike | None = None,
    baseline: str | None = None,
    patients: PathLike | None = None,
    tolerance_mm: float = 2.0,
    lesion_sizes_mm: tuple[float, float] | None = None,
    ensembles: bool = True,
    cost: PathLike | None = None,
    processes: int = 2,
    title: str = "Comparison",
) -> pd.DataFrame:
    """Compare models on the same cases; write tables, figures and `report.html` to `output`.

    Args:
        models: names of trained models, TRAINER__PLANS__CONFIGURATION, with `dataset`; or folders of predictions by
            the name they get, with `references`.
        output: folder of the report; what was evaluated before is kept there.
        dataset: id or name of the data set of trained models.
        folds: whose validation is compared.
        runs: results folders with independent runs of the models; default nnU-Net's own.
        references: folder of the reference segmentations of `models` that are folders.
        dataset_json: of `references`; default `dataset.json` of the first folder.
        images: folder of the images of `references`, to show examples.
        baseline: what the others are compared with; default the first model.
        patients: which cases are one patient: a regular expression for its name in the case's, or a CSV of
            case,patient.
        tolerance_mm: of the normalised surface distance.
        lesion_sizes_mm: evaluate each lesion too; the diameters between small, medium and large.
        ensembles: also pairs of models that have probabilities.
        cost: `cost.csv` of the command cost, to set accuracy against cost.

    Returns:
        the case table: one row per model, case and structure, with every metric.

    Raises:
        ValueError: arguments that do not belong together, or cases that could not be evaluated, each named; then no
            report is written.
        FileNotFoundError: a model, its predictions, or the references do not exist.
    """
    found, truth = models_and_truth(models, dataset, folds, runs, references, dataset_json, images)
    options = Options(
        reference=baseline or found[0].name,
        tolerance=tolerance_mm,
        lesion_sizes=lesion_sizes_mm,
        ensembles=ensembles,
        processes=processes,
        title=title,
        group=str(patients) if patients is not None else None,
        cost=Path(cost) if cost else None,
    )
    if failures := write_comparison(found, truth, Path(output), options, group_by(options.group)):
        raise ValueError("\n".join(f"FAILED {failure}" for failure in failures))
    return pd.read_csv(Path(output) / "cases.csv")


def models_and_truth(
    models: Sequence[str] | Mapping[str, PathLike],
    dataset: str | int | None,
    folds: Sequence[int | str],
    runs: Sequence[PathLike],
    references: PathLike | None,
    dataset_json: PathLike | None,
    images: PathLike | None,
) -> tuple[list[Model], Truth]:
    """What is compared and with what, see `compare`."""
    if isinstance(models, Mapping):
        if dataset is not None or runs:
            raise ValueError(
                "dataset and runs are for trained models; folders of predictions have references."
            )
        folders = {name: Path(folder) for name, folder in models.items()}
        description = Path(dataset_json) if dataset_json else next(iter(folders.values())) / "dataset.json"
        truth = truth_of_folder(
            str(references) if references else None, description, str(images) if images else None
        )
        return [predicted_folder(name, folder, truth.ending) for name, folder in folders.items()], truth
    if dataset is None:
        raise ValueError("names of trained models need dataset, an id or a name.")
    if references or dataset_json or images:
        raise ValueError("references, dataset_json and images are for folders; dataset knows its own.")
    truth, names = truth_of_dataset(str(dataset)), list(models)
    if runs:
        return models_of_runs(str(dataset), names, list(folds), truth, [Path(run) for run in runs]), truth
    return [trained_model(str(dataset), name, list(folds), truth) for name in names], truth
