"""What do trained models lose if they are shown wrong neighbours?

Each model predicts the validation images of fold 0 with the slices' own neighbours, with each slice as its own
neighbours, and with other slices of the volume. No mirroring.
"""

from dataclasses import replace

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from benchmark_results.equal_time.experiment import AXIAL
from benchmark_results.equal_time.experiment import EXPERIMENT as EQUAL_TIME
from benchmark_results.thick_hippocampus.experiment import EXPERIMENT as THICK_HIPPOCAMPUS
from experiments.declaration import Experiment, Predict
from experiments.results import Results
from experiments.runs_table import NOT_RUN, differences_table
from experiments.tables import over_patients, scores, titled

WAYS = {
    way: f"nnunet-slice-attention predict --neighbours {way} --disable_tta"
    for way in ("own", "repeat", "shuffle")
}


def table(results: Results, file: str) -> str:
    cases, rows = results.cases(file), []
    for trainer, own in cases.groupby("trainer", sort=False):
        of_ways = scores(own, "own")
        differences = {f"{way} minus own": of_ways.difference(way) for way in of_ways.others}
        rows.append({"trainer": trainer, **{way: over_patients(of_ways, way) for way in WAYS}, **differences})
    note = f"Fold 0: {cases.case.nunique()} validation volumes of {cases.patient.nunique()} patients."
    return titled(file.removesuffix(".csv"), rows, note)


def slice_attention_table(results: Results) -> str:
    if not results.has(LONG):
        return NOT_RUN
    cases = results.cases(LONG)
    return differences_table(cases.assign(name=cases.model), "own", title="neighbours")


LONG = "slice_attention.csv"
ARMS = ((ACDC40, ["CSA", "SAU", "TSFM", "VA"]), (THICK_HIPPOCAMPUS, ["CSA", "CSA_4blocks"]))
TABLES = [f"{experiment.dataset}.csv" for experiment, _ in ARMS]

EXPERIMENT = Experiment(
    predict=[
        *(Predict(f"{of.dataset}.csv", of, arms, WAYS, model="way") for of, arms in ARMS),
        Predict(
            LONG,
            of=replace(EQUAL_TIME, dataset=AXIAL),
            ways=WAYS,
            model="way",
            listed="slice_attention_runs.csv",
        ),
    ],
    questions={
        "tables": lambda results: "\n".join(table(results, file) for file in TABLES),
        "slice_attention": slice_attention_table,
        "made_with": lambda results: "\n\n".join(
            f"{file.removesuffix('.csv')}: {results.made_with(file)}."
            for file in (*TABLES, LONG)
            if results.has(file)
        ),
    },
)
