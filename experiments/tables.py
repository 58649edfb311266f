"""Answers to an experiment's questions from its tables: what several pages share.

A question is a function of `page.Results`. This module alone calls the package's statistics and its `Table`.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from nnunet_slice_attention.evaluation import runs, statistics
from nnunet_slice_attention.evaluation.metrics import FOREGROUND
from nnunet_slice_attention.evaluation.scores import Scores
from nnunet_slice_attention.evaluation.statistics import Comparison
from nnunet_slice_attention.report.tables import Table, mean_sd, number

from .page import Question, Results

paired_difference = statistics.paired_difference  # for tables of a page's own, as is the next
compare_runs = runs.compare_runs
CASES = "cases.csv"
AGAINST = ("model", "Dice difference [95 % CI]", "n", "better / equal / worse", "p (Wilcoxon)", "p (Holm)")


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]], rule: str = "|---") -> str:
    """A table in Markdown, without a title."""
    lines = [f"| {' | '.join(columns)} |", rule * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def scores(cases: pd.DataFrame, reference: str | None = None) -> Scores:
    """The package's, over patients: seeds of a volume are cases of its patient, folds are no runs."""
    if "seed" in cases:
        cases = cases.assign(case=cases.case + " seed " + cases.seed.astype(str))
    return Scores(cases.drop(columns=["run", "fold"], errors="ignore"), reference or cases.model.iloc[0])


def patient_values(
    cases: pd.DataFrame, model: str, structure: str | None = None, metric: str = "dice"
) -> dict[str, float]:
    """{patient: mean over its cases and seeds}; without a structure the mean of a case's classes."""
    return scores(cases).values(model, structure, metric)


def paired(cases: pd.DataFrame, model: str, reference: str) -> Comparison:
    """Mean Dice of the classes, on the same cases and seeds."""
    return scores(cases, reference).paired(model)


def joined(results: Results, files: Sequence[str]) -> pd.DataFrame:
    """Each row once, though several tables have it; of several commits of a run those that were collected last."""
    cases = pd.concat([results.table(file) for file in files])
    key = [column for column in ("model", "seed", "fold", "case", "structure") if column in cases]
    return cases.drop_duplicates(key, keep="last" if "commit" in cases else "first")


def difference(arm: str, reference: str, *files: str, folds: Sequence[int] | None = None) -> Question:
    """Dice of an arm minus that of another; has `difference`, `wins`, `ties`, `losses`, `n`, `p`."""

    def answer(results: Results) -> Comparison:
        cases = joined(results, files or [CASES])
        cases = cases if folds is None else cases[cases.fold.isin(folds)]
        return paired(cases, results.experiment.model(arm), results.experiment.model(reference))

    return answer


def count(column: str, file: str = CASES) -> Question:
    return lambda results: results.table(file)[column].nunique()


def accuracy(results: Results) -> str:
    """Dice of each class, NSD and HD95 of each model."""
    cases = joined(results, [CASES])
    structures = [structure for structure in cases.structure.unique() if structure != FOREGROUND]
    rows = []
    for model in cases.model.unique():
        dice = (
            mean_sd(patient_values(cases, model, structure).values()) for structure in (None, *structures)
        )
        nsd = mean_sd(patient_values(cases, model, metric="nsd").values())
        rows.append((model, *dice, nsd, mean_sd(patient_values(cases, model, metric="hd95").values(), 1)))
    dice = (f"Dice, {structure}" for structure in ("mean of classes", *structures))
    columns = ("model", *dice, "NSD at 2 mm", "HD95 [mm]")
    return Table("Accuracy", columns, tuple(rows), "Mean ± SD over patients.").markdown()


def differences(*references: str) -> Question:
    """A table of all models against each of these arms."""

    def against(cases: pd.DataFrame, reference: str) -> str:
        found = {
            model: paired(cases, model, reference) for model in cases.model.unique() if model != reference
        }
        adjusted = statistics.holm({model: compared.p for model, compared in found.items()})
        rows = tuple(
            (
                model,
                str(c.difference),
                str(c.n),
                _counts(c),
                number(c.p, ".3g"),
                number(adjusted[model], ".3g"),
            )
            for model, c in found.items()
        )
        note = "Mean of the classes; Holm's correction is over all models."
        return Table(f"Against {reference}", AGAINST, rows, note).markdown()

    def answer(results: Results) -> str:
        cases, models = joined(results, [CASES]), map(results.experiment.model, references)
        return "\n".join(against(cases, model) for model in models if model in set(cases.model))

    return answer


def least_p(results: Results) -> float:
    """The smallest p that any model could have against another, corrected."""
    cases = results.table(CASES)
    return statistics.smallest_p(cases.patient.nunique(), cases.model.nunique() - 1)


def median_interval(values: pd.Series) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    found = bootstrap((values.to_numpy(),), np.median, method="percentile", rng=0).confidence_interval
    return found.low, found.high


def _counts(compared: Comparison) -> str:
    return f"{compared.wins} / {compared.ties} / {compared.losses}"


def folds(title: str, reference: str, *files: str) -> Question:
    """Models of several folds against an arm: in each fold, in all but that on which something was chosen, in all."""

    def answer(results: Results) -> str:
        cases, chosen_on = joined(results, files), results.experiment.chosen_on
        baseline = results.experiment.model(reference)
        folds_of = {model: set(own.fold) for model, own in cases.groupby("model", sort=False)}
        rows = []
        for model, own in folds_of.items():
            shared = sorted(own & folds_of.get(baseline, set()))
            others = [fold for fold in shared if fold != chosen_on]
            groups = {str(fold): [fold] for fold in shared}
            groups |= ({f"all but {chosen_on}": others} if len(others) > 1 else {}) | {"all": shared}
            for name, group in groups.items() if model != baseline and len(shared) > 1 else ():
                of_group = cases[cases.fold.isin(group)]
                c = paired(of_group, model, baseline)
                dice = (mean_sd(patient_values(of_group, m).values()) for m in (baseline, model))
                rows.append((name, model, *dice, str(c.difference), str(c.n), _counts(c), f"{c.p:.3g}"))
        if not rows:
            return f"{title}: not run yet."
        columns = (
            "fold", "model", f"Dice of {baseline}", "Dice", "difference [95 % CI]", "n", "better / equal / worse",
            "p (Wilcoxon)",
        )  # fmt: skip
        note = "Mean of the classes; p-values are not corrected."
        return Table(title.format(reference=baseline), columns, tuple(rows), note).markdown()

    return answer


def losses(every: int = 1, file: str = "trainings.csv") -> Question:
    """The training losses on fold 0."""

    def answer(results: Results) -> str:
        table = results.table(file)
        rows = [
            (row.model, str(row.seed), *row.losses.split()) for row in table[table.fold == 0].itertuples()
        ]
        epochs = max(len(row) for row in rows) - 2
        columns = ("model", "seed", *(f"epoch {every * (n + 1)}" for n in range(epochs)))
        filled = tuple(row + ("",) * (epochs + 2 - len(row)) for row in rows)
        note = "Cross-entropy minus soft Dice, mean over the epoch."
        return Table("Training loss", columns, filled, note).markdown()

    return answer


def commits(file: str = "trainings.csv") -> Question:
    return lambda results: ", ".join(sorted(results.table(file).commit.unique()))


def missing(column: str = "model", seeds: Sequence[int] = (), file: str = CASES) -> Question:
    """Arms of which the table has no row, with seeds those of which it has no seed; "none" if it has all."""

    def answer(results: Results) -> str:
        table, experiment = results.table(file), results.experiment
        names = [getattr(experiment, column)(arm) for arm in experiment.arms]
        if not seeds:
            return ", ".join(name for name in names if name not in set(table[column])) or "none"
        done = set(zip(table[column], table.seed, strict=True))
        left = [f"{name} (seed {seed})" for seed in seeds for name in names if (name, seed) not in done]
        return ", ".join(left) or "none"

    return answer


def difference_figure(reference: str) -> Callable[[Results, Path], None]:
    """Every model's difference to an arm, one dot per patient."""

    def draw(results: Results, path: Path) -> None:
        from nnunet_slice_attention.report.figures import difference_figure

        found = scores(results.table(CASES), results.experiment.model(reference))
        difference_figure(found).savefig(path, dpi=150)

    return draw


def spacing_figure(results: Results, path: Path) -> None:
    """Mean Dice of each model against the distance between slices."""
    from nnunet_slice_attention.report.figures import spacing_figure
    from nnunet_slice_attention.report.spacing import group_by_spacing

    found = scores(results.table(CASES))
    spacing_figure(found, group_by_spacing(found)).savefig(path, dpi=150)
