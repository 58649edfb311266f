"""Does the container's program segment held-out volumes under a container's conditions? See `container.sh`.

python -m experiments run challenge      # as root, for `unshare`; trains what ../acdc40 has not trained yet
"""

import json
from pathlib import Path

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from experiments.collectors import Rows, case_rows
from experiments.declaration import Experiment, Measure
from experiments.page import Results, made_with
from experiments.tables import CASES, Table, count, mean_sd, patient_values


def rows(out: Path) -> Rows:
    """The comparison's, with the seconds that each volume took."""
    results = json.loads((out / "output" / "results.json").read_text())
    seconds = {result["case"].removesuffix(".nii.gz"): str(result["seconds"]) for result in results}
    return [row | {"seconds": seconds[row["case"]]} for row in case_rows(out / "compared" / "cases.csv")]


def table(results: Results) -> str:
    cases = results.table(CASES)
    model, structures = cases.model[0], {"mean of classes": None} | {name: name for name in cases.structure}
    dice = tuple((name, mean_sd(patient_values(cases, model, s).values())) for name, s in structures.items())
    return Table("Dice", ("structure", "Dice"), dice).markdown()


def seconds(results: Results):
    return results.table(CASES).groupby("case").seconds.first()


EXPERIMENT = Experiment(
    measure=[Measure({CASES: rows}, "bash container.sh {out} {trainer}", of=ACDC40, arm="CSA")],
    questions={
        "trainer": lambda results: results.table(CASES).model[0],
        "n": count("case"),
        "median": lambda results: seconds(results).median(),
        "longest": lambda results: seconds(results).max(),
        "table": table,
        "patients": count("patient"),
        "made_with": made_with(CASES),
    },
)
