"""Tables of models against the baseline: in one run, in several, at the surface, and patients with the lowest."""

from collections.abc import Iterator

from ..evaluation.metrics import METRICS, PAIRED
from ..evaluation.scores import Scores
from .tables import Table, number

OF_ONE_RUN = "over patients of one run: another run of the same model may differ by more"
OF_RUNS = "over runs and patients"
FAMILIES = (
    "Holm's correction is over all models but ensembles for the first structure, on which the verdicts rest, and over "
    "all other rows."
)


def difference_tables(scores: Scores) -> list[Table]:
    """Dice of every model against the baseline; of several runs also that of each."""
    return [_all_runs(scores), _each_run(scores)] if scores.runs else [_one_run(scores)]


def _one_run(scores: Scores) -> Table:
    columns = (
        "structure", "model", "Dice difference [95 % CI]", "n", "better / equal / worse", "p (Wilcoxon)", "p (Holm)",
    )  # fmt: skip
    rows = []
    for structure, model in _pairs(scores):
        c = scores.paired(model, structure)
        rows.append(
            (
                structure,
                model,
                str(c.difference),
                str(c.n),
                f"{c.wins} / {c.ties} / {c.losses}",
                number(c.p, ".3g"),
                number(scores.corrected_p(model, structure), ".3g"),
            )
        )
    note = (
        f"To {scores.baseline}, on the same patients, cases and classes; where one of the two hallucinates a "
        "structure, the other, rightly empty, counts 1. Mean of the paired differences of patients, percentile "
        f"bootstrap with 10,000 draws, {OF_ONE_RUN}. {FAMILIES}"
    )
    return Table("Differences", columns, tuple(rows), note)


def _all_runs(scores: Scores) -> Table:
    columns = (
        "structure", "model", "Dice difference [95 % CI]", "runs", "n", "SD between runs",
        "runs better / equal / worse", "p", "p (Holm)",
    )  # fmt: skip
    rows = []
    for structure, model in _pairs(scores):
        c = scores.paired(model, structure)
        rows.append(
            (
                structure,
                model,
                str(c.difference),
                str(c.runs),
                str(c.n),
                number(c.sd, ".4f"),
                f"{c.wins} / {c.ties} / {c.losses}",
                number(c.p, ".3g"),
                number(scores.corrected_p(model, structure), ".3g"),
            )
        )
    note = (
        f"To {scores.baseline}, in the same runs, on the same patients, cases and classes; where one of the two "
        "hallucinates a structure, the other, rightly empty, counts 1. A run is one fold of one results folder. Mean "
        f"over runs of the mean over each run's patients (n: patients in all); percentile bootstrap {OF_RUNS} with "
        "10,000 draws, too narrow for few runs. p: t-test on the variance between runs and that between patients, "
        f"which allows for few runs. {FAMILIES}"
    )
    return Table("Differences", columns, tuple(rows), note)


def _each_run(scores: Scores) -> Table:
    rows = []
    for structure, model in _pairs(scores):
        of_run = scores.paired(model, structure).of_run
        found = (number(of_run.get(run, float("nan")), "+.4f") for run in scores.runs)
        rows.append((structure, model, *found))
    note = f"Dice difference to {scores.baseline}, mean over the patients of the run."
    return Table("Each run", ("structure", "model", *scores.runs), tuple(rows), note)


def surface_table(scores: Scores, tolerance: float) -> Table:
    """Differences of the paired metrics but Dice, of which no verdict speaks: intervals without tests."""
    others, rows = [name for name in PAIRED if name != "dice"], []
    for structure, model in _pairs(scores):
        found = (scores.difference(model, structure, name).text(METRICS[name].digits) for name in others)
        rows.append((structure, model, *found))
    headings = (f"{METRICS[name].heading(tolerance)}, difference [95 % CI]" for name in others)
    columns = ("structure", "model", *headings)
    note = (
        f"To {scores.baseline}, paired as above; higher NSD and lower HD95 are better. A structure missed or "
        f"hallucinated counts 0 and the volume's diagonal. The intervals are {OF_RUNS if scores.runs else OF_ONE_RUN}. "
        "Not tested and not corrected: the verdicts rest on Dice."
    )
    return Table("Differences at the surface", columns, tuple(rows), note)


def worst_table(scores: Scores, n: int = 5) -> Table:
    rows = []
    for model in scores.others:
        ours, theirs = scores.paired_values(model)
        deltas = scores.deltas(model)
        for patient in sorted(deltas, key=deltas.__getitem__)[:n]:
            rows.append(
                (model, patient, f"{ours[patient]:.3f}", f"{theirs[patient]:.3f}", f"{deltas[patient]:+.3f}")
            )
    columns = ("model", "patient", "Dice", f"Dice of {scores.baseline}", "difference")
    note = f"The {n} patients with the lowest difference of each model."
    if scores.runs:
        note += " Figures are the mean of the runs that have the patient."
    return Table("Lowest differences", columns, tuple(rows), note)


def _pairs(scores: Scores) -> Iterator[tuple[str, str]]:
    """(structure, model), as rows of a table."""
    return ((structure, model) for structure in scores.structures for model in scores.others)
