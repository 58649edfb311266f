"""What do trained models lose if they are shown wrong neighbours?

    python -m experiments run neighbour_test      # trains what ../acdc40 and ../thick_hippocampus have not trained yet

Each model predicts the validation images of fold 0 with the slices' own neighbours, with each slice as its own
neighbours, and with other slices of the volume. No mirroring.
"""

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from benchmark_results.thick_hippocampus.experiment import EXPERIMENT as THICK_HIPPOCAMPUS
from experiments.declaration import Experiment, Predict
from experiments.page import Results
from experiments.tables import Table, mean_sd, paired, patient_values

WAYS = ("own", "repeat", "shuffle")
COLUMNS = ("trainer", *WAYS, "repeat minus own", "shuffle minus own")


def table(results: Results, file: str) -> str:
    cases, rows = results.table(file), []
    for trainer, own in cases.groupby("trainer", sort=False):
        dice = [mean_sd(patient_values(own, way).values()) for way in WAYS]
        rows.append((trainer, *dice, *(str(paired(own, way, "own").difference) for way in WAYS[1:])))
    note = f"Fold 0: {cases.case.nunique()} validation volumes of {cases.patient.nunique()} patients."
    return Table(file.removesuffix(".csv"), COLUMNS, tuple(rows), note).markdown()


EXPERIMENT = Experiment(
    predict=[
        Predict(
            f"{experiment.dataset}.csv",
            of=experiment,
            arms=arms,
            ways={way: f"nnunet-slice-attention predict --neighbours {way} --disable_tta" for way in WAYS},
            model="way",
        )
        for experiment, arms in (
            (ACDC40, ["CSA", "SAU", "TSFM", "VA"]),
            (THICK_HIPPOCAMPUS, ["CSA", "CSA_4blocks"]),
        )
    ],
    questions={
        "tables": lambda results: "\n".join(
            table(results, predict.into) for predict in results.experiment.predict
        ),
        "made_with": lambda results: "\n\n".join(
            f"{predict.of.dataset}: {results.made_with(predict.into)}."
            for predict in results.experiment.predict
        ),
    },
)
