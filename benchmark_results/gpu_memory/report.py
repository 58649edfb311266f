"""Turn `memory.csv` into `README.md` beside this file: python report.py"""

from pathlib import Path

import pandas as pd

from nnunet_slice_attention.environment import versions
from nnunet_slice_attention.report.tables import Table

HERE = Path(__file__).parent


def main() -> None:
    memory = pd.read_csv(HERE / "memory.csv")
    stock = memory[memory.trainer == "nnUNetTrainer"].iloc[0]
    rows = tuple(
        (
            row.trainer,
            f"{row.batch_size} x {row.patch}",
            f"{row.training_gb:.1f}",
            f"{row.training_gb / stock.training_gb:.2f}",
            f"{row.online_validation_gb:.1f}",
        )
        for row in memory.itertuples()
    )
    columns = ("trainer", "batch", "training step [GB]", "times nnU-Net 2D", "online validation [GB]")
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(table=Table("Peak", columns, rows).markdown(), versions=versions())
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
