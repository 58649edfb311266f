"""Reading what nnU-Net's own evaluation wrote (`summary.json`)."""

import json
from collections.abc import Mapping
from pathlib import Path


def read_dice(summary: Path, classes: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Dice of every case and class.

    Args:
        summary: `summary.json` of a validation or prediction folder.
        classes: nnU-Net's key of a label or region, e.g. "1" or "(1, 2)", to the column's name.

    Returns:
        {case: {class name: Dice}}; NaN where a class is in neither the truth nor the prediction.

    Raises:
        KeyError: a label that was not evaluated.
    """
    cases = json.loads(summary.read_text(encoding="utf-8"))["metric_per_case"]
    dice = {}
    for case in cases:
        evaluated = case["metrics"]
        unknown = [key for key in classes if key not in evaluated]
        if unknown:
            raise KeyError(f"{summary}: label {unknown[0]!r} was not evaluated, only {', '.join(evaluated)}.")
        name = Path(case["prediction_file"]).name.removesuffix(".gz").removesuffix(".nii")
        dice[name] = {column: float(evaluated[key]["Dice"]) for key, column in classes.items()}
    return dice
