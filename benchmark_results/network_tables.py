"""Tables of trainings by `run.py`, from the comparisons in their results folders: what the reports share."""

import os
from pathlib import Path

import pandas as pd
import torch

from nnunet_slice_attention.evaluation.segmentations import FOREGROUND
from nnunet_slice_attention.report.differences import difference_table, paired
from nnunet_slice_attention.report.summary import MEAN, patient_figures, structures_of
from nnunet_slice_attention.report.tables import Table, mean_sd

COLUMNS = ["model", "seed", "fold", "patient", "case", "structure", "presence", "dice", "nsd", "hd95"]


def read(name: str, short: dict[str, str]) -> tuple[list[Path], pd.DataFrame]:
    """The comparisons of this name of all seeds, and their cases, models by their short names."""
    folders = sorted(Path(os.environ["nnUNet_results"]).glob(f"seed*/{name}"))
    tables = [pd.DataFrame(columns=COLUMNS)]
    for folder in folders:
        cases = pd.read_csv(folder / "cases.csv").assign(seed=folder.parent.name.removeprefix("seed"))
        tables.append(cases.assign(model=cases.model.map(short))[COLUMNS].round(5))
    return folders, pd.concat(tables[1:] or tables)


def each_seed_a_case(cases: pd.DataFrame) -> pd.DataFrame:
    """Seeds of a volume become cases of its patient: figures are over patients, means over volumes and seeds."""
    return cases.assign(case=cases.case + " seed " + cases.seed.astype(str))


def commits(dataset: str) -> str:
    """Of the package's source at each training."""
    found = Path(os.environ["nnUNet_results"]).glob(f"seed*/{dataset}/*/fold_*/commit.txt")
    return ", ".join(sorted({path.read_text() for path in found}))


def losses(folders: list[Path], dataset: str, short: dict[str, str], every: int = 1) -> str:
    """nnU-Net's training loss (cross-entropy minus soft Dice) on fold 0, its mean over each `every`-th epoch."""
    rows = []
    for folder in folders:
        for model, name in short.items():
            checkpoint = folder.parent / dataset / model / "fold_0" / "checkpoint_final.pth"
            if checkpoint.is_file():
                log = torch.load(checkpoint, map_location="cpu", weights_only=False)["logging"]
                kept = log["train_losses"][every - 1 :: every]
                rows.append(
                    (name, folder.parent.name.removeprefix("seed"), *(f"{loss:.3f}" for loss in kept))
                )
    epochs = max(len(row) for row in rows) - 2
    columns = ("model", "seed", *(f"epoch {every * (n + 1)}" for n in range(epochs)))
    return Table(
        "Training loss", columns, tuple(rows), "Cross-entropy minus soft Dice, mean over the epoch."
    ).markdown()


def folds_table(title: str, cases: pd.DataFrame, reference: str, chosen_on: int) -> str:
    """Models of several folds against `reference`: in each fold, in all but that of the choice, and in all."""
    if cases.empty:
        return f"{title}: not run yet."
    folds = sorted(cases.fold.unique())
    groups = {str(fold): [fold] for fold in folds}
    others = [fold for fold in folds if fold != chosen_on]
    groups |= ({f"all but {chosen_on}": others} if len(others) > 1 else {}) | {"all": folds}
    rows = []
    for name, group in groups.items():
        own = cases[cases.fold.isin(group)]
        for model in cases.model.unique():
            if model != reference:
                found = paired(own, model, reference, MEAN)
                dice = (mean_sd(patient_figures(own, m, MEAN).values()) for m in (reference, model))
                counts = f"{found.wins} / {found.ties} / {found.losses}"
                rows.append(
                    (name, model, *dice, str(found.difference), str(found.n), counts, f"{found.p:.3g}")
                )
    columns = (
        "fold", "model", f"Dice of {reference}", "Dice", "difference [95 % CI]", "n", "better / equal / worse",
        "p (Wilcoxon)",
    )  # fmt: skip
    return Table(title, columns, tuple(rows), "Mean of the classes; p-values are not corrected.").markdown()


def accuracy(cases: pd.DataFrame, models: list[str]) -> str:
    structures = [MEAN, *(structure for structure in structures_of(cases) if structure != FOREGROUND)]
    rows = []
    for model in models:
        dice = (mean_sd(patient_figures(cases, model, structure).values()) for structure in structures)
        nsd = mean_sd(patient_figures(cases, model, MEAN, "nsd").values())
        hd95 = mean_sd(patient_figures(cases, model, MEAN, "hd95").values(), 1)
        rows.append((model, *dice, nsd, hd95))
    columns = ("model", *(f"Dice, {structure}" for structure in structures), "NSD at 2 mm", "HD95 [mm]")
    return Table("Accuracy", columns, tuple(rows), "Mean ± SD over patients.").markdown()


def differences(cases: pd.DataFrame, models: list[str], reference: str) -> str:
    table = difference_table(cases, models, reference)
    rows = tuple(row[1:] for row in table.rows if row[0] == MEAN)
    note = "Mean of the classes; Holm's correction is over all models."
    return Table(f"Against {reference}", table.columns[1:], rows, note).markdown()
