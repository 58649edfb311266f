"""Add what `run.py` compared to `cases.csv`, and make `spacings.png` and `README.md` of it all: python report.py"""

import json
import os
import sys
from pathlib import Path

import pandas as pd
from make_data import NAME, TESTED, TRAINED
from run import LISTS

from nnunet_slice_attention.evaluation.statistics import paired_difference
from nnunet_slice_attention.model_name import short_names
from nnunet_slice_attention.report.accuracy import MEAN, patient_figures
from nnunet_slice_attention.report.figures import spacing_figure
from nnunet_slice_attention.report.tables import mean_sd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from network_tables import merge_into  # noqa: E402

COLUMNS = ["model", "patient", "case", "structure", "spacing_mm", "dice"]
BASELINE = "nnUNetTrainer_20epochs 2d"


def main() -> None:
    comparison = Path(os.environ["nnUNet_results"], "seed0", NAME, "comparison")
    cases = pd.read_csv(comparison / "cases.csv")[COLUMNS]
    short = short_names([name for file in LISTS for name in file.read_text(encoding="utf-8").split()])
    cases = cases.assign(model=cases.model.map(short), dice=cases.dice.round(5))
    cases = merge_into(HERE / "cases.csv", cases, keys=["model"])
    models = list(cases.model.unique())
    spacing_figure(cases, models).savefig(HERE / "spacings.png", dpi=150)
    dice = dice_of(cases)
    short = dice_of(pd.read_csv(HERE / "short_training.csv"))
    short_models = list(dict.fromkeys(model for model, _ in short))
    manifest = json.loads((comparison / "manifest.json").read_text())
    page = (
        (HERE / "text.md")
        .read_text(encoding="utf-8")
        .format(
            n=len(dice[models[0], TRAINED]),
            dice=table("Dice at", models, TESTED, lambda model, every: mean_sd(dice[model, every].values())),
            change=changes(dice, models),
            short=table(
                "Dice at",
                short_models,
                TESTED,
                lambda model, every: mean_sd(short[model, every].values()),
            ),
            short_change=changes(short, short_models),
            difference=table(
                f"minus {BASELINE}, at",
                [model for model in models if model != BASELINE],
                TESTED,
                lambda model, every: str(paired_difference(dice[BASELINE, every], dice[model, every])),
            ),
            versions=f"{manifest['versions']}, commit {manifest['commit']}",
            hardware=manifest["hardware"],
        )
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def dice_of(cases: pd.DataFrame) -> dict[tuple[str, int], dict[str, float]]:
    """{(model, every k-th slice): {patient: Dice}}"""
    return {
        (model, every): patient_figures(cases[cases.spacing_mm.round() == every], model, MEAN)
        for model in cases.model.unique()
        for every in TESTED
    }


def changes(dice: dict[tuple[str, int], dict[str, float]], models: list[str]) -> str:
    return table(
        "change to",
        models,
        [every for every in TESTED if every != TRAINED],
        lambda model, every: str(paired_difference(dice[model, TRAINED], dice[model, every])),
    )


def table(title: str, models: list[str], spacings: list[int], cell) -> str:
    lines = [
        f"| model | {' | '.join(f'{title} {every} mm' for every in spacings)} |",
        "|---" * (len(spacings) + 1) + "|",
    ]
    lines += [f"| {model} | {' | '.join(cell(model, every) for every in spacings)} |" for model in models]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
