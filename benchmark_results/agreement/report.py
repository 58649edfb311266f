"""Turn the comparisons of `run.sh` into `cases.csv` and `README.md` beside this file: python report.py OUT"""

import sys
from pathlib import Path

import pandas as pd

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.report.tables import Table

HERE = Path(__file__).parent


def main() -> None:
    tables = sorted(Path(sys.argv[1]).glob("*/compared/cases.csv"))
    cases = pd.concat([pd.read_csv(path) for path in tables])[
        ["model", "case", "structure", "dice", "nsd", "hd"]
    ]
    cases.to_csv(HERE / "cases.csv", index=False)
    rows = []
    for (model, structure), own in cases.groupby(["model", "structure"], sort=False):
        figures = (
            f"{own.dice.mean():.4f}",
            f"{own.dice.min():.4f}",
            f"{own.nsd.mean():.4f}",
            f"{own.hd.max():.1f}",
        )
        rows.append((model, structure, str(own.case.nunique()), *figures))
    columns = (
        "trainer",
        "structure",
        "volumes",
        "Dice, mean",
        "Dice, lowest",
        "NSD at 2 mm, mean",
        "HD, largest [mm]",
    )
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(
        table=Table("Agreement", columns, tuple(rows)).markdown(), versions=versions(), hardware=hardware()
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
