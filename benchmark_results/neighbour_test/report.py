"""Turn the comparisons of `run.sh` into `cases.csv` and `README.md` beside this file: python report.py OUT"""

import sys
from pathlib import Path

import pandas as pd

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.report.differences import paired
from nnunet_slice_attention.report.summary import MEAN, patient_figures
from nnunet_slice_attention.report.tables import Table, mean_sd

HERE = Path(__file__).parent
COLUMNS = ["trainer", "model", "patient", "case", "structure", "dice"]


def main() -> None:
    folders = sorted(Path(sys.argv[1]).glob("*/compared"))
    by_trainer = {folder.parent.name: pd.read_csv(folder / "cases.csv") for folder in folders}
    cases = pd.concat([cases.assign(trainer=trainer) for trainer, cases in by_trainer.items()])
    cases[COLUMNS].round(5).to_csv(HERE / "cases.csv", index=False)
    rows = []
    for trainer, own in by_trainer.items():
        dice = [mean_sd(patient_figures(own, model, MEAN).values()) for model in ("own", "repeat", "shuffle")]
        changes = [str(paired(own, model, "own", MEAN).difference) for model in ("repeat", "shuffle")]
        rows.append((trainer, *dice, *changes))
    columns = ("trainer", "own", "repeat", "shuffle", "repeat minus own", "shuffle minus own")
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(
        table=Table("Dice", columns, tuple(rows)).markdown(),
        volumes=cases.case.nunique(),
        patients=cases.patient.nunique(),
        versions=versions(),
        hardware=hardware(),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
