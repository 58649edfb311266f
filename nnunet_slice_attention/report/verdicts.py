"""The sentences at the top of a report: warnings, then one verdict per model."""

from collections.abc import Mapping

import numpy as np

from ..evaluation.runs import verdict_over_runs
from ..evaluation.scores import Scores
from ..evaluation.statistics import verdict
from .differences import OVER_ONE_RUN


def data_warnings(manifest: Mapping) -> list[str]:
    """A warning if patients are in both training and validation of a fold, and one if labels were changed since."""
    found, data = [], manifest["dataset"]
    if leaked := data["patients_trained_and_validated_on"]:
        found.append(
            f"WARNING: data leakage, all results are optimistic. The split has volumes of {', '.join(leaked)} in both "
            "training and validation of the same fold. Write a splits_final.json by patient and train again."
        )
    if changed := data["labels_changed_after_preprocessing"]:
        found.append(
            f"WARNING: the raw labels of {', '.join(changed)} were changed after preprocessing. This report is on the "
            "earlier ones, of the training and validation of the models. For the present ones, preprocess and train "
            "again."
        )
    return found


def verdicts(scores: Scores) -> list[str]:
    """One sentence per single model other than the baseline, on the overall structure.

    With one run, a last sentence says what the intervals do not include.
    """
    judged = [model for model in scores.others if model in scores.single]
    if not judged:
        return ["Only one model: nothing to compare it with."]
    compared = {model: scores.paired(model) for model in judged}
    p = {model: scores.corrected_p(model) for model in judged}
    if scores.runs:
        return [verdict_over_runs(model, scores.baseline, compared[model], p[model]) for model in judged]
    sentences = [verdict(model, scores.baseline, compared[model], p[model], len(judged)) for model in judged]
    if any(not np.isnan(compared[model].difference.low) for model in judged):
        sentences.append(f"All intervals are {OVER_ONE_RUN}.")
    return sentences
