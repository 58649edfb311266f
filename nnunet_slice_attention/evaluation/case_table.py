"""The tidy table behind every comparison: one row a case and structure, computed case by case in processes."""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from .froc import froc_counts
from .lesions import SIZE_NAMES, SIZES_MM, match_lesions
from .metrics import structure_metrics
from .probabilities import check_made_of, read_probabilities
from .segmentations import Labels, read_pair
from .slice_profile import PARTS, continuity_error, dice_by_position


@dataclass(frozen=True)
class Task:
    """What to evaluate, and how.

    Attributes:
        truth, prediction: files of the same case.
        labels: of the data set.
        tolerance: of the normalised surface distance, in mm.
        lesion_sizes: diameters in mm between small, medium and large; None leaves lesions out.
        thick: axis along which slices are stacked.
        probabilities: nnU-Net's file of them, checked, and used for FROC where lesions are asked for; None leaves both
            out.
    """

    case: str
    truth: Path
    prediction: Path
    labels: Labels
    tolerance: float
    lesion_sizes: tuple[float, float] | None = None
    thick: int = 0
    probabilities: Path | None = None


def workers(processes: int) -> ProcessPoolExecutor:
    """Processes for `evaluate`; they begin with the first task.

    Spawned, because nnU-Net's readers and torch do not survive a fork with threads; that takes seconds, so one pool
    serves all models.
    """
    return ProcessPoolExecutor(max(1, processes), multiprocessing.get_context("spawn"))


def evaluate(
    tasks: Sequence[Task], reader: BaseReaderWriter, pool: Executor
) -> tuple[list[dict], dict[str, str]]:
    """All rows, and a message for each case that could not be evaluated.

    A row holds `case`, `structure`, `spacing_mm` along the slices, `headers_apart_mm` (see `Pair`), what
    `structure_metrics` returns, `dice_first` to `dice_last` (see `dice_by_position`), `continuity_error`, and with
    lesions their number, how many were found, the false positives, and `lesion_dice_small`, `_medium`, `_large`; with
    probabilities `froc`, see `froc_counts`.
    """
    rows, problems = [], {}
    for task, (found, problem) in zip(tasks, pool.map(_try, tasks, [reader] * len(tasks)), strict=True):
        rows += found
        if problem:
            problems[task.case] = problem
    return rows, problems


def _try(task: Task, reader: BaseReaderWriter) -> tuple[list[dict], str]:
    try:
        return rows_of(task, reader), ""
    except Exception as error:  # readers raise what they like; the other cases go on
        return [], " ".join(str(error).split()) or type(error).__name__


def rows_of(task: Task, reader: BaseReaderWriter) -> list[dict]:
    """The rows of one case, one a structure."""
    pair = read_pair(reader, task.truth, task.prediction, task.labels, task.thick)
    probabilities = None
    if task.probabilities is not None:
        probabilities = read_probabilities(task.probabilities)
        check_made_of(pair.as_file(pair.prediction), probabilities, task.labels.manager(), task.probabilities)
    rows = []
    for name in task.labels.structures:
        truth, prediction = pair.masks(task.labels, name)
        row = {"case": task.case, "structure": name, "spacing_mm": pair.spacing[0]}
        row["headers_apart_mm"] = pair.headers_apart
        row |= structure_metrics(truth, prediction, pair.spacing, task.tolerance)
        by_position = dice_by_position(truth, prediction)
        row |= {f"dice_{part}": dice for part, dice in zip(PARTS, by_position, strict=True)}
        row["continuity_error"] = continuity_error(truth, prediction)
        if task.lesion_sizes is not None:
            row |= lesion_figures(truth, prediction, pair.spacing, task.lesion_sizes)
            if probabilities is not None and name in task.labels.channels:
                probability = pair.as_read(probabilities[task.labels.channels[name]])
                probability = probability * pair.counted(task.labels)
                row["froc"] = froc_counts(truth, probability, pair.spacing)
        rows.append(row)
    return rows


def lesion_figures(truth, prediction, spacing, sizes: tuple[float, float] = SIZES_MM) -> Mapping[str, float]:
    """Counts, and the mean Dice of the lesions of each size (NaN without one)."""
    match = match_lesions(truth, prediction, spacing, sizes)
    figures = {
        "lesions": len(match.lesions),
        "lesions_found": sum(lesion.found for lesion in match.lesions),
        "lesions_made_up": match.false_positives,
    }
    for size in SIZE_NAMES:
        dice = [lesion.dice for lesion in match.lesions if lesion.size == size]
        figures |= {
            f"lesions_{size}": len(dice),
            f"lesion_dice_{size}": sum(dice) / len(dice) if dice else float("nan"),
        }
    return figures
