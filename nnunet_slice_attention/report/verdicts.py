"""The sentences at the top of a report."""

from collections.abc import Mapping

import numpy as np

from ..evaluation.runs import verdict_of_runs
from ..evaluation.scores import Scores
from ..evaluation.statistics import verdict
from .differences import OF_ONE_RUN


def warnings_of(manifest: Mapping) -> list[str]:
    """What makes all figures of a comparison too good."""
    divided = manifest["dataset"]["patients_trained_and_validated_on"]
    if not divided:
        return []
    return [
        f"WARNING: too good to be true. The split has volumes of {', '.join(divided)} in training and in validation of "
        "the same fold. Write a splits_final.json by patient and train again."
    ]


def verdicts(scores: Scores) -> list[str]:
    """One sentence for each single model but the baseline, on the overall structure.

    Of one run a last sentence says what the intervals leave out.
    """
    judged = [model for model in scores.others if model in scores.single]
    if not judged:
        return ["Only one model: nothing to compare it with."]
    compared = {model: scores.paired(model) for model in judged}
    p = {model: scores.corrected_p(model) for model in judged}
    if scores.runs:
        return [verdict_of_runs(model, scores.baseline, compared[model], p[model]) for model in judged]
    said = [verdict(model, scores.baseline, compared[model], p[model], len(judged)) for model in judged]
    if any(not np.isnan(compared[model].difference.low) for model in judged):
        said.append(f"All intervals are {OF_ONE_RUN}.")
    return said
