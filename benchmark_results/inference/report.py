"""Turn `times.csv` of `run.py` into `README.md` beside this file: python report.py"""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import median

from nnunet_slice_attention.benchmark.environment import hardware, versions

HERE = Path(__file__).parent
BASELINE = ("nnUNetTrainer", "stock")


def main() -> None:
    with (HERE / "times.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seconds = defaultdict(dict)
    for row in rows:
        seconds[row["trainer"], row["way"]][row["repeat"], row["case"]] = float(row["seconds"])
    gmac = {row["trainer"]: float(row["gmac_per_slice"]) for row in rows}
    slices = {row["case"]: int(row["slices"]) for row in rows}
    lines = [
        "| trainer | GMAC a slice, ratio to 2D | ms a slice | ratio to nnU-Net 2D | stock / predict | "
        "re-encoding / predict |",
        "|" + "---|" * 6,
    ]
    for trainer in gmac:
        way = "stock" if trainer == BASELINE[0] else "predict"
        of_way = seconds[trainer, way]
        per_slice = median(1000 * s / slices[case] for (_, case), s in of_way.items())
        cells = [
            trainer,
            f"{gmac[trainer] / gmac[BASELINE[0]]:.2f}",
            f"{per_slice:.0f}",
            ratio(of_way, seconds[BASELINE]),
        ]
        for other in ("stock", "re-encoding"):
            cells.append(ratio(seconds[trainer, other], of_way) if way == "predict" else "")
        lines.append(f"| {' | '.join(cells)} |")
    page = (HERE / "text.md").read_text(encoding="utf-8")
    page = page.format(
        table="\n".join(lines),
        repeats=len({row["repeat"] for row in rows}),
        volumes=", ".join(f"{case} ({n} slices)" for case, n in slices.items()),
        versions=versions(),
        hardware=hardware(),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def ratio(times: dict, others: dict) -> str:
    """Median ratio over repeats and volumes, each pair measured one after the other, with its smallest and largest."""
    ratios = [times[key] / others[key] for key in times]
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


if __name__ == "__main__":
    main()
