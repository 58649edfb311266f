"""Which cases a report shows: a model's largest gain, its median and its largest loss against the reference."""

from collections.abc import Mapping, Sequence

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from ..evaluation.segmentations import FOREGROUND, Labels, read_pair
from ..report.overlays import Example
from .compared_models import Model, Truth


def examples_of(
    rows: Sequence[Mapping],
    models: Sequence[Model],
    reference: str,
    truth: Truth,
    reader: BaseReaderWriter,
) -> dict[str, list[Example]]:
    """Examples of every model but the reference; none where the images are not there.

    Args:
        rows: of the tidy case table, with the model's name.
    """
    by_name = {model.name: model for model in models}
    dice = {name: _mean_dice(rows, name) for name in by_name}
    found = {}
    for name, model in by_name.items():
        both = sorted(set(dice[name]) & set(dice[reference]))
        deltas = {case: dice[name][case] - dice[reference][case] for case in both}
        if name == reference or not deltas or truth.image(both[0]) is None:
            continue
        found[name] = [
            _example(
                f"{kind}\n{case}\n{deltas[case]:+.3f} Dice", case, model, by_name[reference], truth, reader
            )
            for kind, case in _chosen(deltas).items()
            if truth.image(case) is not None
        ]
    return {name: examples for name, examples in found.items() if examples}


def _chosen(deltas: Mapping[str, float]) -> dict[str, str]:
    ordered = sorted(deltas, key=deltas.__getitem__)
    kinds = {"largest gain": ordered[-1], "median": ordered[len(ordered) // 2], "largest loss": ordered[0]}
    return {
        kind: case for i, (kind, case) in enumerate(kinds.items()) if case not in list(kinds.values())[:i]
    }


def _mean_dice(rows: Sequence[Mapping], model: str) -> dict[str, float]:
    """{case: mean Dice of its classes}."""
    by_case: dict[str, list[float]] = {}
    for row in rows:
        if row["model"] == model and row["structure"] != FOREGROUND and not np.isnan(row["dice"]):
            by_case.setdefault(row["case"], []).append(row["dice"])
    return {case: float(np.mean(values)) for case, values in by_case.items()}


def _example(
    title: str, case: str, model: Model, reference: Model, truth: Truth, reader: BaseReaderWriter
) -> Example:
    labels = Labels.of_dataset(truth.dataset_json)
    ours, theirs = (
        read_pair(reader, truth.file(case), m.predictions[case], labels) for m in (model, reference)
    )
    image, properties = reader.read_images([str(truth.image(case))])
    image = np.moveaxis(image[0], int(np.argmax(properties["spacing"])), 0)
    return Example(title, image, ours.truth, theirs.prediction, ours.prediction, ours.spacing[1:])
