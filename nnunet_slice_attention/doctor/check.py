"""The result of a check, and the text for a list of results."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: a word or two.
        ok: False if the user has to act before training.
        text: what was found, with the values.
        next_step: what to do; required if `ok` is False, otherwise advice.
    """

    name: str
    ok: bool
    text: str
    next_step: str = ""

    def __post_init__(self):
        if not self.ok and not self.next_step:
            raise ValueError(f"check {self.name!r} fails without a next step. Give next_step.")

    @property
    def verdict(self) -> str:
        if not self.ok:
            return "WRONG"
        return "note" if self.next_step else "ok"


def as_text(checks: Sequence[Check]) -> str:
    """The verdict, and one paragraph per check."""
    width = max(len(check.name) for check in checks)
    wrong = [check.name for check in checks if not check.ok]
    failed = f"{len(wrong)} of {len(checks)} checks failed: {', '.join(wrong)}."
    lines = [failed if wrong else f"All {len(checks)} checks passed.", ""]
    for check in checks:
        lines.append(f"[{check.verdict:^5}] {check.name:<{width}}  {check.text}")
        if check.next_step:
            lines.append(f"{'':{width + 10}}-> {check.next_step}")
    return "\n".join(lines)
