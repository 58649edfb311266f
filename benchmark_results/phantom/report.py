"""Turn the finished runs of `../run.py` on the phantom into `cases.csv` and `README.md`.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnunet-slice-attention phantom -d 999
    nnUNetv2_plan_and_preprocess -d 999 -c 2d
    nnunet-slice-attention plan-compact -d 999 --batch-size 4
    python ../run.py --dataset 999 --epochs 5 --seeds 0 1 2 --trainers trainers.txt
    python report.py [FOLDER]

FOLDER, by default this file's own, holds `trainers.txt` and `text.md`, and gets the other two. Runs that are in
`cases.csv` already and whose results are no longer there stay in the table.
"""

import csv
import os
import sys
from pathlib import Path
from statistics import mean, stdev

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.evaluation.nnunet_summary import read_dice

HERE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
TRAINERS = (HERE / "trainers.txt").read_text(encoding="utf-8").split()
CLASSES = {"1": "vessel", "2": "nodule"}
COLUMNS = ["trainer", "seed", "commit", "case", *CLASSES.values()]


def main() -> None:
    found = Path(os.environ["nnUNet_results"]).glob("seed*/Dataset999_*/*/fold_0/validation/summary.json")
    cases = [row for summary in sorted(found) for row in read_cases(summary) if row["trainer"] in TRAINERS]
    here = {(row["trainer"], row["seed"]) for row in cases}
    cases += [row for row in earlier_cases() if (row["trainer"], row["seed"]) not in here]
    if not cases:
        raise SystemExit(
            f"{os.environ['nnUNet_results']} holds no run on data set 999. Start ../run.py first."
        )
    cases.sort(key=lambda row: (TRAINERS.index(row["trainer"]), row["seed"], row["case"]))
    with (HERE / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(cases)
    text = (HERE / "text.md").read_text(encoding="utf-8")
    done = {(row["trainer"], row["seed"]) for row in cases}
    missing = (
        ", ".join(f"{t} (seed {s})" for s in (0, 1, 2) for t in TRAINERS if (t, s) not in done) or "none"
    )
    page = text.format(table=table(cases), missing=missing, versions=versions(), hardware=hardware())
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def read_cases(summary: Path) -> list[dict]:
    fold = summary.parents[1]
    run = {
        "trainer": fold.parent.name.split("__")[0],
        "seed": int(fold.parents[2].name.removeprefix("seed")),
        "commit": (fold / "commit.txt").read_text(),
    }
    return [run | {"case": case} | dice for case, dice in read_dice(summary, CLASSES).items()]


def earlier_cases() -> list[dict]:
    path = HERE / "cases.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row | {"seed": int(row["seed"])} | {c: float(row[c]) for c in CLASSES.values()} for row in rows]


def table(cases: list[dict]) -> str:
    lines = ["| trainer | seeds | volumes a seed | Dice vessel | Dice nodule | both |", "|" + "---|" * 6]
    for trainer in dict.fromkeys(row["trainer"] for row in cases):
        rows = [row for row in cases if row["trainer"] == trainer]
        seeds = sorted({row["seed"] for row in rows})
        of_seed = [[row for row in rows if row["seed"] == seed] for seed in seeds]
        by_class = {c: [mean(row[c] for row in runs) for runs in of_seed] for c in CLASSES.values()}
        both = [mean(values) for values in zip(*by_class.values(), strict=True)]
        cells = [over_seeds(values) for values in (*by_class.values(), both)]
        lines.append(f"| {trainer} | {len(seeds)} | {len(of_seed[0])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def over_seeds(values: list[float]) -> str:
    return f"{mean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


if __name__ == "__main__":
    main()
