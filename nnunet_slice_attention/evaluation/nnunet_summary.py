"""Reads `summary.json`, written by nnU-Net's own evaluation."""

from collections.abc import Mapping
from pathlib import Path

from ..files import read_json


def read_cases(summary: Path) -> list[dict]:
    """The entries of all evaluated cases, as nnU-Net writes them.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged.
    """
    again = "Evaluate again: a validation with nnUNetv2_train --val, a folder with nnUNetv2_evaluate_folder."
    cases = read_json(summary, again, keys=("metric_per_case",))["metric_per_case"]
    if not isinstance(cases, list) or not all(isinstance(case, dict) and "metrics" in case for case in cases):
        raise ValueError(f"{summary} is damaged: metric_per_case is not a list of evaluated cases. {again}")
    return cases


def read_dice(summary: Path, classes: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Dice per case and class.

    Args:
        summary: `summary.json` of a validation or prediction folder.
        classes: maps nnU-Net's key of a label or region, e.g. "1" or "(1, 2)", to a class name.

    Returns:
        {case: {class name: Dice}}; NaN if a class is in neither the ground truth nor the prediction.

    Raises:
        FileNotFoundError, ValueError: see `read_cases`.
        KeyError: a label was not evaluated.
    """
    dice = {}
    for case in read_cases(summary):
        evaluated = case["metrics"]
        unknown = [key for key in classes if key not in evaluated]
        if unknown:
            raise KeyError(f"{summary}: label {unknown[0]!r} was not evaluated, only {', '.join(evaluated)}.")
        case_name = Path(case["prediction_file"]).name.removesuffix(".gz").removesuffix(".nii")
        dice[case_name] = {name: float(evaluated[key]["Dice"]) for key, name in classes.items()}
    return dice
