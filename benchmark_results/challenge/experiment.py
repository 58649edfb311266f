"""Does the container's program segment held-out volumes under a container's conditions? See `container.sh`.

Run it as root, for `unshare`.
"""

import json
from pathlib import Path

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from experiments.collectors import Rows, case_rows
from experiments.declaration import Experiment, Measure
from experiments.results import Results
from experiments.tables import CASES, count, over_patients, scores, titled


def rows(out: Path) -> Rows:
    """The comparison's, with the seconds that each volume took."""
    results = json.loads((out / "output" / "results.json").read_text())
    seconds = {result["case"].removesuffix(".nii.gz"): str(result["seconds"]) for result in results}
    return [row | {"seconds": seconds[row["case"]]} for row in case_rows(out / "compared" / "cases.csv")]


def table(results: Results) -> str:
    own = scores(results.cases())
    dice = {structure: over_patients(own, own.baseline, structure) for structure in own.structures}
    return titled("Dice", [{"structure": structure, "Dice": value} for structure, value in dice.items()])


EXPERIMENT = Experiment(
    measure=[Measure({CASES: rows}, "bash container.sh {out} {trainer}", of=ACDC40, arm="CSA")],
    questions={
        "trainer": lambda results: results.cases().model[0],
        "n": count("case"),
        "median": lambda results: results.cases().groupby("case").seconds.first().median(),
        "longest": lambda results: results.cases().seconds.max(),
        "table": table,
    },
)
