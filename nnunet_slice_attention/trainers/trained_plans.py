"""Whether a fold was trained with the present plans, with which nnU-Net continues and validates it in any case."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from ..plans.differences import decisive_descriptions, first_difference, training_plans
from .checkpoint import read_checkpoint


def check_trained_plans(
    checkpoint: Path,
    plans: Mapping,
    dataset_json: Mapping,
    configuration: str,
    may_differ: Collection[str] = (),
) -> None:
    """Raise ValueError if a fold's plans or labels differ from those of the trainer built now.

    A checkpoint that cannot be read is left to the training, which puts truncated ones aside.

    Args:
        checkpoint: of the fold.
        plans, dataset_json: of the trainer.
        may_differ: entries of the plans that are not compared.
    """
    try:
        trained = read_checkpoint(checkpoint)
    except ValueError:
        return
    then, now = _as_json(trained.plans, trained.dataset_json), _as_json(plans, dataset_json)
    for name, both in {
        "plans": tuple(
            _without(may_differ, training_plans(plans, configuration)) for plans in (then[0], now[0])
        ),
        "dataset.json": decisive_descriptions(then[1], now[1]),
    }.items():
        if differs := first_difference(*both):
            entry, before, present = differs
            raise ValueError(
                f"{checkpoint.parent} was trained with {entry} {before}, but in the present {name} it is {present}. "
                "Restore what it was trained with, or move that folder away to train it again."
            )


def _without(keys: Collection[str], entries: Mapping) -> dict:
    return {key: value for key, value in entries.items() if key not in keys}


def _as_json(*values: Mapping) -> list[dict]:
    return [json.loads(json.dumps(value)) for value in values]
