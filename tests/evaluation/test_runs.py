"""Two models over several runs: difference and p-value, and what is refused."""

import math

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.patient_statistics import compare_patients
from nnunet_slice_attention.evaluation.runs import compare_runs

NAN = float("nan")


def run_values(deltas):
    """A baseline at 0.5, and a model that differs from it by `deltas`."""
    baseline = {run: dict.fromkeys(by_patient, 0.5) for run, by_patient in deltas.items()}
    other = {run: {p: 0.5 + d for p, d in by_patient.items()} for run, by_patient in deltas.items()}
    return baseline, other


def make_runs(*means, patients=8, spread=0.01, same=True):
    """{run: {patient: difference}} with these mean differences."""
    around = np.linspace(-spread, spread, patients)
    return {
        f"seed {i}": {f"p{'' if same else i}_{j}": m + d for j, d in enumerate(around)}
        for i, m in enumerate(means)
    }


def test_the_mean_is_over_runs_and_each_run_is_reported():
    deltas = {"a": {"1": 0.1, "2": 0.3}, "b": {"3": 0.0}, "c": {"1": -0.1, "4": -0.2, "5": 0.0}}
    compared = compare_runs(*run_values(deltas))
    assert compared.by_run == pytest.approx({"a": 0.2, "b": 0.0, "c": -0.1})
    assert compared.difference.mean == pytest.approx(0.1 / 3)
    assert compared.sd == pytest.approx(np.std([0.2, 0.0, -0.1], ddof=1))
    assert (compared.wins, compared.ties, compared.losses) == (1, 1, 1)
    assert (compared.runs, compared.n) == (3, 5)
    assert compared.difference.low < compared.difference.mean < compared.difference.high


def test_one_run_is_compared_over_its_patients():
    baseline, other = run_values(make_runs(0.02))
    compared, expected = compare_runs(baseline, other), compare_patients(baseline["seed 0"], other["seed 0"])
    assert compared.difference == expected.difference
    assert compared.p == expected.p
    assert (compared.runs, compared.n, math.isnan(compared.sd)) == (1, 8, True)


def test_nan_drops_the_patient_from_the_run_and_a_run_of_only_nan():
    deltas = make_runs(0.01, 0.03) | {"empty": {"p_0": NAN}}
    with_nan = {run: by_patient | {"p_nan": NAN} for run, by_patient in deltas.items()}
    assert compare_runs(*run_values(with_nan)) == compare_runs(*run_values(make_runs(0.01, 0.03)))
    nothing = compare_runs(*run_values({"empty": {"p_0": NAN}}))
    assert (nothing.runs, nothing.n, str(nothing.difference), nothing.by_run) == (0, 0, "n/a", {})
    assert compare_runs({}, {}).runs == 0


def test_one_patient_has_no_interval_but_a_run_may_have_a_single_patient():
    alone = compare_runs(*run_values({"a": {"1": 0.1}, "b": {"1": 0.2}}))
    assert str(alone.difference) == "+0.1500 [n/a]"
    assert math.isnan(alone.p)
    compared = compare_runs(*run_values({"a": {"1": 0.1}, "b": {"2": 0.2}, "c": {"3": 0.1}}))
    assert compared.difference.low < 0.1 < 0.2 < compared.difference.high


def test_different_runs_and_different_patients_are_refused_by_name():
    baseline, other = run_values(make_runs(0.01, 0.02))
    with pytest.raises(ValueError, match="only one of the two models has run seed 1"):
        compare_runs({"seed 0": baseline["seed 0"]}, other)
    del other["seed 1"]["p_3"]
    with pytest.raises(ValueError, match="run seed 1: only one of the two models has p_3"):
        compare_runs(baseline, other)


def test_differences_within_the_tie_have_no_p():
    assert math.isnan(compare_runs(*run_values(make_runs(1e-9, 1e-9, spread=0))).p)
