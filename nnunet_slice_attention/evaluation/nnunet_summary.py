"""Reading what nnU-Net's own evaluation wrote (`summary.json`)."""

from collections.abc import Mapping
from pathlib import Path

from ..files import read_json


def read_cases(summary: Path) -> list[dict]:
    """What was evaluated of every case, as nnU-Net writes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged.
    """
    again = "Evaluate again: of a validation with nnUNetv2_train and --val, of a folder with nnUNetv2_evaluate_folder."
    cases = read_json(summary, again, keys=("metric_per_case",))["metric_per_case"]
    if not isinstance(cases, list) or not all(isinstance(case, dict) and "metrics" in case for case in cases):
        raise ValueError(f"{summary} is damaged: metric_per_case is no list of evaluated cases. {again}")
    return cases


def read_dice(summary: Path, classes: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Dice of every case and class.

    Args:
        summary: `summary.json` of a validation or prediction folder.
        classes: nnU-Net's key of a label or region, e.g. "1" or "(1, 2)", to the column's name.

    Returns:
        {case: {class name: Dice}}; NaN where a class is in neither the truth nor the prediction.

    Raises:
        FileNotFoundError, ValueError: see `read_cases`.
        KeyError: a label that was not evaluated.
    """
    dice = {}
    for case in read_cases(summary):
        evaluated = case["metrics"]
        unknown = [key for key in classes if key not in evaluated]
        if unknown:
            raise KeyError(f"{summary}: label {unknown[0]!r} was not evaluated, only {', '.join(evaluated)}.")
        name = Path(case["prediction_file"]).name.removesuffix(".gz").removesuffix(".nii")
        dice[name] = {column: float(evaluated[key]["Dice"]) for key, column in classes.items()}
    return dice
