"""Finds the cases that make a prediction fail, with few calls of nnU-Net."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..files import no_room
from ..messages import last_line
from ..standard_output import reader_is_gone
from .cases import Case


class Outcome(NamedTuple):
    """What became of cases.

    Attributes:
        failures: the reason for each case without a result.
        left: cases that were given up because nothing more can be written.
        why: they were given up.
    """

    failures: dict[Case, str]
    left: Sequence[Case] = ()
    why: str = ""


def predict_or_bisect(
    predict: Callable[[list[Case]], None],
    cases: list[Case],
    finished: Callable[[Case], bool],
    discard: Callable[[Case], None],
    folder: Path,
) -> Outcome:
    """Predict all cases; a failure stops nnU-Net's processes for all of them, so then predict each half separately.

    If nothing more can be written to `folder`, no case is to blame, and the search for one would repeat the work of the
    network.

    Args:
        predict: one call of nnU-Net.
        cases: to predict.
        finished: whether this call has predicted a case.
        discard: removes what a prediction that failed may have left.
        folder: of the predictions.
    """
    failures: dict[Case, str] = {}
    waiting = [cases]
    while waiting:
        batch = waiting.pop()
        if not batch:
            continue
        try:
            predict(batch)
            continue
        except Exception as error:  # any failure of one case must not stop the others
            if (
                isinstance(error, BrokenPipeError) and reader_is_gone()
            ):  # of nnU-Net's messages, not a failure
                waiting.append([case for case in batch if not finished(case)])
                continue
            if no_room(error, folder):
                left = [case for part in (batch, *reversed(waiting)) for case in part if not finished(case)]
                for case in left:
                    with suppress(OSError):  # of a read-only disk
                        discard(case)
                return Outcome(failures, left, last_line(error))
            if len(batch) == 1:
                discard(batch[0])
                failures[batch[0]] = last_line(error)
                continue
        remaining = [case for case in batch if not finished(case)]
        half = len(remaining) // 2
        waiting += [remaining[half:], remaining[:half]]
    return Outcome(failures)
