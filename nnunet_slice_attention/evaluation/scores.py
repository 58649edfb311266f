"""All numbers of a comparison, computed once from its case table and read by tables, figures and verdicts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, wraps
from typing import TypeAlias, TypeVar

import pandas as pd

from .metrics import FOREGROUND, METRICS
from .patient_statistics import (
    Comparison,
    PairedDifference,
    compare_patients,
    holm,
    paired_difference,
    patient_means,
)
from .run_column import RUN, with_runs
from .runs import RunComparison, compare_runs

MEAN = "mean of classes"
Key: TypeAlias = tuple[str, ...]  # identifies a case: (case,), or (run, case) if there are several runs
PairedValues: TypeAlias = tuple[dict[Key, float], dict[Key, float]]  # the model's, the baseline's
Found = TypeVar("Found")


def _once(compute: Callable[["Scores", str, str, str], Found]) -> Callable[..., Found]:
    """Decorates what is computed once for each model, structure (None is `Scores.overall`) and metric."""

    @wraps(compute)
    def computed(scores: "Scores", model: str, structure: str | None = None, metric: str = "dice") -> Found:
        key = compute.__name__, model, structure or scores.overall, metric
        if key not in scores._computed:
            scores._computed[key] = compute(scores, *key[1:])
        return scores._computed[key]

    return computed


class Scores:
    """Models on the same cases, and their paired differences to a baseline; the statistical unit is always the patient.

    Attributes:
        cases: the case table (see `case_table.evaluate`) with `model` and `patient`, and with the column `RUN` if it
            holds several runs.
        baseline: the model that the others are compared with.
        models: in the order of the table.
        others: all models except the baseline.
        single: the models that are not ensembles; only these get a verdict.
        structures: `MEAN` if there are several classes, then the classes in the data set's order and the foreground.
        overall: the first of `structures`; verdicts are on it, and `structure=None` means it.
        runs: names of the runs; empty if there is only one.
    """

    def __init__(self, cases: pd.DataFrame, baseline: str, single: Sequence[str] | None = None):
        self.cases = with_runs(cases)
        self.baseline = baseline
        self.models = list(dict.fromkeys(cases.model))
        self.others = [model for model in self.models if model != baseline]
        self.single = self.models if single is None else list(single)
        structures = list(dict.fromkeys(cases.structure))
        classes = [structure for structure in structures if structure != FOREGROUND]
        self.structures = [MEAN, *structures] if len(classes) > 1 else structures
        self.overall = self.structures[0]
        self.runs = list(dict.fromkeys(self.cases[RUN])) if RUN in self.cases else []
        self._computed: dict[tuple[str, str, str, str], object] = {}

    def where(self, **columns) -> "Scores":
        """Only the rows in which each given column has the value, or one of the values in a collection."""
        cases = self.cases.drop(columns=RUN, errors="ignore")
        for column, wanted in columns.items():
            cases = cases[cases[column].isin(wanted if isinstance(wanted, list | set | tuple) else [wanted])]
        return Scores(cases, self.baseline, self.single)

    def rows(self, model: str, structure: str | None = None) -> pd.DataFrame:
        """Rows of the case table for a model and structure; for `MEAN` those of all classes."""
        own = self.cases[self.cases.model == model]
        structure = structure or self.overall
        return own[own.structure != FOREGROUND] if structure == MEAN else own[own.structure == structure]

    @_once
    def values(self, model: str, structure: str, metric: str) -> dict[str, float]:
        """{patient: mean over the patient's cases in all runs}; for `MEAN`, over each case's classes first.

        Cases for which the metric is not applicable (structure in neither segmentation) are left out.

        Args:
            metric: any numeric column of the case table.
        """
        by_case: dict[Key, dict[str, float]] = {}
        rows = self.rows(model, structure)
        for case, name, value in zip(self._keys(rows), rows.structure, rows[metric], strict=True):
            by_case.setdefault(case, {})[name] = value
        return patient_means(by_case, self._patient.__getitem__)

    @_once
    def paired_cases(self, model: str, structure: str, metric: str) -> PairedValues:
        """({case: the model's value}, {case: the baseline's value}) on the same cases and classes.

        If only one of the two models hallucinates a structure, the other gets the metric's best value: otherwise the
        pair would be dropped, and hallucinations would cost nothing. A structure that is absent for both is left out.

        Args:
            metric: a key of `METRICS`, or Dice in a part of the structure, e.g. "dice_first".

        Raises:
            ValueError: the two models have different cases.
        """
        rows = [self.rows(name, structure) for name in (model, self.baseline)]
        ours, theirs = (set(self._keys(own)) for own in rows)
        if unpaired := ours ^ theirs:
            raise ValueError(
                f"{model} and {self.baseline} have different cases: only one of them has {', '.join(min(unpaired))!r} "
                f"({len(unpaired)} such cases). Compare them on the cases that both have."
            )
        columns = [own.set_index([*self._case_columns, "structure"])[metric] for own in rows]
        both = pd.concat(columns, axis=1, keys=["ours", "theirs"]).dropna(how="all")
        both = both.fillna(METRICS["dice" if metric.startswith("dice_") else metric].best)
        by_case = both.groupby(level=self._case_columns).mean()
        keys = [key if isinstance(key, tuple) else (key,) for key in by_case.index]
        return dict(zip(keys, by_case.ours, strict=True)), dict(zip(keys, by_case.theirs, strict=True))

    def deltas(self, model: str) -> dict[str, float]:
        """{patient: model - baseline} in Dice, paired as in `paired_cases`, averaged over the patient's cases."""
        ours, theirs = self.paired_values(model)
        return {patient: ours[patient] - theirs[patient] for patient in ours}

    def paired_values(
        self, model: str, structure: str | None = None, metric: str = "dice"
    ) -> tuple[dict[str, float], dict[str, float]]:
        """`paired_cases` averaged over each patient's cases in all runs."""
        ours, theirs = (self._by_patient(values) for values in self.paired_cases(model, structure, metric))
        return ours, theirs

    @_once
    def paired(self, model: str, structure: str, metric: str) -> Comparison | RunComparison:
        """The model against the baseline, see `paired_cases`: over patients, and over runs if there are several."""
        if self.runs:
            ours, theirs = (self._by_run(values) for values in self.paired_cases(model, structure, metric))
            return compare_runs(theirs, ours)
        ours, theirs = self.paired_values(model, structure, metric)
        return compare_patients(theirs, ours)

    @_once
    def difference(self, model: str, structure: str, metric: str) -> PairedDifference:
        """The difference of `paired` without the test, which is the slowest part."""
        key = model, structure, metric
        if self.runs or ("paired", *key) in self._computed:
            return self.paired(*key).difference
        ours, theirs = self.paired_values(*key)
        return paired_difference(theirs, ours)

    def corrected_p(self, model: str, structure: str | None = None) -> float:
        """Holm-corrected p-value of a difference in Dice.

        The comparisons that get a verdict (`single` models, `overall`) are one family, all others another, so that
        saving probabilities, which adds ensembles, changes no verdict.
        """
        return self._corrected[model, structure or self.overall]

    def presence(self, model: str, structure: str | None = None) -> Mapping[str, int]:
        """Number of structures, over cases and classes, that are "found", "missed", "hallucinated" or "absent"."""
        return Counter(self.rows(model, structure).presence)

    @cached_property
    def _corrected(self) -> dict[tuple[str, str], float]:
        p = {(m, s): self.paired(m, s).p for s in self.structures for m in self.others}
        verdicts = {key: p[key] for key in p if key[0] in self.single and key[1] == self.overall}
        return holm(verdicts) | holm({key: p[key] for key in p if key not in verdicts})

    @cached_property
    def _case_columns(self) -> list[str]:
        return [RUN, "case"] if self.runs else ["case"]

    @cached_property
    def _patient(self) -> dict[Key, str]:
        return dict(zip(self._keys(self.cases), self.cases.patient, strict=True))

    def _keys(self, rows: pd.DataFrame) -> list[Key]:
        return list(zip(*(rows[column] for column in self._case_columns), strict=True))

    def _by_patient(self, values: Mapping[Key, float]) -> dict[str, float]:
        return patient_means({key: {"": value} for key, value in values.items()}, self._patient.__getitem__)

    def _by_run(self, values: Mapping[Key, float]) -> dict[str, dict[str, float]]:
        by_run: dict[str, dict[Key, float]] = {}
        for key, value in values.items():
            by_run.setdefault(key[0], {})[key] = value
        return {run: self._by_patient(own) for run, own in by_run.items()}
