"""Does the interval over runs and patients hold what it says? Simulated, see `simulate.py`.

python -m experiments run run_intervals
"""

import math

from benchmark_results.run_intervals import simulate
from experiments.declaration import Experiment, Measure
from experiments.page import Results, made_with
from experiments.tables import grid

COLUMNS = (
    "folds", "seeds", "the 95 % interval holds the truth", "p < 0.05 by the t-test",
    "p < 0.05 by inverting the interval",
)  # fmt: skip


def table(results: Results) -> str:
    designs = results.table("designs.csv").itertuples()
    return grid(
        COLUMNS,
        [(d.folds, d.seeds, f"{d.held:.0%}", f"{d.significant:.0%}", f"{1 - d.held:.0%}") for d in designs],
    )


EXPERIMENT = Experiment(
    measure=[Measure({"designs.csv": None}, "python simulate.py")],
    questions={
        "experiments": lambda results: simulate.EXPERIMENTS,
        "patients": lambda results: simulate.PATIENTS,
        "of_run": lambda results: simulate.OF_RUN,
        "of_one": lambda results: math.hypot(simulate.OF_PATIENT, simulate.OF_BOTH),
        "table": table,
        "made_with": made_with("designs.csv"),
    },
)
