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
from nnunet_slice_attention.model_name import short_names
from nnunet_slice_attention.report.differences import paired
from nnunet_slice_attention.report.figures import difference_figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from network_tables import (  # noqa: E402
    TRAINING,
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

DATASET = "Dataset504_HippocampusEvery3"
CHOSEN_ON = 0  # the fold on which CSA-Net was ahead after 750 iterations
CSA = "nnUNetTrainerCSANet_12blocks_20epochs 2d"
LONGER = "nnUNetTrainer_50epochs 2d"
CSA_LONGER = "nnUNetTrainerCSANet_12blocks_50epochs 2d"
FOUR_BLOCKS = "nnUNetTrainerCSANet_4blocks_20epochs 2d"
REFERENCES = (
    "nnUNetTrainer_20epochs 2d",
    LONGER,
    "nnUNetTrainer_20epochs 3d_fullres",
    "nnUNetTrainerCSANet_12blocks_RepeatCentre_20epochs 2d",
)


def main() -> None:
    planned = [
        name
        for file in ("models", "longer", "fewer_blocks")
        for name in (HERE / f"{file}.txt").read_text("utf-8").split()
    ]
    short = short_names(planned)
    folders, found = read("thick_hippocampus", short)
    if not folders:
        raise SystemExit(f"{os.environ['nnUNet_results']} holds no comparison. Start run.sh first.")
    cases = merge_into(HERE / "cases.csv", found)
    on_folds = [read(f"thick_hippocampus_{name}", short)[1] for name in ("folds", "second_fold")]
    every_fold = merge_into(HERE / "every_fold.csv", once(pd.concat(on_folds)))
    trained = merge_into(HERE / "trainings.csv", trainings(DATASET, short, every=2))
    by_seed = each_seed_a_case(cases)
    of_folds = each_seed_a_case(once(pd.concat([cases, every_fold])))
    two_folds = of_folds[of_folds.fold.isin((0, 1))]
    models = list(cases.model.unique())
    difference_figure(by_seed, models, REFERENCES[0]).savefig(HERE / "differences.png", dpi=150)
    manifest = json.loads((folders[0] / "manifest.json").read_text())
    page = (
        (HERE / "text.md")
        .read_text(encoding="utf-8")
        .format(
            accuracy=accuracy(by_seed, models),
            differences="\n".join(differences(by_seed, models, ref) for ref in REFERENCES if ref in models),
            losses=losses(trained, every=2),
            neighbours=paired(by_seed, CSA, REFERENCES[3], MEAN),
            equal_time=paired(by_seed, CSA, LONGER, MEAN),
            long=paired(by_seed, CSA_LONGER, LONGER, MEAN),
            blocks=paired(two_folds, FOUR_BLOCKS, CSA, MEAN),
            default=paired(two_folds, FOUR_BLOCKS, REFERENCES[0], MEAN),
            default_time=paired(two_folds, FOUR_BLOCKS, LONGER, MEAN),
            against_3d=paired(by_seed, CSA, REFERENCES[2], MEAN),
            folds="\n".join(
                folds_table(f"Folds, against {reference}", of_folds, reference, CHOSEN_ON)
                for reference in (REFERENCES[0], LONGER)
            ),
            missing=", ".join(short[model] for model in planned if short[model] not in models) or "none",
            patients=cases.patient.nunique(),
            commits=commits(trained),
            versions=manifest["versions"],
            hardware=manifest["hardware"],
        )
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def once(cases: pd.DataFrame) -> pd.DataFrame:
    """Each case of a training once, though several comparisons have it."""
    return cases.drop_duplicates([*TRAINING, "case", "structure"])


if __name__ == "__main__":
    main()
