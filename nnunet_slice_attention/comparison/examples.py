"""Which cases a report shows: a model's highest, median and lowest difference to the reference."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..evaluation.scores import Scores
from ..evaluation.segmentations import Labels, read_pair
from ..image_files import check_complete
from ..report.overlays import Example
from .compared_models import Model
from .truth import Truth


def examples_of(
    rows: Sequence[Mapping], models: Sequence[Model], reference: str, truth: Truth, thick: int
) -> dict[str, list[Example]]:
    """Examples of every model but the reference, in one run; none where the images are not there.

    Args:
        rows: of the tidy case table, with the model's name.
        thick: axis of the files along which slices are stacked.
    """
    by_name, scores = {model.name: model for model in models}, Scores(pd.DataFrame(rows), reference)
    shown = {case for case in by_name[reference].predictions if truth.image(case) is not None}
    found = {}
    for name, model in by_name.items():
        ours, theirs = scores.paired_cases(name)
        deltas = {key[-1]: ours[key] - theirs[key] for key in ours if key[-1] in shown}
        if name != reference and deltas:
            found[name] = [
                _example(
                    f"{kind}{f', {model.run}' if model.run else ''}\n{case}\n{deltas[case]:+.3f} Dice",
                    case,
                    (model, by_name[reference]),
                    truth,
                    thick,
                )
                for kind, case in _chosen(deltas).items()
            ]
    return found


def _chosen(deltas: Mapping[str, float]) -> dict[str, str]:
    ordered = sorted(deltas, key=deltas.__getitem__)
    kinds = {"highest": ordered[-1], "median": ordered[len(ordered) // 2], "lowest": ordered[0]}
    return {
        kind: case for i, (kind, case) in enumerate(kinds.items()) if case not in list(kinds.values())[:i]
    }


def _example(title: str, case: str, models: Sequence[Model], truth: Truth, thick: int) -> Example:
    labels, reader = Labels.of_dataset(truth.dataset_json), truth.reader()
    ours, theirs = (read_pair(reader, truth.file(case), m.predictions[case], labels, thick) for m in models)
    try:
        check_complete(truth.image(case))
    except OSError as error:
        raise ValueError(
            f"{truth.image(case)}, which is to be shown, cannot be read: {error}. Restore it, or leave --images out."
        ) from error
    image = ours.as_read(reader.read_images([str(truth.image(case))])[0][0])
    if image.shape != ours.truth.shape:
        raise ValueError(
            f"{truth.image(case)} has the shape {image.shape}, its truth {ours.truth.shape}: give --images the images "
            "of these truths, or leave it out."
        )
    return Example(title, image, ours.truth, theirs.prediction, ours.prediction, ours.spacing[1:])
