"""The sentences at the top of a report: warnings, then one verdict per model."""

from collections.abc import Mapping

import numpy as np

from ..evaluation.patient_statistics import Comparison, smallest_p
from ..evaluation.runs import RunComparison
from ..evaluation.scores import Scores
from ..fold_split import validate_again
from ..messages import first_few
from .differences import OVER_ONE_RUN
from .tables import p_value

ALPHA = 0.05


def warnings(manifest: Mapping) -> list[str]:
    """What makes results wrong or models not comparable, whatever the verdicts say; one sentence each."""
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
    if cases := data["predicted_from_different_images"]:
        found.append(
            f"WARNING: the models did not predict {first_few(cases)} from the same image files, so their difference "
            "may be one of the images. Predict the same images with all models."
        )
    stale = {label: model["folds_older_than_checkpoint"] for label, model in manifest["models"].items()}
    if listed := "; ".join(f"{label}, fold {', '.join(folds)}" for label, folds in stale.items() if folds):
        found.append(
            f"WARNING: predictions are older than the final checkpoint ({listed}), so they, and the results, may be of "
            f"earlier weights. {validate_again('nnUNetv2_train with --val --npz, for these folds.')} A copy has to "
            "keep the dates of its files."
        )
    for label, model in manifest["models"].items():
        if others := model["validated_with_other_checkpoints"]:
            listed = ", ".join(f"fold {fold} with {checkpoint}" for fold, checkpoint in others.items())
            found.append(
                f"WARNING: {label} was not validated with its final checkpoint ({listed}). nnU-Net chooses "
                "checkpoint_best on the validation cases, so its results are optimistic. To compare the final one, run "
                "nnUNetv2_train with --val --npz, without --val_best, for these folds."
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
        return [_over_runs(model, scores.baseline, compared[model], p[model]) for model in judged]
    sentences = [
        _of_one_run(model, scores.baseline, compared[model], p[model], len(judged)) for model in judged
    ]
    if any(not np.isnan(compared[model].difference.low) for model in judged):
        sentences.append(f"All intervals are {OVER_ONE_RUN}.")
    return sentences


def _of_one_run(name: str, baseline: str, compared: Comparison, p: float, comparisons: int = 1) -> str:
    """On one run of each model. With so few patients that p cannot be below 0.05 there is no verdict.

    Args:
        p: the comparison's p-value, corrected for `comparisons` comparisons.
    """
    n, least = compared.n, smallest_p(compared.n, comparisons)
    among = f" among {comparisons} comparisons" if comparisons > 1 else ""
    too_few = f"too small for a verdict{among}: p cannot be below {least:.2g}" if least >= ALPHA else ""
    return _sentence(name, baseline, compared, p, f"(95 % CI over patients of one run), n = {n}", too_few)


def _over_runs(name: str, baseline: str, compared: RunComparison, p: float) -> str:
    """On several runs of each model. If only one of them has values there is no verdict.

    Args:
        p: the comparison's p-value, corrected for multiple comparisons.
    """
    runs, n = compared.runs, compared.n
    if runs < 2:
        too_few = "one run is too few for a verdict"
        return _sentence(name, baseline, compared, p, f"(95 % CI over patients), n = {n}", too_few)
    scope = f"(95 % CI over runs and patients), {runs} runs, n = {n}"
    return _sentence(name, baseline, compared, p, scope, spread=f"SD between runs {compared.sd:.4f}, ")


def _sentence(
    name: str,
    baseline: str,
    compared: Comparison | RunComparison,
    p: float,
    scope: str,
    too_few: str = "",
    spread: str = "",
) -> str:
    """One sentence on a difference in Dice: the verdict, a colon, the difference with its interval and n.

    "Better" and "worse" require p < 0.05 and an interval that excludes 0. Over runs the one implies the other; the
    percentile bootstrap of a single run excludes 0 too often with few patients.

    Args:
        p: corrected; NaN if the models are identical.
        scope: what the interval is over, and n.
        too_few: why there is no verdict, if so.
        spread: between runs, if there are several.
    """
    difference, n = compared.difference, compared.n
    unjudged = f"No verdict on {name} against {baseline}"
    if n == 0:
        return f"{unjudged}: no case contains any structure, so there is nothing to compare."
    if n < 2:
        return f"{unjudged}: {difference.mean:+.4f} Dice, n = {n} is too small for an interval."
    measured = f"{difference} Dice {scope}"
    if too_few:
        return f"{unjudged}: {measured}, {too_few}."
    if np.isnan(p):
        return f"{name} and {baseline} are identical in Dice: {measured}."
    equals = "" if (shown := p_value(p)).startswith("<") else "= "
    measured += f", {spread}corrected p {equals}{shown}."
    if difference.low <= 0 <= difference.high or not p < ALPHA:
        return f"{name} is not significantly different from {baseline}: {measured}"
    return f"{name} is {'better' if difference.mean > 0 else 'worse'} than {baseline}: {measured}"
