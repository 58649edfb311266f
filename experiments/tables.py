"""Answers to an experiment's questions from its tables: what several pages share.

A question is a function of `Results`. The rows of a page's table are dictionaries, {column: cell}, or a data frame.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from nnunet_slice_attention.evaluation.metrics import FOREGROUND
from nnunet_slice_attention.evaluation.patient_statistics import Comparison, holm, smallest_p
from nnunet_slice_attention.evaluation.scores import Scores
from nnunet_slice_attention.report.tables import Table, mean_sd, number, numeric

from .results import CASES, Question, Results, latest, question

Cells = Sequence[Mapping[str, object]] | pd.DataFrame


def grid(rows: Cells) -> str:
    """A table in Markdown, without a title; numbers are flush right; blank where a row's cell is None."""
    table = pd.DataFrame(rows, dtype=object)
    rule = ["---:" if numeric(table[name].dropna().astype(str)) else "---" for name in table]
    cells = table.map(" {} ".format).where(table.notna(), " ").to_numpy()
    header = f"| {' | '.join(table.columns)} |"
    return "\n".join([header, f"|{'|'.join(rule)}|", *(f"|{'|'.join(row)}|" for row in cells)])


def titled(title: str, rows: Cells, note: str = "") -> str:
    """The package's own, with a title."""
    table = pd.DataFrame(rows, dtype=object)
    cells = tuple(tuple(map(str, row)) for row in table.to_numpy())
    return Table(title, tuple(table.columns), cells, note).markdown()


def scores(cases: pd.DataFrame, reference: str | None = None) -> Scores:
    """The package's, over patients: seeds of a volume are cases of its patient, folds are no runs."""
    if "seed" in cases:
        cases = cases.assign(case=cases.case + " seed " + cases.seed.astype(str))
    return Scores(cases.drop(columns=["run", "fold"], errors="ignore"), reference or cases.model.iloc[0])


def joined(results: Results, *files: str) -> pd.DataFrame:
    """Each row once, though several tables have it, see `latest`."""
    return latest(pd.concat(map(results.cases, files or [CASES])))


def over_patients(
    own: Scores, model: str, structure: str | None = None, metric: str = "dice", digits: int = 3
) -> str:
    """Mean ± SD; without a structure of the mean of a case's classes."""
    return mean_sd(own.values(model, structure, metric).values(), digits)


def compared(own: Scores, model: str, title: str = "Dice difference") -> dict[str, str]:
    """A model against the reference."""
    found = own.paired(model)
    return {
        f"{title} [95 % CI]": str(found.difference),
        "n": str(found.n),
        "better / equal / worse": f"{found.wins} / {found.ties} / {found.losses}",
        "p (Wilcoxon)": number(found.p, ".3g"),
    }


@question
def difference(
    results: Results, arm: str, reference: str, *files: str, folds: Sequence[int] | None = None
) -> Comparison:
    """Dice of an arm minus that of another; has `difference`, `wins`, `ties`, `losses`, `n`, `p`."""
    cases, model = joined(results, *files), results.experiment.model
    cases = cases if folds is None else cases[cases.fold.isin(folds)]
    return scores(cases, model(reference)).paired(model(arm))


@question
def count(results: Results, column: str) -> int:
    return results.cases()[column].nunique()


def accuracy(results: Results) -> str:
    """Dice of each class, NSD and HD95 of each model."""
    own = scores(joined(results))
    classes = [structure for structure in own.structures if structure != FOREGROUND]
    rows = [
        {"model": model}
        | {f"Dice, {structure}": over_patients(own, model, structure) for structure in classes}
        | {"NSD at 2 mm": over_patients(own, model, metric="nsd")}
        | {"HD95 [mm]": over_patients(own, model, metric="hd95", digits=1)}
        for model in own.models
    ]
    return titled("Accuracy", rows, "Mean ± SD over patients.")


@question
def differences(results: Results, *references: str) -> str:
    """A table of all models against each of these arms."""
    cases, tables = joined(results), []
    for reference in map(results.experiment.model, references):
        own = scores(cases, reference)
        adjusted = holm({model: own.paired(model).p for model in own.others})
        rows = [
            {"model": model} | compared(own, model) | {"p (Holm)": number(adjusted[model], ".3g")}
            for model in own.others
        ]
        note = "Mean of the classes; Holm's correction is over all models."
        tables.append(titled(f"Against {reference}", rows, note))
    return "\n".join(tables)


def least_p(results: Results) -> float:
    """The smallest p that any model could have against another, corrected."""
    cases = results.cases()
    return smallest_p(cases.patient.nunique(), cases.model.nunique() - 1)


@question
def folds(results: Results, title: str, reference: str, *files: str) -> str:
    """Models of several folds against an arm: in each fold, in all but that on which something was chosen, in all."""
    cases, chosen_on = joined(results, *files), results.experiment.chosen_on
    baseline = results.experiment.model(reference)
    folds_of = cases.groupby("model", sort=False).fold.unique().map(set)
    rows = []
    for model in folds_of.index.drop(baseline):
        shared = sorted(folds_of[model] & folds_of[baseline])
        others = [fold for fold in shared if fold != chosen_on]
        groups = {str(fold): [fold] for fold in shared}
        groups |= ({f"all but {chosen_on}": others} if len(others) > 1 else {}) | {"all": shared}
        for name, group in groups.items() if len(shared) > 1 else ():
            own = scores(cases[cases.fold.isin(group)], baseline)
            row = {"fold": name, "model": model, f"Dice of {baseline}": over_patients(own, baseline)}
            rows.append(row | {"Dice": over_patients(own, model)} | compared(own, model, "difference"))
    return titled(title.format(reference=baseline), rows, "Mean of the classes; p-values are not corrected.")


@question
def losses(results: Results, every: int = 1) -> str:
    """The training losses on fold 0, noted every so many epochs."""
    table = results.table("trainings.csv").query("fold == 0")
    of_epochs = table.losses.str.split(expand=True).fillna("")
    of_epochs.columns = [f"epoch {every * (place + 1)}" for place in of_epochs]
    rows = table[["model", "seed"]].join(of_epochs)
    return titled("Training loss", rows, "Cross-entropy minus soft Dice, mean over the epoch.")


def missing(results: Results) -> str:
    """Runs of the first group of which its first table has no row; "none" if it has all."""
    experiment, folder = results.experiment, results.folder
    runs = experiment.runs_of(experiment.runs[0], folder)
    left = [run for run in runs if not run.is_collected(folder / experiment.tables[0])]
    names = (f"{run.trainer} {run.configuration}".removesuffix(" 2d") for run in left)
    return ", ".join(f"{name} (seed {run.seed})" for name, run in zip(names, left, strict=True)) or "none"


made_with = question(Results.made_with)
COMMON: dict[str, Question] = {  # a page may have these placeholders without declaring them
    "accuracy": accuracy,
    "commits": lambda results: ", ".join(sorted(results.table("trainings.csv").commit.unique())),
    "least": least_p,
    "made_with": lambda results: results.made_with(results.experiment.tables[0]),
    "missing": missing,
    "patients": count("patient"),
    "seeds": count("seed"),
    "volumes": count("case"),
}
