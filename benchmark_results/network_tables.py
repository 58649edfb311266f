"""Tables of trainings by `run.py`, from the comparisons in their results folders: what the reports share."""

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from nnunet_slice_attention.evaluation.segmentations import FOREGROUND
from nnunet_slice_attention.report.accuracy import MEAN, patient_figures, structures_of
from nnunet_slice_attention.report.differences import difference_table, paired
from nnunet_slice_attention.report.tables import Table, mean_sd

TRAINING = ["model", "seed", "fold"]
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


def merge_into(file: Path, found: pd.DataFrame, keys: Sequence[str] = TRAINING) -> pd.DataFrame:
    """Write `found` to `file`, whose trainings (by `keys`) that were not done here it keeps; return all."""
    if file.is_file():
        earlier = pd.read_csv(file)
        done = set(zip(*(found[key].astype(str) for key in keys), strict=True))
        kept = [of not in done for of in zip(*(earlier[key].astype(str) for key in keys), strict=True)]
        found = pd.concat([earlier[kept], found]) if len(found) else earlier
    found.to_csv(file, index=False)
    return pd.read_csv(file)


def trainings(dataset: str, short: dict[str, str], every: int = 1) -> pd.DataFrame:
    """Each training's commit of the package and its loss (cross-entropy minus soft Dice), the mean over each
    `every`-th epoch."""
    rows = []
    for model, name in short.items():
        for path in sorted(Path(os.environ["nnUNet_results"]).glob(f"seed*/{dataset}/{model}/fold_*")):
            checkpoint = path / "checkpoint_final.pth"
            if checkpoint.is_file():
                log = torch.load(checkpoint, map_location="cpu", weights_only=False)["logging"]
                kept = " ".join(f"{loss:.3f}" for loss in log["train_losses"][every - 1 :: every])
                seed, fold = path.parents[2].name.removeprefix("seed"), path.name.removeprefix("fold_")
                rows.append((name, seed, fold, (path / "commit.txt").read_text(), kept))
    return pd.DataFrame(rows, columns=["model", "seed", "fold", "commit", "losses"])


def commits(trained: pd.DataFrame) -> str:
    """Of the package's source at each training."""
    return ", ".join(sorted(trained.commit.unique()))


def losses(trained: pd.DataFrame, every: int = 1) -> str:
    """The losses on fold 0 of `trainings`, as a table."""
    of_fold = trained[trained.fold.astype(str) == "0"]
    rows = [(row.model, str(row.seed), *row.losses.split()) for row in of_fold.itertuples()]
    epochs = max(len(row) for row in rows) - 2
    columns = ("model", "seed", *(f"epoch {every * (n + 1)}" for n in range(epochs)))
    filled = tuple(row + ("",) * (epochs + 2 - len(row)) for row in rows)
    return Table(
        "Training loss", columns, filled, "Cross-entropy minus soft Dice, mean over the epoch."
    ).markdown()


def folds_table(title: str, cases: pd.DataFrame, reference: str, chosen_on: int) -> str:
    """Models of several folds against `reference`: in each fold, in all but that of the choice, and in all."""
    folds_of = {model: set(own.fold) for model, own in cases.groupby("model", sort=False)}
    rows = []
    for model, folds in folds_of.items():
        shared = sorted(folds & folds_of.get(reference, set()))
        if model == reference or len(shared) < 2:
            continue
        others = [fold for fold in shared if fold != chosen_on]
        groups = {str(fold): [fold] for fold in shared}
        groups |= ({f"all but {chosen_on}": others} if len(others) > 1 else {}) | {"all": shared}
        for name, group in groups.items():
            own = cases[cases.fold.isin(group)]
            found = paired(own, model, reference, MEAN)
            dice = (mean_sd(patient_figures(own, m, MEAN).values()) for m in (reference, model))
            counts = f"{found.wins} / {found.ties} / {found.losses}"
            rows.append((name, model, *dice, str(found.difference), str(found.n), counts, f"{found.p:.3g}"))
    if not rows:
        return f"{title}: not run yet."
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
