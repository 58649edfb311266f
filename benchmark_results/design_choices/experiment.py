"""How slices are sampled and which optimiser is used, on ACDC40. Data as for ../acdc40.

The unit is the patient: the two volumes of a patient are averaged.
"""

from pathlib import Path

import pandas as pd

from experiments.collectors import Rows, validated
from experiments.declaration import Experiment, Runs
from experiments.results import Results
from experiments.run import Run
from experiments.tables import grid, scores

CLASSES = {"MLV": "myocardium", "LVC": "LV cavity"}
BASELINE, WITHOUT_NEIGHBOURS = "nnUNetTrainer", "nnUNetTrainerSliceUNet_ShortSlabs_SGD"
TO_2D = "difference to 2D [95 % CI]"
VARIANTS = (
    "CSANet_ShortSlabs_SGD", "CSANet_FullSlabs_SGD", "CSANet_CentreLoss_SGD", "CSANet_DeepSlabs_SGD",
    "CSANet_ShortSlabs_AdamW", "SliceUNet_ShortSlabs_SGD", "SliceUNet_FullSlabs_SGD",
)  # fmt: skip


def renamed(run: Run) -> Rows:
    return [row | {"structure": CLASSES.get(row["structure"], row["structure"])} for row in validated(run)]


def cases_of(results: Results) -> pd.DataFrame:
    order = list(map(results.experiment.trainer, results.experiment.arms))
    return results.cases().assign(model=lambda cases: pd.Categorical(cases.model, order))


def first_commits(cases: pd.DataFrame) -> pd.DataFrame:
    """Of several commits of a run the one that is first in the table."""
    return cases.drop_duplicates(["model", "seed", "case", "structure"])


def patients_of(cases: pd.DataFrame) -> pd.Series:
    """Dice of each patient, the mean over volumes of the mean over classes, over seeds too if there are several."""
    own = scores(cases)
    return pd.Series(own.values(own.baseline))


def runs(results: Results) -> pd.DataFrame:
    """A row for each run, against that of nnU-Net 2D from the same seed that is first in the table."""
    cases, rows = cases_of(results), []
    stock = first_commits(cases[cases.model == BASELINE])
    for (seed, trainer, commit), own in cases.groupby(["seed", "model", "commit"], observed=True):
        patients, dice = patients_of(own), own.groupby("structure", sort=False).dice.mean()
        against = scores(pd.concat([stock[stock.seed == seed], own]), BASELINE)
        rows.append(
            {"trainer": trainer, "seed": seed, "volumes": own.case.nunique(), "patients": len(patients)}
            | {f"Dice {structure}": round(value, 4) for structure, value in dice.items()}
            | {"Dice": round(patients.mean(), 4), "SD over patients": round(patients.std(), 4)}
            | {TO_2D: "" if trainer == BASELINE else against.difference(trainer), "commit": commit}
        )
    return pd.DataFrame(rows, dtype=object)


def write_runs(results: Results, path: Path) -> None:
    runs(results).to_csv(path, index=False, lineterminator="\r\n")


def over_seeds(results: Results) -> str:
    """A row for each trainer: patients' means over its seeds, and differences to two others over the same seeds."""
    cases, rows = first_commits(cases_of(results)), []
    for trainer, own in cases.groupby("model", observed=True):
        each = [f"{patients_of(of_seed).mean():.4f}" for _, of_seed in own.groupby("seed")]
        patients, shared = patients_of(own), cases[cases.seed.isin(own.seed)]
        row = {"trainer": trainer, "seeds": len(each), "patients": len(patients)}
        row |= {"Dice of each seed": ", ".join(each), "Dice": f"{patients.mean():.4f}"}
        row |= {"SD over patients": f"{patients.std():.4f}"}
        for name, other in ((TO_2D, BASELINE), ("difference to SliceUNet [95 % CI]", WITHOUT_NEIGHBOURS)):
            row[name] = "" if trainer == other else scores(shared, other).difference(trainer)
        rows.append(row)
    return grid(rows)


EXPERIMENT = Experiment(
    dataset="Dataset027_ACDC40",
    patient=r"(patient\d+)_",
    arms={"2D": BASELINE} | {name: f"nnUNetTrainer{name}" for name in VARIANTS},
    runs=[Runs({"cases.csv": renamed}, seeds=[0, 1])],
    epochs=8,
    precision="bfloat16",
    questions={"over_seeds": over_seeds, "table": lambda results: grid(runs(results))},
    figures={"runs.csv": write_runs},
)
