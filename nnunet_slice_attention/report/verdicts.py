"""The sentences at the top of a report."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..evaluation.runs import RunComparison, verdict_of_runs
from ..evaluation.statistics import verdict
from .differences import OF_ONE_RUN, corrected
from .pairing import paired
from .summary import structures_of, with_mean


def warnings_of(manifest: Mapping) -> list[str]:
    """What makes all figures of a comparison too good."""
    divided = manifest["dataset"]["patients_trained_and_validated_on"]
    if not divided:
        return []
    return [
        f"WARNING: too good to be true. The split has volumes of {', '.join(divided)} in training and in validation of "
        "the same fold. Write a splits_final.json by patient and train again."
    ]


def verdicts_of(
    cases: pd.DataFrame, models: Sequence[str], reference: str, single: Sequence[str]
) -> list[str]:
    """One sentence for each of `single` but the reference, on the mean of classes; they are one family.

    Of one run a last sentence says what the intervals leave out.
    """
    overall = with_mean(structures_of(cases))[0]
    others = [(overall, model) for model in models if model != reference and model in single]
    comparisons = {key: paired(cases, key[1], reference, overall) for key in others}
    p_values = corrected(comparisons, overall, single)
    said, of_one_run = [], False
    for key, compared in comparisons.items():
        if isinstance(compared, RunComparison):
            said.append(verdict_of_runs(key[1], reference, compared, p_values[key]))
        else:
            said.append(verdict(key[1], reference, compared, p_values[key], len(comparisons)))
            of_one_run = of_one_run or not np.isnan(compared.difference.low)
    if not said:
        return ["Only one model: nothing to compare it with."]
    return [*said, f"All intervals are {OF_ONE_RUN}."] if of_one_run else said
