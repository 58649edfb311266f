"""How slices are sampled and which optimiser is used, on ACDC40.

    nnUNetv2_plan_and_preprocess -d 27 -c 2d        # then copy splits_final.json to the preprocessed data set
    nnunet-slice-attention plan-compact -d 27
    python -m experiments run design_choices

The unit is the patient: the two volumes of a patient are averaged.
"""

from pathlib import Path

import pandas as pd

from experiments.collectors import renamed, validated
from experiments.declaration import Experiment, Runs
from experiments.page import Results, made_with
from experiments.tables import CASES, grid, missing, paired_difference

CLASSES = ["RV", "myocardium", "LV cavity"]
BASELINE, WITHOUT_NEIGHBOURS = "nnUNetTrainer", "nnUNetTrainerSliceUNet_ShortSlabs_SGD"
RUN = ["seed", "trainer", "commit"]
COLUMNS = ("Dice", "SD over patients", "difference to 2D [95 % CI]", "commit")
VARIANTS = (
    "CSANet_ShortSlabs_SGD", "CSANet_FullSlabs_SGD", "CSANet_CentreLoss_SGD", "CSANet_DeepSlabs_SGD",
    "CSANet_ShortSlabs_AdamW", "SliceUNet_ShortSlabs_SGD", "SliceUNet_FullSlabs_SGD",
)  # fmt: skip


def cases_of(results: Results) -> pd.DataFrame:
    cases = results.table(CASES)
    order = list(map(results.experiment.trainer, results.experiment.arms))
    return cases.assign(
        trainer=pd.Categorical(cases.trainer, order),
        patient=cases.case.str.split("_").str[0],
        dice=cases[CLASSES].mean(axis=1),
    )


def patients_of(cases: pd.DataFrame) -> dict[str, float]:
    """{patient: Dice}, the mean over volumes of the mean over classes, over seeds too if there are several."""
    return cases.groupby(["patient", "seed"]).dice.mean().groupby("patient").mean().to_dict()


def runs(results: Results) -> pd.DataFrame:
    """A row for each run, against that of nnU-Net 2D from the same seed that is first in the table."""
    cases, rows = cases_of(results), []
    for (seed, trainer, commit), own in cases.groupby(RUN, observed=True):
        patients, stock = (
            patients_of(own),
            first_commits(cases[(cases.trainer == BASELINE) & (cases.seed == seed)]),
        )
        against = (
            "" if trainer == BASELINE or stock.empty else paired_difference(patients_of(stock), patients)
        )
        dice = [round(value, 4) for value in own[CLASSES].mean()]
        values = pd.Series(patients)
        spread = round(values.mean(), 4), round(values.std(), 4)
        rows.append((trainer, seed, len(own), len(patients), *dice, *spread, against, commit))
    columns = "trainer", "seed", "volumes", "patients", *(f"Dice {name}" for name in CLASSES)
    return pd.DataFrame(rows, columns=[*columns, *COLUMNS], dtype=object)


def every_run(results: Results) -> str:
    table = runs(results)
    return grid(list(table), table.itertuples(index=False))


def write_runs(results: Results, path: Path) -> None:
    runs(results).to_csv(path, index=False, lineterminator="\r\n")


def over_seeds(results: Results) -> str:
    """A row for each trainer: patients' means over its seeds, and differences to two others over the same seeds."""
    cases, rows = first_commits(cases_of(results)), []
    for trainer, own in cases.groupby("trainer", observed=True):
        seeds, patients = own.groupby("seed"), patients_of(own)
        each = ", ".join(f"{pd.Series(patients_of(of_seed)).mean():.4f}" for _, of_seed in seeds)
        values = pd.Series(patients)
        differences = []
        for reference in (BASELINE, WITHOUT_NEIGHBOURS):
            other = cases[(cases.trainer == reference) & cases.seed.isin(own.seed)]
            comparable = trainer != reference and set(other.seed) == set(own.seed)
            differences.append(paired_difference(patients_of(other), patients) if comparable else "")
        spread = f"{values.mean():.4f}", f"{values.std():.4f}"
        rows.append((trainer, len(seeds), len(patients), each, *spread, *differences))
    columns = "trainer", "seeds", "patients", "Dice of each seed", "Dice", "SD over patients"
    return grid((*columns, "difference to 2D [95 % CI]", "difference to SliceUNet [95 % CI]"), rows)


def first_commits(cases: pd.DataFrame) -> pd.DataFrame:
    """Of several commits of a run the one that is first in the table."""
    first = cases.groupby(["trainer", "seed"], observed=True)["commit"].transform("first")
    return cases[cases["commit"] == first]


EXPERIMENT = Experiment(
    dataset="Dataset027_ACDC40",
    arms={"2D": BASELINE} | {name: f"nnUNetTrainer{name}" for name in VARIANTS},
    runs=[
        Runs({"cases.csv": renamed(validated, {"MLV": "myocardium", "LVC": "LV cavity"})}, seeds=[0, 1]),
    ],
    epochs=8,
    precision="bfloat16",
    questions={
        "over_seeds": over_seeds,
        "table": every_run,
        "missing": missing("trainer", seeds=[0, 1]),
        "made_with": made_with("cases.csv"),
    },
    figures={"runs.csv": write_runs},
)
