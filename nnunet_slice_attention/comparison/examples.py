"""The cases that a report shows: each model's highest, median and lowest difference to the baseline."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..evaluation.scores import Scores
from ..evaluation.segmentations import Labels, read_pair
from ..image_files import check_complete
from ..report.overlays import Example
from .compared_models import Model
from .ground_truth import GroundTruth


def select_examples(
    rows: Sequence[Mapping], models: Sequence[Model], baseline: str, truth: GroundTruth, slice_axis: int
) -> dict[str, list[Example]]:
    """Examples by model, for all models except the baseline in one run; only of cases whose image exists.

    Args:
        rows: of the case table, with model and patient.
        slice_axis: array axis along which slices are stacked.
    """
    by_name, scores = {model.name: model for model in models}, Scores(pd.DataFrame(rows), baseline)
    shown = {case for case in by_name[baseline].predictions if truth.image(case) is not None}
    examples = {}
    for name, model in by_name.items():
        ours, theirs = scores.paired_cases(name)
        deltas = {key[-1]: ours[key] - theirs[key] for key in ours if key[-1] in shown}
        if name != baseline and deltas:
            examples[name] = [
                _example(
                    f"{kind}{f', {model.run}' if model.run else ''}\n{case}\n{deltas[case]:+.3f} Dice",
                    case,
                    (model, by_name[baseline]),
                    truth,
                    slice_axis,
                )
                for kind, case in _extremes(deltas).items()
            ]
    return examples


def _extremes(deltas: Mapping[str, float]) -> dict[str, str]:
    """{kind: case}, without repeating a case."""
    ordered = sorted(deltas, key=deltas.__getitem__)
    kinds = {"highest": ordered[-1], "median": ordered[len(ordered) // 2], "lowest": ordered[0]}
    return {
        kind: case for i, (kind, case) in enumerate(kinds.items()) if case not in list(kinds.values())[:i]
    }


def _example(title: str, case: str, models: Sequence[Model], truth: GroundTruth, slice_axis: int) -> Example:
    labels, reader = Labels.from_dataset_json(truth.dataset_json), truth.reader()
    ours, theirs = (
        read_pair(reader, truth.file(case), m.predictions[case], labels, slice_axis) for m in models
    )
    try:
        check_complete(truth.image(case))
    except OSError as error:
        raise ValueError(
            f"{truth.image(case)}, needed for an example, cannot be read: {error}. Restore it, or leave out --images."
        ) from error
    image = ours.slices_first(reader.read_images([str(truth.image(case))])[0][0])
    if image.shape != ours.truth.shape:
        raise ValueError(
            f"{truth.image(case)} has shape {image.shape}, but its ground truth has {ours.truth.shape}. Give --images "
            "the images of this ground truth, or leave it out."
        )
    return Example(title, image, ours.truth, theirs.prediction, ours.prediction, ours.spacing[1:])
