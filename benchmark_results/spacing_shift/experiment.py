"""Trained at one slice spacing, what do the models lose at others? Data as for ../thick_hippocampus.

Tested on fold 0's validation, which decides nothing in a training. All models predict with `nnUNetv2_predict`, without
mirroring.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark_results.thick_hippocampus.experiment import EXPERIMENT as THICK_HIPPOCAMPUS
from experiments import tables
from experiments.declaration import Experiment, Predict
from experiments.results import Question, Results

TRAINED, TESTED = 3, (2, 3, 4, 6)
CHANGED = [every for every in TESTED if every != TRAINED]
BASELINE = "nnUNetTrainer_20epochs 2d"
SHORT = "short_training.csv"
AtSpacings = Mapping[int, tables.Scores]  # by the slices that a volume has: every k-th


def table(
    title: str,
    spacings: Sequence[int],
    cell: Callable[[AtSpacings, str, int], object],
    file: str = tables.CASES,
) -> Question:
    """A row for each model, a column for each spacing."""

    def answer(results: Results) -> str:
        cases = results.cases(file)
        at = {every: tables.scores(cases[cases.spacing_mm.round() == every], BASELINE) for every in TESTED}
        models = at[TRAINED].others if cell is to_2d else at[TRAINED].models
        rows = [
            {"model": m} | {f"{title} {every} mm": cell(at, m, every) for every in spacings} for m in models
        ]
        return tables.grid(rows)

    return answer


def mean(at: AtSpacings, model: str, every: int) -> str:
    return tables.over_patients(at[every], model)


def change(at: AtSpacings, model: str, every: int) -> object:
    return tables.paired_difference(at[TRAINED].values(model), at[every].values(model))


def to_2d(at: AtSpacings, model: str, every: int) -> object:
    return at[every].difference(model)


def draw(results: Results, path: Path) -> None:
    """Mean Dice of each model against the distance between slices."""
    from nnunet_slice_attention.report.figures import spacing_figure
    from nnunet_slice_attention.report.spacing import group_by_spacing

    found = tables.scores(results.cases())
    spacing_figure(found, group_by_spacing(found)).savefig(path, dpi=150)


EXPERIMENT = Experiment(
    predict=[
        Predict(
            tables.CASES,
            of=replace(THICK_HIPPOCAMPUS, patient=r"(hippocampus_\d+)_"),
            arms=["2D", "3D", "CSA", "SAU", "TSFM", "VA", "CSA_copies", "CSA_4blocks"],
            ways={"stock": "nnUNetv2_predict --continue_prediction --disable_tta"},
            images="imagesTs",
            truth="labelsTs",
        )
    ],
    questions={
        "n": tables.count("patient"),
        "dice": table("Dice at", TESTED, mean),
        "change": table("change to", CHANGED, change),
        "difference": table(f"minus {BASELINE}, at", TESTED, to_2d),
        "short": table("Dice at", TESTED, mean, SHORT),
        "short_change": table("change to", CHANGED, change, SHORT),
    },
    figures={"spacings.png": draw},
)
