"""In twice the training time: what do two models give together, nnU-Net 2D twice, or with SliceAttention?

The models are those of ../equal_time on axial slices, fold 1, with its data. See `ensemble.py`.
"""

from dataclasses import replace
from pathlib import Path

from benchmark_results.ensembles.ensemble import WAY, members
from benchmark_results.equal_time.experiment import AXIAL
from benchmark_results.equal_time.experiment import EXPERIMENT as EQUAL_TIME
from experiments.collectors import case_rows
from experiments.csv_rows import Rows
from experiments.declaration import Experiment, Measure, Predict
from experiments.results import CASES, Results, question
from experiments.runs_table import NOT_RUN, differences_table

SINGLE = "single.csv"
PREDICT = "nnUNetv2_predict --continue_prediction --disable_tta --save_probabilities"


def cases(out: Path) -> Rows:
    rows = []
    for row in case_rows(out / "compared" / CASES):
        name, seeds = members(row.pop("model"))
        rows.append(
            {"name": name, "fold": "1", "seed": seeds} | {k: v for k, v in row.items() if k != "fold"}
        )
    return rows


@question
def table(results: Results, file: str, reference: str) -> str:
    return differences_table(results.cases(file), reference) if results.has(file) else NOT_RUN


EXPERIMENT = Experiment(
    predict=[
        Predict(SINGLE, of=replace(EQUAL_TIME, dataset=AXIAL), ways={WAY: PREDICT}, listed="runs.csv"),
    ],
    measure=[Measure({CASES: cases}, "python ensemble.py {out}")],
    questions={"single": table(SINGLE, "2d"), "ensembles": table(CASES, "2d and 2d")},
)
