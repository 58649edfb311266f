"""Does the interval over runs and patients have its nominal coverage? Simulated, see `simulate.py`."""

import math

from benchmark_results.run_intervals import simulate
from experiments.declaration import Experiment, Measure
from experiments.results import Results
from experiments.tables import grid


def table(results: Results) -> str:
    rows = [
        {
            "folds": design.folds,
            "seeds": design.seeds,
            "coverage of the 95 % interval": f"{design.held:.0%}",
            "p < 0.05": f"{design.significant:.0%}",
        }
        for design in results.table("designs.csv").itertuples()
    ]
    return grid(rows)


EXPERIMENT = Experiment(
    measure=[Measure({"designs.csv": None}, "python simulate.py")],
    questions={
        "experiments": lambda results: simulate.EXPERIMENTS,
        "patients": lambda results: simulate.PATIENTS,
        "sd_run": lambda results: simulate.SD_RUN,
        "sd_patient": lambda results: math.hypot(simulate.SD_PATIENT, simulate.SD_BOTH),
        "table": table,
    },
)
