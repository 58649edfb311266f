"""Which cases are one patient: two scans of one are not independent of each other."""

import re
from collections.abc import Callable
from pathlib import Path

from ..spreadsheet import read_rows
from .truth import Truth


def group_by(rule: str | Path | None) -> Callable[[str], str]:
    """What maps a case to its patient: a regular expression's match (its first group, if it has one), or a CSV.

    Args:
        rule: None makes every case a patient of its own; an existing file is read as CSV with "case,patient" rows, see
            `read_rows`, whose first may be this heading.

    Raises:
        ValueError: on a case that the rule does not cover, or an expression that is not one.
    """
    if rule is None:
        return lambda case: case
    if Path(rule).is_file():
        rows = read_rows(Path(rule))
        if rows and [cell.lower() for cell in rows[0]] == ["case", "patient"]:
            del rows[0]
        if wrong := [",".join(row) for row in rows if len(row) != 2]:
            raise ValueError(f"{rule}: {wrong[0]!r} is not CASE,PATIENT.")
        patients = dict(rows)
        if len(patients) < len(rows):
            cases = [case for case, _ in rows]
            twice = min(case for case in cases if cases.count(case) > 1)
            raise ValueError(f"{rule} names case {twice} more than once: keep one of its lines.")

        def from_table(case: str) -> str:
            if case not in patients:
                raise ValueError(f"{rule} names no patient of case {case}: add a line {case},PATIENT.")
            return patients[case]

        return from_table
    try:
        pattern = re.compile(str(rule))
    except re.error as error:
        raise ValueError(f"--group {rule!r} is neither a file nor a regular expression: {error}.") from None

    def from_name(case: str) -> str:
        match = pattern.search(case)
        name = match and (match[1] if pattern.groups else match[0])
        if not name:
            raise ValueError(f"--group {str(rule)!r} matches nothing in case {case}.")
        return name

    return from_name


def on_both_sides(truth: Truth, fold: int, patient_of: Callable[[str], str]) -> list[str]:
    """Patients with cases in a fold's training and in its validation: nnU-Net's own split knows cases only.

    Raises:
        ValueError: the rule does not cover a case of the fold: whose patient it is decides what the answer is.
    """
    trained_on = {patient_of(case) for case in truth.training[fold]}
    return sorted(trained_on & {patient_of(case) for case in truth.splits[fold]})
