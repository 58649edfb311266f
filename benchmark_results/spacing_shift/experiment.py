"""Trained at one slice spacing, what do the models lose at others? Data as for ../thick_hippocampus.

Tested on fold 0's validation, which decides nothing in a training. All models predict with `nnUNetv2_predict`, without
mirroring.
"""

from dataclasses import replace
from pathlib import Path

from benchmark_results.equal_time.experiment import AXIAL
from benchmark_results.equal_time.experiment import EXPERIMENT as EQUAL_TIME
from benchmark_results.thick_hippocampus.experiment import EXPERIMENT as THICK_HIPPOCAMPUS
from benchmark_results.thick_hippocampus.experiment import LABELS
from experiments.declaration import Experiment, Predict
from experiments.figures import labelled
from experiments.results import CASES, Results, question
from experiments.runs_table import NOT_RUN, with_runs
from experiments.tables import count, grid, made_with, over_patients, scores
from nnunet_slice_attention.evaluation.patient_statistics import paired_difference
from nnunet_slice_attention.evaluation.scores import Scores

TRAINED, TESTED = 3, (2, 3, 4, 6)
BASELINE = "nnUNetTrainer_20epochs 2d"
SHORT = "short_training.csv"
EQUAL = "equal_time.csv"
PATIENT = r"(hippocampus_\d+)_"
WAYS = {"stock": "nnUNetv2_predict --continue_prediction --disable_tta"}


@question
def table(results: Results, kind: str, file: str = CASES) -> str:
    """A row for each model, a column for each spacing: its Dice, how that changes, or what it is more than 2D's."""
    cases, rows = results.cases(file), []
    at = {every: scores(cases[cases.spacing_mm.round() == every], BASELINE) for every in TESTED}
    trained = at[TRAINED]
    for model in trained.others if kind == "minus" else trained.models:
        row = {"model": model}
        for every, own in at.items():
            if kind == "Dice":
                row[f"Dice at {every} mm"] = over_patients(own, model)
            elif kind == "minus":
                row[f"minus {BASELINE}, at {every} mm"] = own.difference(model)
            elif every != TRAINED:
                row[f"change to {every} mm"] = paired_difference(trained.values(model), own.values(model))
        rows.append(row)
    return grid(rows)


def equal_time_table(results: Results) -> str:
    """For each spacing, over runs and patients: the difference to nnU-Net 2D, and each model's to 3 mm."""
    if not results.has(EQUAL):
        return NOT_RUN
    cases = results.cases(EQUAL).assign(
        case=lambda rows: rows.patient, every=lambda rows: rows.spacing_mm.round()
    )
    rows = []
    for every in TESTED:
        own = Scores(with_runs(cases[cases.every == every]), "2d")
        row = {"slice spacing": f"{every} mm", "attention minus 2d": own.difference("attention")}
        for arm in ("2d", "attention") if every != TRAINED else ():
            pair = cases[(cases.name == arm) & cases.every.isin([every, TRAINED])]
            change = Scores(with_runs(pair.assign(name=pair.every)), TRAINED)
            row[f"{arm}, change from {TRAINED} mm"] = change.difference(every)
        rows.append(row)
    return grid(rows)


def draw(results: Results, path: Path) -> None:
    """Mean Dice of each model against the distance between slices."""
    from nnunet_slice_attention.report.line_figures import spacing_figure
    from nnunet_slice_attention.report.spacing import group_by_spacing

    found = labelled(results, THICK_HIPPOCAMPUS, LABELS)
    spacing_figure(found, group_by_spacing(found)).savefig(path, dpi=150)


EXPERIMENT = Experiment(
    predict=[
        Predict(
            CASES,
            of=replace(THICK_HIPPOCAMPUS, patient=PATIENT),
            arms=["2D", "3D", "CSA", "SAU", "TSFM", "VA", "CSA_copies", "CSA_4blocks"],
            ways=WAYS,
            images="imagesTs",
            truth="labelsTs",
        ),
        Predict(
            EQUAL,
            of=replace(EQUAL_TIME, dataset=AXIAL, patient=PATIENT),
            ways=WAYS,
            images="imagesTs",
            truth="labelsTs",
            listed="equal_time_runs.csv",
        ),
    ],
    questions={
        "n": count("patient"),
        "dice": table("Dice"),
        "change": table("change"),
        "difference": table("minus"),
        "equal_time": equal_time_table,
        "equal_time_made_with": made_with(EQUAL),
        "short": table("Dice", SHORT),
        "short_change": table("change", SHORT),
    },
    figures={"spacings.png": draw},
)
