"""Turn the validated runs of `../run.py` on the phantom into `README.md` beside this file.

export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
nnunet-slice-attention phantom -d 999
nnUNetv2_plan_and_preprocess -d 999 -c 2d
nnunet-slice-attention plan-compact -d 999 --batch-size 4
python ../run.py --dataset 999 --epochs 5 --trainers trainers.txt
python report.py
"""

import json
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from statistics import mean, stdev

HERE = Path(__file__).parent
CLASSES = {"1": "vessel", "2": "nodule"}


def main() -> None:
    found = sorted(
        Path(os.environ["nnUNet_results"]).glob("seed*/Dataset999_*/*/fold_0/validation/summary.json")
    )
    if not found:
        raise SystemExit(
            f"{os.environ['nnUNet_results']} holds no validated run on data set 999. Start run.py first."
        )
    lines = [
        "| trainer | seed | n volumes | Dice vessel | Dice nodule | pseudo Dice after each epoch |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row(summary) for summary in found]
    versions = ", ".join(f"{p} {version(p)}" for p in ("nnunetv2", "torch", "dynamic-network-architectures"))
    text = (HERE / "text.md").read_text(encoding="utf-8")
    versions = f"Python {platform.python_version()}, {versions}; CPU only"
    (HERE / "README.md").write_text(text.format(table="\n".join(lines), versions=versions), encoding="utf-8")
    print((HERE / "README.md").read_text(encoding="utf-8"))


def row(summary: Path) -> str:
    """One run: Dice of whole validation volumes, mean and SD over volumes, and how it got there."""
    fold = summary.parents[1]
    cases = json.loads(summary.read_text())["metric_per_case"]
    dice = [[case["metrics"][label]["Dice"] for case in cases] for label in CLASSES]
    cells = [f"{mean(d):.3f} ± {stdev(d):.3f}" for d in dice]
    log = "".join(p.read_text() for p in sorted(fold.glob("training_log_*.txt")))
    epochs = [re.findall(r"float32\(([\d.e-]+)\)", line) for line in re.findall(r"Pseudo dice \[(.+)\]", log)]
    course = ", ".join(f"{mean(map(float, values)):.2f}" for values in epochs)
    trainer, seed = fold.parent.name.split("__")[0], fold.parents[2].name.removeprefix("seed")
    return f"| {trainer} | {seed} | {len(cases)} | {cells[0]} | {cells[1]} | {course} |"


if __name__ == "__main__":
    main()
