"""Reads `summary.json`, written by nnU-Net's own evaluation."""

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
