"""Which cases are of one patient, since two scans of a patient are not independent."""

import re
from collections.abc import Callable
from pathlib import Path

from ..spreadsheet import read_rows
from .ground_truth import GroundTruth

TABLES = (".csv", ".tsv", ".txt")
EXPRESSIONS = set(r"()[]{}\*+?^$|")  # characters of regular expressions that are rare in paths


def group_by(rule: str | Path | None) -> Callable[[str], str]:
    """A function that maps a case to its patient.

    Args:
        rule: a regular expression, whose first group (or whole match) in the case's name is the patient; or an existing
            CSV file of case,patient rows, with or without this header (see `read_rows`). None: every case is a patient.

    Raises:
        ValueError: invalid rows or expression, or the path of a file that does not exist; the function raises it for a
            case that the rule does not cover.
    """
    if rule is None:
        return lambda case: case
    if Path(rule).is_file():
        rows = read_rows(Path(rule))
        if rows and [cell.lower() for cell in rows[0]] == ["case", "patient"]:
            del rows[0]
        if wrong := [",".join(row) for row in rows if len(row) != 2]:
            raise ValueError(f"{rule}: {wrong[0]!r} is not CASE,PATIENT. Fix this line.")
        patients = dict(rows)
        if len(patients) < len(rows):
            cases = [case for case, _ in rows]
            duplicate = min(case for case in cases if cases.count(case) > 1)
            raise ValueError(f"{rule} lists case {duplicate} more than once. Keep one of its lines.")

        def from_table(case: str) -> str:
            if case not in patients:
                raise ValueError(f"{rule} lists no patient for case {case}. Add a line {case},PATIENT.")
            return patients[case]

        return from_table
    if _is_path(str(rule)):
        raise ValueError(
            f"--group {rule} does not exist, or is not a file. Give the table of case,patient, or a regular expression."
        )
    try:
        pattern = re.compile(str(rule))
    except re.error as error:
        raise ValueError(
            f"--group {rule!r} is neither a file nor a valid regular expression: {error}."
        ) from None

    def from_name(case: str) -> str:
        match = pattern.search(case)
        name = match and (match[1] if pattern.groups else match[0])
        if not name:
            raise ValueError(
                f"--group {str(rule)!r} does not match case {case}. It must find a patient in every case."
            )
        return name

    return from_name


def _is_path(rule: str) -> bool:
    """Whether a rule is meant as a file's path: no case name ends like a table's, or has a slash."""
    return rule.lower().endswith(TABLES) or ("/" in rule and not set(rule) & EXPRESSIONS)


def leaked_patients(truth: GroundTruth, fold: int, get_patient: Callable[[str], str]) -> list[str]:
    """Patients with cases in both training and validation of a fold: nnU-Net's own split is by case, not by patient.

    Raises:
        ValueError: the rule does not cover a case of the fold.
    """
    split = truth.splits[fold]
    training, validation = ({get_patient(case) for case in split[part]} for part in ("train", "val"))
    return sorted(training & validation)
