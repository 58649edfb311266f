"""The sentence on a model's difference to the baseline: when there is a verdict, and which."""

import pytest

from nnunet_slice_attention.evaluation.patient_statistics import compare_patients, holm, smallest_p
from nnunet_slice_attention.evaluation.runs import compare_runs
from nnunet_slice_attention.report.verdicts import _of_one_run, _over_runs
from tests.evaluation.test_runs import make_runs, run_values


def test_the_verdict_requires_an_interval_that_excludes_zero_and_a_small_p():
    baseline = {str(i): 0.5 for i in range(10)}

    def verdict_for(deltas, p=None):
        other = {k: baseline[k] + d for k, d in zip(baseline, deltas, strict=False)}
        comparison = compare_patients({k: baseline[k] for k in other}, other)
        return _of_one_run("new", "old", comparison, comparison.p if p is None else p)

    better = [0.1, 0.12, 0.08, 0.11, 0.1, 0.09, 0.13, 0.1, 0.1, 0.1]
    undecided = "new is not significantly different from old: "
    assert verdict_for(better).startswith("new is better than old: +0.1030 [+0.")
    assert verdict_for(better).endswith("n = 10, corrected p = 0.002.")
    assert verdict_for([-d for d in better[:8]]).startswith("new is worse than old: -0.")
    assert verdict_for([-0.1, 0.1] * 5).startswith(undecided)
    # the interval excludes 0, but the test or its correction disagrees
    assert verdict_for([0.1] * 5 + [-0.05]).startswith(undecided)
    assert verdict_for(better, p=0.06).startswith(undecided)
    assert verdict_for(better, p=0.06).endswith("corrected p = 0.060.")
    assert verdict_for(better, p=0.0004).endswith("corrected p < 0.001.")
    assert verdict_for([0.0] * 10).startswith("new and old are identical in Dice: ")
    few = verdict_for([0.1, 0.1, 0.2])
    assert few.startswith("No verdict on new against old: ")
    assert few.endswith("n = 3, too small for a verdict: p cannot be below 0.25.")
    assert verdict_for([0.1]).endswith("n = 1 is too small for an interval.")
    assert verdict_for([]).endswith("nothing to compare.")


def test_too_few_patients_for_so_many_models_get_no_verdict():
    baseline = {str(i): 0.5 for i in range(8)}
    best = {k: 0.6 + int(k) / 100 for k in baseline}  # better for all: the smallest p of eight patients
    compared = compare_patients(baseline, best)
    for models in (1, 6, 7, 8):
        p = holm({"best": compared.p} | {str(i): 1.0 for i in range(models - 1)})["best"]
        assert p == pytest.approx(smallest_p(8, models))
        sentence = _of_one_run("best", "old", compared, p, models)
        if p < 0.05:
            assert sentence.startswith("best is better than old: ")
        else:
            assert sentence.endswith(f"{models} comparisons: p cannot be below {p:.2g}.")


def over_runs(deltas, p=None):
    compared = compare_runs(*run_values(deltas))
    return _over_runs("new", "old", compared, compared.p if p is None else p)


def test_the_verdict_over_runs_requires_a_small_corrected_p():
    better = make_runs(0.019, 0.02, 0.021)
    sentence = over_runs(better)
    assert sentence.startswith("new is better than old: +0.0200 [+0.0")
    assert (
        "Dice (95 % CI over runs and patients), 3 runs, n = 8, SD between runs 0.0010, corrected p < "
        in sentence
    )
    worse = over_runs({r: {k: -d for k, d in v.items()} for r, v in better.items()})
    assert worse.startswith("new is worse than old: ")
    undecided = "new is not significantly different from old: "
    assert over_runs(better, p=0.06).startswith(undecided)
    assert over_runs(make_runs(-0.02, 0.0, 0.021)).startswith(undecided)
    assert over_runs(make_runs(0.005, 0.02)).startswith(undecided)  # two runs decide little
    assert over_runs(make_runs(0.0, 0.0, spread=0)).startswith("new and old are identical in Dice: ")
    assert over_runs({"a": {"1": 0.1}, "b": {"1": 0.2}}).endswith("n = 1 is too small for an interval.")
    assert over_runs({}).endswith("nothing to compare.")
    assert over_runs(make_runs(0.02)).endswith(
        "(95 % CI over patients), n = 8, one run is too few for a verdict."
    )
