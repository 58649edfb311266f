"""The cases that a report shows: each model's extremes against the baseline, and where two models differ most."""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from ..evaluation.labels import Labels
from ..evaluation.scores import Scores
from ..evaluation.segmentations import read_pair
from ..image_files import check_complete
from ..inference.attention_files import volumes_of
from ..messages import last_line
from ..report.shown_case import ShownCase, Volumes
from ..tiff_spacing import read_segmentation
from .ground_truth import GroundTruth
from .model import Model

Widest = tuple[str, str, float]


class UnusableImage(ValueError):
    """An image that exists, but cannot be read or is not that of its ground truth.

    Attributes:
        problem: what is wrong, without the next step.
    """

    def __init__(self, problem: str, next_step: str):
        super().__init__(f"{problem}. {next_step}")
        self.problem = problem


def select_cases(
    rows: Sequence[Mapping], models: Sequence[Model], baseline: str, truth: GroundTruth, slice_axis: int
) -> tuple[list[ShownCase], list[str]]:
    """Cases of one run whose image exists, with the predictions of all its models; none for a single model.

    Args:
        rows: of the case table, with model and patient.
        slice_axis: array axis along which slices are stacked.

    Returns:
        the cases, and for a raw data set what is wrong with images of other cases that would be shown. Reading a case
            raises UnusableImage for images that the user has given.
    """
    scores = Scores(pd.DataFrame(rows), baseline)
    available = {case for case in models[0].predictions if truth.image(case) is not None}
    if not available:
        return [], []
    deltas = {
        name: {key[-1]: ours[key] - theirs[key] for key in ours if key[-1] in available}
        for name in scores.others
        for ours, theirs in [scores.paired_cases(name)]
    }
    deltas = {name: by_case for name, by_case in deltas.items() if by_case}
    extremes: dict[str, dict[str, tuple[str, float]]] = {}
    for name, by_case in deltas.items():
        for kind, case in _extremes(by_case).items():
            extremes.setdefault(case, {})[name] = kind, by_case[case]
    widest = _widest(deltas)
    chosen = dict.fromkeys([*extremes, *widest])

    def shown(case: str) -> ShownCase:
        files = {model.name: model.predictions[case] for model in models}
        return ShownCase(
            case,
            list(files),
            read=lambda names: _read(case, {name: files[name] for name in names}, truth, slice_axis),
            run=models[0].run,
            extremes=extremes.get(case, {}),
            widest=widest.get(case),
            read_weights=lambda: _read_weights(files, truth, slice_axis),
        )

    cases = list(map(shown, chosen))
    return _with_usable_images(cases) if truth.raw else (cases, [])


def _with_usable_images(cases: Sequence[ShownCase]) -> tuple[list[ShownCase], list[str]]:
    """The cases that can be shown, and what is wrong with the images of the others."""
    usable, problems = [], []
    for case in cases:
        try:
            case.read(case.models[:1])
            usable.append(case)
        except UnusableImage as error:
            problems.append(error.problem)
    return usable, problems


def _extremes(deltas: Mapping[str, float]) -> dict[str, str]:
    """{kind: case}, without repeating a case."""
    ordered = sorted(deltas, key=deltas.__getitem__)
    kinds = {"highest": ordered[-1], "median": ordered[len(ordered) // 2], "lowest": ordered[0]}
    return {
        kind: case for i, (kind, case) in enumerate(kinds.items()) if case not in list(kinds.values())[:i]
    }


def _widest(deltas: Mapping[str, Mapping[str, float]]) -> dict[str, Widest]:
    """{case: two models other than the baseline that differ most in it}; empty with fewer than two."""
    found = [
        (abs(deltas[one][case] - deltas[other][case]), case, one, other)
        for one, other in itertools.combinations(deltas, 2)
        for case in deltas[one].keys() & deltas[other].keys()
    ]
    if not found:
        return {}
    difference, case, one, other = max(found)
    return {case: (one, other, difference)}


def _read(case: str, predictions: Mapping[str, Path], truth: GroundTruth, slice_axis: int) -> Volumes:
    """Raise UnusableImage if the image cannot be read, or has another shape than its ground truth."""
    labels, reader, image = Labels.from_dataset_json(truth.dataset_json), truth.reader(), truth.image(case)
    pairs = {
        name: read_pair(reader, truth.file(case), file, labels, slice_axis, truth.spacings.get(case))
        for name, file in predictions.items()
    }
    pair = next(iter(pairs.values()))
    try:
        check_complete(image)
        with redirect_stdout(StringIO()):  # a warning about the spacing of a TIFF file, which is not used
            volume = pair.slices_first(reader.read_images([str(image)])[0][0])
    except Exception as error:  # readers can raise anything
        raise UnusableImage(
            f"{image}, needed for an example, cannot be read: {last_line(error)}",
            "Restore it, or leave out --images.",
        ) from error
    if volume.shape != pair.truth.shape:
        raise UnusableImage(
            f"{image} has shape {volume.shape}, but its ground truth has {pair.truth.shape}",
            "Give --images the images of this ground truth, or leave it out.",
        )
    evaluated = pair.evaluated_voxels(labels)
    shown = {name: _shown(found.prediction, evaluated) for name, found in pairs.items()}
    return Volumes(volume, _shown(pair.truth, evaluated), shown, pair.spacing)


def _read_weights(
    predictions: Mapping[str, Path], truth: GroundTruth, slice_axis: int
) -> dict[str, dict[int, np.ndarray]]:
    """Raise ValueError if a volume is truncated, or of another shape than its prediction."""
    reader = truth.reader()

    def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
        try:
            check_complete(path)
        except OSError as error:
            raise ValueError(f"{path}: {error}. Predict this case again, or remove {path.parent}.") from error
        volume = read_segmentation(reader, path)[0][0]
        if volume.shape != shape:
            raise ValueError(
                f"{path} has shape {volume.shape}, but its prediction has {shape}. Predict this case again, or remove "
                f"{path.parent}."
            )
        return np.moveaxis(volume, slice_axis, 0).astype(np.uint8)

    found = {}
    for name, prediction in predictions.items():
        if files := volumes_of(prediction):
            shape = read_segmentation(reader, prediction)[0][0].shape
            found[name] = {offset: read(path, shape) for offset, path in files.items()}
    return found


def _shown(segmentation: np.ndarray, evaluated: np.ndarray) -> np.ndarray:
    """What the metrics see of it, in the smallest type: many models are in memory together."""
    return np.where(evaluated, segmentation, 0).astype(np.min_scalar_type(int(segmentation.max(initial=0))))
