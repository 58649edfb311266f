"""Turn the comparisons of `run.sh` into the CSV files, `differences.png` and `README.md` beside this file.

export nnUNet_results=...   # the folder run.sh wrote to
python report.py
"""

import json
import os
import sys
from pathlib import Path

import pandas as pd

from nnunet_slice_attention.evaluation.scores import MEAN
from nnunet_slice_attention.evaluation.statistics import smallest_p
from nnunet_slice_attention.model_name import short_names
from nnunet_slice_attention.report.differences import paired
from nnunet_slice_attention.report.figures import difference_figure
from nnunet_slice_attention.report.tables import Table

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from network_tables import (  # noqa: E402
    accuracy,
    commits,
    differences,
    each_seed_a_case,
    folds_table,
    losses,
    merge_into,
    read,
    trainings,
)

DATASET = "Dataset027_ACDC40"
CHOSEN_ON = 0  # the fold that slabs and optimiser were chosen on
REFERENCES = (
    "nnUNetTrainer_10epochs 2d",
    "nnUNetTrainer_10epochs 3d_fullres",
    "nnUNetTrainerTSFMUNet_RepeatCentre_10epochs 2d",
)


def main() -> None:
    planned = (HERE / "models.txt").read_text(encoding="utf-8").split()
    short = short_names(planned)
    folders, found = read("comparison", short)
    if not folders:
        raise SystemExit(f"{os.environ['nnUNet_results']} holds no comparison. Start run.sh first.")
    cases = merge_into(HERE / "cases.csv", found)
    every_fold = merge_into(HERE / "every_fold.csv", read("comparison_folds", short)[1])
    second_fold = merge_into(HERE / "second_fold.csv", read("comparison_second_fold", short)[1])
    trained = merge_into(HERE / "trainings.csv", trainings(DATASET, short))
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
        losses=losses(trained),
        every_fold=folds_table("Other folds", each_seed_a_case(every_fold), REFERENCES[0], CHOSEN_ON),
        second_fold=folds_table(
            "SAU-Net on a second fold", each_seed_a_case(second_fold), REFERENCES[0], CHOSEN_ON
        ),
        short_slabs=short_slabs(by_seed, [short[model] for model in planned]),
        missing=", ".join(short[model] for model in planned if short[model] not in models) or "none",
        seeds=cases.seed.nunique(),
        volumes=cases.case.nunique(),
        patients=cases.patient.nunique(),
        least=smallest_p(cases.patient.nunique(), len(models) - 1),
        commits=commits(trained),
        versions=manifest["versions"],
        hardware=manifest["hardware"],
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


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


if __name__ == "__main__":
    main()
