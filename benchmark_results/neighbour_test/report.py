"""Add `run.sh`'s comparisons on a data set to `DATASET.csv`, and put those of all into `README.md` beside this file.

python report.py OUT/DATASET
"""

import json
import sys
from pathlib import Path

import pandas as pd

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.report.accuracy import MEAN, patient_figures
from nnunet_slice_attention.report.differences import paired
from nnunet_slice_attention.report.tables import Table, mean_sd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from network_tables import merge_into  # noqa: E402

COLUMNS = ["trainer", "model", "patient", "case", "structure", "dice"]


def main() -> None:
    out = Path(sys.argv[1])
    folders = sorted(out.glob("*/compared"))
    cases = pd.concat(
        [pd.read_csv(folder / "cases.csv").assign(trainer=folder.parent.name) for folder in folders]
    )
    merge_into(HERE / f"{out.name}.csv", cases[COLUMNS].round(5), keys=["trainer"])
    notes = HERE / "made_with.json"
    made_with = json.loads(notes.read_text()) | {out.name: f"{versions()}. {hardware()}."}
    notes.write_text(json.dumps(made_with, indent=2) + "\n")
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(
        tables="\n".join(table(path) for path in sorted(HERE.glob("*.csv"))),
        made_with="\n\n".join(f"{dataset}: {made}" for dataset, made in sorted(made_with.items())),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def table(path: Path) -> str:
    """Of one data set."""
    cases = pd.read_csv(path)
    rows = []
    for trainer in cases.trainer.unique():
        own = cases[cases.trainer == trainer]
        dice = [mean_sd(patient_figures(own, model, MEAN).values()) for model in ("own", "repeat", "shuffle")]
        changes = [str(paired(own, model, "own", MEAN).difference) for model in ("repeat", "shuffle")]
        rows.append((trainer, *dice, *changes))
    columns = ("trainer", "own", "repeat", "shuffle", "repeat minus own", "shuffle minus own")
    note = f"Fold 0: {cases.case.nunique()} validation volumes of {cases.patient.nunique()} patients."
    return Table(path.stem, columns, tuple(rows), note).markdown()


if __name__ == "__main__":
    main()
