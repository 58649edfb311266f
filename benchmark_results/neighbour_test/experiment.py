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
from experiments.runs_table import NOT_RUN, by_run, listed, run_means, with_runs
from experiments.tables import grid, over_patients, scores, titled
from nnunet_slice_attention.evaluation.scores import Scores

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


def long_table(results: Results) -> str:
    """Differences over runs and patients."""
    if not results.has(LONG):
        return NOT_RUN
    cases = results.cases(LONG).assign(name=lambda rows: rows.model)
    found, means, rows = Scores(with_runs(cases), "own"), run_means(cases).dice.unstack(), []
    for way in found.models:
        compared = found.paired(way) if way != "own" else None
        rows.append(
            {
                "neighbours": way,
                "Dice of each run": listed(means.loc[way], ".4f"),
                "minus own [95 % CI]": compared and compared.difference,
                "of each run": compared and listed(by_run(found, way), "+.4f"),
            }
        )
    return grid(rows)


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
        "slice_attention": long_table,
        "made_with": lambda results: "\n\n".join(
            f"{file.removesuffix('.csv')}: {results.made_with(file)}."
            for file in (*TABLES, LONG)
            if results.has(file)
        ),
    },
)
