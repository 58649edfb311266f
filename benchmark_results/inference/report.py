"""Turn `times.csv` of `run.py` into `README.md` beside this file: python report.py"""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import median

from nnunet_slice_attention.environment import hardware, versions

HERE = Path(__file__).parent
DEEP = "deep"
BASELINE = ("nnUNetTrainer", "2d")


def main() -> None:
    with (HERE / "times.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seconds = defaultdict(dict)
    for row in rows:
        model = row["trainer"], row["configuration"]
        seconds[model, row["way"]][row["repeat"], row["case"]] = float(row["seconds"])
    gmac = {(row["trainer"], row["configuration"]): float(row["gmac_per_slice"]) for row in rows}
    slices = {row["case"]: int(row["slices"]) for row in rows if row["configuration"] == BASELINE[1]}
    text = (HERE / "text.md").read_text(encoding="utf-8")
    shallow = {case: n for case, n in slices.items() if case != DEEP}
    page = text.format(
        shallow=table(seconds, gmac, shallow),
        deep=table(seconds, gmac, {DEEP: slices[DEEP]}),
        depth=slices[DEEP],
        repeats=len({row["repeat"] for row in rows}),
        volumes=", ".join(f"{case} ({n} slices)" for case, n in shallow.items()),
        versions=versions(),
        hardware=hardware(),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def table(seconds: dict, gmac: dict, slices: dict[str, int]) -> str:
    """One row a model, from the times of the volumes in `slices`."""
    seconds = {
        model: {key: s for key, s in times.items() if key[1] in slices} for model, times in seconds.items()
    }
    lines = [
        "| trainer | configuration | GMAC a slice, ratio to 2D | ms a slice | ratio to nnU-Net 2D | stock / predict | "
        "re-encoding / predict |",
        "|" + "---|" * 7,
    ]
    for model in gmac:
        way = "predict" if (model, "predict") in seconds else "stock"
        of_way = seconds[model, way]
        per_slice = median(1000 * s / slices[case] for (_, case), s in of_way.items())
        cells = [
            *model,
            f"{gmac[model] / gmac[BASELINE]:.2f}",
            f"{per_slice:.0f}",
            ratio(of_way, seconds[BASELINE, "stock"]),
        ]
        for other in ("stock", "re-encoding"):
            cells.append(ratio(seconds[model, other], of_way) if way == "predict" else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio(times: dict, others: dict) -> str:
    """Median ratio over repeats and volumes, each pair measured one after the other, with its smallest and largest."""
    ratios = [times[key] / others[key] for key in times]
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


if __name__ == "__main__":
    main()
