"""Turn the comparisons of `run.sh` into the CSV files, `differences.png` and `README.md` beside this file.

export nnUNet_results=...   # the folder run.sh wrote to
python report.py
"""

import json
import os
from pathlib import Path

import pandas as pd
import torch

from nnunet_slice_attention.evaluation.segmentations import FOREGROUND
from nnunet_slice_attention.evaluation.statistics import smallest_p
from nnunet_slice_attention.report.differences import difference_table, paired
from nnunet_slice_attention.report.figures import difference_figure
from nnunet_slice_attention.report.names import short_names
from nnunet_slice_attention.report.summary import MEAN, patient_figures, structures_of
from nnunet_slice_attention.report.tables import Table, mean_sd

HERE = Path(__file__).parent
CHOSEN_ON = 0  # the fold that slabs and optimiser were chosen on
COLUMNS = ["model", "seed", "fold", "patient", "case", "structure", "presence", "dice", "nsd", "hd95"]
REFERENCES = (
    "nnUNetTrainer_10epochs 2d",
    "nnUNetTrainer_10epochs 3d_fullres",
    "nnUNetTrainerTSFMUNet_RepeatCentre_10epochs 2d",
)


def main() -> None:
    planned = (HERE / "models.txt").read_text(encoding="utf-8").split()
    short = short_names(planned)
    folders, cases = read("comparison", short)
    if not folders:
        raise SystemExit(f"{os.environ['nnUNet_results']} holds no comparison. Start run.sh first.")
    every_fold = read("comparison_folds", short)[1]
    second_fold = read("comparison_second_fold", short)[1]
    for name, found in (("cases", cases), ("every_fold", every_fold), ("second_fold", second_fold)):
        found.to_csv(HERE / f"{name}.csv", index=False)
    by_seed = each_seed_a_case(cases)
    models = list(cases.model.unique())
    difference_figure(by_seed, models, REFERENCES[0]).savefig(HERE / "differences.png", dpi=150)
    manifest = json.loads((folders[0] / "manifest.json").read_text())
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(
        accuracy=accuracy(by_seed, models),
        differences="\n".join(differences(by_seed, models, ref) for ref in REFERENCES if ref in models),
        remedy=paired(
            by_seed, *(f"nnUNetTrainerSAUNet{slabs}_10epochs 2d" for slabs in ("", "_ShortSlabs")), MEAN
        ),
        losses=losses(folders, short),
        every_fold=folds_table("Other folds", each_seed_a_case(every_fold)),
        second_fold=folds_table("SAU-Net on a second fold", each_seed_a_case(second_fold)),
        short_slabs=short_slabs(by_seed, [short[model] for model in planned]),
        missing=", ".join(short[model] for model in planned if short[model] not in models) or "none",
        seeds=cases.seed.nunique(),
        volumes=cases.case.nunique(),
        patients=cases.patient.nunique(),
        least=smallest_p(cases.patient.nunique(), len(models) - 1),
        commits=", ".join(sorted(set(commits()))),
        versions=manifest["versions"],
        hardware=manifest["hardware"],
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def read(name: str, short: dict[str, str]) -> tuple[list[Path], pd.DataFrame]:
    """The comparisons of this name of all seeds, and their cases."""
    folders = sorted(Path(os.environ["nnUNet_results"]).glob(f"seed*/{name}"))
    tables = [pd.DataFrame(columns=COLUMNS)]
    for folder in folders:
        cases = pd.read_csv(folder / "cases.csv").assign(seed=folder.parent.name.removeprefix("seed"))
        tables.append(cases.assign(model=cases.model.map(short))[COLUMNS].round(5))
    return folders, pd.concat(tables[1:] or tables)


def each_seed_a_case(cases: pd.DataFrame) -> pd.DataFrame:
    """Seeds of a volume become cases of its patient: figures are over patients, means over volumes and seeds."""
    return cases.assign(case=cases.case + " seed " + cases.seed)


def commits() -> list[str]:
    """Of the package's source at each training."""
    return [
        p.read_text()
        for p in Path(os.environ["nnUNet_results"]).glob("seed*/Dataset027_*/*/fold_*/commit.txt")
    ]


def losses(folders: list[Path], short: dict[str, str]) -> str:
    """nnU-Net's training loss (cross-entropy minus soft Dice), its mean over each epoch."""
    rows = []
    for folder in folders:
        for model, name in short.items():
            checkpoint = folder.parent / "Dataset027_ACDC40" / model / "fold_0" / "checkpoint_final.pth"
            if checkpoint.is_file():
                kept = torch.load(checkpoint, map_location="cpu", weights_only=False)["logging"][
                    "train_losses"
                ]
                rows.append(
                    (name, folder.parent.name.removeprefix("seed"), *(f"{loss:.3f}" for loss in kept))
                )
    epochs = max(len(row) for row in rows) - 2
    columns = ("model", "seed", *(f"epoch {n + 1}" for n in range(epochs)))
    return Table(
        "Training loss", columns, tuple(rows), "Cross-entropy minus soft Dice, mean over the epoch."
    ).markdown()


def short_slabs(by_seed: pd.DataFrame, planned: list[str]) -> str:
    """What the networks lost to nnU-Net 2D with an earlier sampling, each against the 2D training of its own time."""
    earlier = pd.read_csv(HERE / "short_slabs.csv")
    rows = []
    for model in earlier.model.unique():
        if model != REFERENCES[0] and model in planned:
            then = paired(earlier, model, REFERENCES[0], MEAN).difference
            done = model in set(by_seed.model)
            now = paired(by_seed, model, REFERENCES[0], MEAN).difference if done else "not run yet"
            rows.append((model, str(then), str(now)))
    columns = ("model", "before [95 % CI]", "now [95 % CI]")
    return Table(f"Dice minus that of {REFERENCES[0]}, before and after", columns, tuple(rows)).markdown()


def folds_table(title: str, cases: pd.DataFrame) -> str:
    """Models of several folds against nnU-Net 2D: in each fold, in those on which nothing was chosen, and in all."""
    if cases.empty:
        return f"{title}: not run yet."
    folds = sorted(cases.fold.unique())
    groups = {str(fold): [fold] for fold in folds}
    others = [fold for fold in folds if fold != CHOSEN_ON]
    groups |= ({f"all but {CHOSEN_ON}": others} if len(others) > 1 else {}) | {"all": folds}
    rows = []
    for name, group in groups.items():
        own = cases[cases.fold.isin(group)]
        for model in cases.model.unique():
            if model != REFERENCES[0]:
                found = paired(own, model, REFERENCES[0], MEAN)
                dice = (mean_sd(patient_figures(own, m, MEAN).values()) for m in (REFERENCES[0], model))
                counts = f"{found.wins} / {found.ties} / {found.losses}"
                rows.append(
                    (name, model, *dice, str(found.difference), str(found.n), counts, f"{found.p:.3g}")
                )
    columns = (
        "fold", "model", f"Dice of {REFERENCES[0]}", "Dice", "difference [95 % CI]", "n", "better / equal / worse",
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


if __name__ == "__main__":
    main()
