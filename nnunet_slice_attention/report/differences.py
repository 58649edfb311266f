"""The tables of paired differences to the baseline: over all runs, per run, in surface metrics, and the lowest."""

from collections.abc import Callable, Iterator
from typing import Any

from ..evaluation.metrics import METRICS, PAIRED
from ..evaluation.scores import Scores
from .tables import Table, number, p_value

OVER_ONE_RUN = "over the patients of one run; another run of the same model may differ by more"
OVER_RUNS = "over runs and patients"
PAIRING = (
    "on the same patients, cases and classes; if only one model hallucinates a structure, the other's correctly empty "
    "prediction counts as Dice 1"
)
FAMILIES = (
    "Holm correction in two families: the first structure of all models except ensembles, on which the verdicts rest, "
    "and all other rows."
)
LOWEST = 5  # patients of each model in the table of the lowest differences


def difference_tables(scores: Scores) -> list[Table]:
    """Differences in Dice of all models; with several runs also per run."""
    return [_all_runs(scores), _each_run(scores)] if scores.runs else [_one_run(scores)]


def _one_run(scores: Scores) -> Table:
    columns = (
        "structure", "model", "Dice difference [95 % CI]", "n", "better / equal / worse", "p (Wilcoxon)", "p (Holm)",
    )  # fmt: skip
    rows = _rows(scores, lambda c: (str(c.n),))
    note = (
        f"Relative to {scores.baseline}, {PAIRING}. Mean of the patients' paired differences; percentile bootstrap "
        f"(10,000 draws) {OVER_ONE_RUN}. {FAMILIES}"
    )
    return Table("Differences", columns, rows, note)


def _all_runs(scores: Scores) -> Table:
    columns = (
        "structure", "model", "Dice difference [95 % CI]", "runs", "n", "SD between runs",
        "runs better / equal / worse", "p", "p (Holm)",
    )  # fmt: skip
    rows = _rows(scores, lambda c: (str(c.runs), str(c.n), number(c.sd, ".4f")))
    note = (
        f"Relative to {scores.baseline} in the same runs, {PAIRING}. A run is one fold of one results folder. Mean "
        "over runs of the mean over each run's patients (n: all patients). Interval and p are those of a t-test whose "
        "variance is that between runs plus that between patients (Satterthwaite's degrees of freedom); with two seeds "
        f"the interval is still somewhat too narrow. {FAMILIES}"
    )
    return Table("Differences", columns, rows, note)


def _rows(scores: Scores, counts: Callable[[Any], tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """One row per structure and model; `counts` of a comparison are the cells between difference and wins."""
    rows = []
    for structure, model in _pairs(scores):
        c = scores.paired(model, structure)
        rows.append(
            (
                structure,
                model,
                str(c.difference),
                *counts(c),
                f"{c.wins} / {c.ties} / {c.losses}",
                p_value(c.p),
                p_value(scores.corrected_p(model, structure)),
            )
        )
    return tuple(rows)


def _each_run(scores: Scores) -> Table:
    rows = []
    for structure, model in _pairs(scores):
        by_run = scores.paired(model, structure).by_run
        cells = (number(by_run.get(run, float("nan")), "+.4f") for run in scores.runs)
        rows.append((structure, model, *cells))
    note = f"Dice difference to {scores.baseline}, mean over the run's patients."
    return Table("Each run", ("structure", "model", *scores.runs), tuple(rows), note)


def surface_table(scores: Scores, tolerance: float) -> Table:
    """Differences in the paired metrics other than Dice, with intervals but without tests: verdicts are on Dice."""
    metrics, rows = {name: METRICS[name] for name in PAIRED if name != "dice"}, []
    for structure, model in _pairs(scores):
        cells = (scores.difference(model, structure, name).text(m.digits) for name, m in metrics.items())
        rows.append((structure, model, *cells))
    headings = (f"{metric.heading(tolerance)}, difference [95 % CI]" for metric in metrics.values())
    columns = ("structure", "model", *headings)
    readings = "; ".join(metric.reading(tolerance) for metric in metrics.values())
    note = (
        f"Relative to {scores.baseline}, paired as above. {readings}. Intervals are "
        f"{OVER_RUNS if scores.runs else OVER_ONE_RUN}. Not tested: the verdicts rest on Dice."
    )
    return Table("Differences in surface metrics", columns, tuple(rows), note)


def worst_table(scores: Scores) -> Table:
    """The patients of each model with the lowest differences."""
    rows = []
    for model in scores.others:
        ours, theirs = scores.paired_values(model)
        deltas = scores.deltas(model)
        for patient in sorted(deltas, key=deltas.__getitem__)[:LOWEST]:
            rows.append(
                (model, patient, f"{ours[patient]:.3f}", f"{theirs[patient]:.3f}", f"{deltas[patient]:+.3f}")
            )
    columns = ("model", "patient", "Dice", f"Dice of {scores.baseline}", "difference")
    note = f"The {LOWEST} patients of each model with the lowest differences to {scores.baseline}."
    if scores.runs:
        note += " Values are means over the runs that include the patient."
    return Table("Lowest differences", columns, tuple(rows), note)


def _pairs(scores: Scores) -> Iterator[tuple[str, str]]:
    """(structure, model) in row order."""
    return ((structure, model) for structure in scores.structures for model in scores.others)
