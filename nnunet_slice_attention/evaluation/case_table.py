"""The table behind every comparison: one row per case and structure, computed in parallel over cases."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from tqdm import tqdm

from ..messages import in_one_line
from ..tiff_spacing import Spacing
from .detection import detection_rows
from .froc import froc_counts
from .labels import Labels
from .lesions import lesion_metrics
from .metrics import structure_metrics
from .probabilities import check_probabilities_match, read_probabilities
from .segmentations import read_pair
from .slice_profile import PARTS, continuity_error, dice_by_position


@dataclass(frozen=True)
class Task:
    """One case to evaluate, and how.

    Attributes:
        truth, prediction: ground truth and predicted segmentation, as files.
        labels: the data set's.
        tolerance: for the normalised surface distance (NSD), in mm.
        lesion_sizes: diameters in mm that separate small, medium and large; None skips lesion-wise evaluation.
        slice_axis: array axis along which slices are stacked.
        probabilities: nnU-Net's npz file, which must match the prediction; also used for FROC if lesions are
            evaluated, and for the scores of boxes. None skips all of them.
        boxes: evaluate detection by boxes.
        spacing: of a ground truth whose file has none, in mm, in the order of the file's axes.
    """

    case: str
    truth: Path
    prediction: Path
    labels: Labels
    tolerance: float
    lesion_sizes: tuple[float, float] | None = None
    slice_axis: int = 0
    probabilities: Path | None = None
    boxes: bool = False
    spacing: Spacing | None = None


@contextmanager
def worker_pool(processes: int) -> Iterator[Executor]:
    """Pool for `evaluate`; for one process this one, since starting another takes as long as evaluating many cases.

    Processes are spawned, because nnU-Net's readers and torch do not survive a fork with threads. Spawning takes
    seconds, so one pool serves all models.

    Raises:
        RuntimeError: a process was killed.
    """
    spawning = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(processes, spawning) if processes > 1 else ThreadPoolExecutor(1) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"one of the {processes} processes that read segmentations was killed; out of memory? Give fewer with -np."
        ) from error


def evaluate(
    tasks: Sequence[Task], reader: BaseReaderWriter, pool: Executor, title: str = ""
) -> tuple[list[dict], dict[str, str]]:
    """All rows, and {case: error message} for the cases that could not be evaluated.

    A row holds `case`, `structure`, `slices` (their number), `spacing_mm` (between slices), `headers_apart_mm`
    (`Pair.header_offset`), the output of `structure_metrics`, `dice_first` to `dice_last` (see `dice_by_position`) and
    `continuity_error`; with lesions also the output of `lesion_metrics`, and with probabilities `froc` (see
    `froc_counts`); with boxes and probabilities `boxes` (see `detection_rows`). `title` is that of the progress bar.
    """
    rows, problems = [], {}
    results = pool.map(_evaluate_case, tasks, [reader] * len(tasks))
    shown = tqdm(results, title, len(tasks), unit="case", disable=None)
    for task, (found, problem) in zip(tasks, shown, strict=True):
        rows += found
        if problem:
            problems[task.case] = problem
    return rows, problems


def _evaluate_case(task: Task, reader: BaseReaderWriter) -> tuple[list[dict], str]:
    try:
        return case_rows(task, reader), ""
    except Exception as error:  # readers raise anything; the other cases go on
        return [], in_one_line(error)


def case_rows(task: Task, reader: BaseReaderWriter) -> list[dict]:
    """One row per structure of a case."""
    pair = read_pair(reader, task.truth, task.prediction, task.labels, task.slice_axis, task.spacing)
    probabilities = None
    if task.probabilities is not None:
        probabilities = read_probabilities(task.probabilities)
        check_probabilities_match(
            pair.to_file_axes(pair.prediction), probabilities, task.labels.label_manager(), task.probabilities
        )
    rows = []
    for name in task.labels.structures:
        truth, prediction = pair.masks(task.labels, name)
        row = {"case": task.case, "structure": name, "slices": len(truth), "spacing_mm": pair.spacing[0]}
        row["headers_apart_mm"] = pair.header_offset
        row |= structure_metrics(truth, prediction, pair.spacing, task.tolerance)
        dice_parts = dice_by_position(truth, prediction)
        row |= {f"dice_{part}": dice for part, dice in zip(PARTS, dice_parts, strict=True)}
        row["continuity_error"] = continuity_error(truth, prediction)
        if task.lesion_sizes is not None:
            row |= lesion_metrics(truth, prediction, pair.spacing, task.lesion_sizes)
            if probabilities is not None and name in task.labels.channels:
                probability = pair.slices_first(probabilities[task.labels.channels[name]])
                probability = probability * pair.evaluated_voxels(task.labels)
                row["froc"] = froc_counts(truth, probability, pair.spacing)
        if task.boxes and probabilities is not None and name in task.labels.channels:
            masks = (pair.to_file_axes(mask) for mask in (truth, prediction))
            row["boxes"] = detection_rows(*masks, probabilities[task.labels.channels[name]], task.slice_axis)
        rows.append(row)
    return rows
