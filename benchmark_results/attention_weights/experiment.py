"""Where does a trained SliceAttention read its neighbours? The weights of `predict --attention` on ACDC40.

Data as for ../acdc40, whose model it is.
"""

from collections.abc import Mapping

import pandas as pd

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from benchmark_results.attention_weights.weights import FILE, POSITIONS, STRUCTURES, median_case
from experiments.declaration import Experiment, Measure
from experiments.results import Results, question
from experiments.tables import grid
from nnunet_slice_attention.report.tables import mean_sd

COLUMNS = {"previous": "previous slice", "itself": "slice itself", "next": "next slice"}


@question
def table(results: Results, by: Mapping[str, str]) -> str:
    """Mean and SD over patients, in per cent, for each group of voxels."""
    weights = results.table(FILE)
    patients = weights.case.str.extract(ACDC40.patient, expand=False).rename("patient")
    keys, rows = list(by), []
    weights["position"] = pd.Categorical(weights.position, POSITIONS)
    weights["structure"] = pd.Categorical(weights.structure, [*STRUCTURES])
    for group, own in weights.groupby(keys, observed=True):
        means = 100 * own.groupby(patients)[list(COLUMNS)].mean()
        row = dict(zip(by.values(), group, strict=True)) | {"patients": len(means)}
        rows.append(row | {title: mean_sd(means[name], 1) for name, title in COLUMNS.items()})
    return grid(pd.DataFrame(rows))


EXPERIMENT = Experiment(
    measure=[
        Measure({FILE: None}, "python weights.py {out} {trainer} {device}", of=ACDC40, arm="SliceAttention")
    ],
    questions={
        "weights": table({"structure": "structure", "position": "slice of the structure"}),
        "cases": lambda results: results.table(FILE).case.nunique(),
        "shown": lambda results: median_case(results.table(FILE)),
    },
)
