"""The record that each of the doctor's checks returns, and how a list of them reads."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: a word or two.
        ok: False if the user has to act before training.
        text: what was found, with the values.
        next_step: what to do. Needed where `ok` is False; with `ok` True it is advice.
    """

    name: str
    ok: bool
    text: str
    next_step: str = ""

    def __post_init__(self):
        if not self.ok and not self.next_step:
            raise ValueError(f"check {self.name!r} fails without saying what to do: give next_step.")

    @property
    def verdict(self) -> str:
        if not self.ok:
            return "WRONG"
        return "note" if self.next_step else "ok"


def as_text(checks: Sequence[Check]) -> str:
    """One paragraph a check, and last the verdict over all of them."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"[{check.verdict:^5}] {check.name:<{width}}  {check.text}")
        if check.next_step:
            lines.append(f"{'':{width + 10}}-> {check.next_step}")
    wrong = sum(not check.ok for check in checks)
    lines.append(f"\n{wrong} of {len(checks)} checks found something to mend." if wrong else "\nAll is well.")
    return "\n".join(lines)
