"""Turn the validated runs of `../run.py` on quickstart's phantom into `runs.csv` and `README.md` beside this file.

export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
nnunet-slice-attention phantom -o $nnUNet_raw -d 999 --cases 30 --test-cases 8 --seed 0
nnUNetv2_plan_and_preprocess -d 999 -c 2d
nnunet-slice-attention plan-compact -d 999 --batch-size 4 --features 128 --convs 1
python ../run.py --dataset 999 --epochs 5 --seeds 0 1 2 --trainers trainers.txt
python report.py
"""

import csv
import os
import re
from pathlib import Path
from statistics import mean, stdev

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.evaluation.nnunet_summary import read_dice

HERE = Path(__file__).parent
TRAINERS = (HERE / "trainers.txt").read_text(encoding="utf-8").split()
CLASSES = {"1": "vessel", "2": "nodule"}


def main() -> None:
    found = sorted(
        Path(os.environ["nnUNet_results"]).glob("seed*/Dataset999_*/*/fold_0/validation/summary.json")
    )
    if not found:
        raise SystemExit(
            f"{os.environ['nnUNet_results']} holds no validated run on data set 999. Start run.py first."
        )
    runs = sorted(
        (run(summary) for summary in found), key=lambda r: (TRAINERS.index(r["trainer"]), r["seed"])
    )
    with (HERE / "runs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(runs[0]))
        writer.writeheader()
        writer.writerows(runs)

    columns = ["trainer", "seed", "volumes", *CLASSES.values(), "online"]
    titles = ["trainer", "seed", "volumes", *(f"Dice {c}" for c in CLASSES.values()), "pseudo Dice by epoch"]
    lines = [titles, ["---"] * len(titles), *([r[c] for c in columns] for r in runs)]
    table = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(table=table, versions=versions(), hardware=hardware())
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def run(summary: Path) -> dict[str, object]:
    """One run: Dice of whole validation volumes, mean and SD over volumes, and how it got there."""
    fold = summary.parents[1]
    cases = read_dice(summary, CLASSES)
    log = "".join(p.read_text() for p in sorted(fold.glob("training_log_*.txt")))
    epochs = [re.findall(r"float32\(([\d.e-]+)\)", line) for line in re.findall(r"Pseudo dice \[(.+)\]", log)]
    dice = {name: [case[name] for case in cases.values()] for name in CLASSES.values()}
    return {
        "trainer": fold.parent.name.split("__")[0],
        "seed": int(fold.parents[2].name.removeprefix("seed")),
        "commit": (fold / "commit.txt").read_text().strip(),
        "volumes": len(cases),
        **{name: f"{mean(values):.3f} ± {stdev(values):.3f}" for name, values in dice.items()},
        "online": ", ".join(f"{mean(map(float, values)):.2f}" for values in epochs),
    }


if __name__ == "__main__":
    main()
