"""Turn `times.csv` of `run.py` and `macs.csv` of `macs.py` into `README.md` beside this file: python report.py"""

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
    seconds, limit = defaultdict(dict), {}
    for row in rows:
        model = row["trainer"], row["configuration"]
        seconds[model, row["way"]][row["repeat"], row["case"]] = float(row["seconds"])
    gmac = {(row["trainer"], row["configuration"]): float(row["gmac_per_slice"]) for row in rows}
    with (HERE / "macs.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            limit[row["trainer"], "2d"] = float(row["gmac_re_encoding"]) / float(row["gmac_once"])
    slices = {row["case"]: int(row["slices"]) for row in rows if row["configuration"] == BASELINE[1]}
    text = (HERE / "text.md").read_text(encoding="utf-8")
    shallow = {case: n for case, n in slices.items() if case != DEEP}
    page = text.format(
        shallow=table(seconds, gmac, limit, shallow),
        deep=table(seconds, gmac, limit, {DEEP: slices[DEEP]}),
        depth=slices[DEEP],
        repeats=len({row["repeat"] for row in rows}),
        volumes=", ".join(f"{case} ({n} slices)" for case, n in shallow.items()),
        versions=versions(),
        hardware=hardware(),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def table(seconds: dict, gmac: dict, limit: dict, slices: dict[str, int]) -> str:
    """One row a model, from the times of the volumes in `slices`."""
    seconds = {
        model: {key: s for key, s in times.items() if key[1] in slices} for model, times in seconds.items()
    }
    lines = [
        "| trainer | configuration | GMAC a slice, ratio to 2D | ms a slice | ratio to nnU-Net 2D | stock / predict | "
        "re-encoding / predict | the same in multiply-adds |",
        "|" + "---|" * 8,
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
        cells.append(f"{limit[model]:.2f}" if model in limit else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio(times: dict, others: dict) -> str:
    """Median ratio over repeats and volumes, each pair measured one after the other, with its smallest and largest."""
    ratios = [times[key] / others[key] for key in times]
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


if __name__ == "__main__":
    main()
