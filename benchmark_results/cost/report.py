"""Put `README.md` together from `text.md`, `steps.csv` and what the verb `cost` wrote beside it: python report.py"""

import csv
import json
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import bootstrap
from steps import MODELS

HERE = Path(__file__).parent


def main() -> None:
    manifest = json.loads((HERE / "cost.json").read_text(encoding="utf-8"))
    job = next(iter(manifest["jobs"].values()))
    steps, rounds = step_table()
    of_steps = json.loads((HERE / "steps.json").read_text(encoding="utf-8"))
    page = (
        (HERE / "text.md")
        .read_text(encoding="utf-8")
        .format(
            steps=steps,
            rounds=rounds,
            steps_made_with=f"{of_steps['versions']}, commit {of_steps['commit']}. {of_steps['hardware']}",
            table=(HERE / "cost.md").read_text(encoding="utf-8").replace("__nnUNetCompactPlans__", " "),
            repeats=manifest["repeats"],
            iterations=job["iterations"],
            versions=f"{manifest['versions']}, commit {manifest['commit']}",
            hardware=manifest["hardware"],
        )
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def step_table() -> tuple[str, int]:
    """(Markdown of `steps.csv`, rounds): the median ratio to the first model with its 95 % bootstrap interval."""
    seconds, slices = defaultdict(dict), {}
    with (HERE / "steps.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            model = f"{row['trainer']} {row['configuration']}"
            slices[model] = int(row["slices"])
            seconds[model][row["round"]] = float(row["seconds"]) / slices[model]
    baseline = seconds["nnUNetTrainer 2d"]
    lines = [
        "| model | slices that learn | step, ms | ms a slice | ratio [95 % CI] | middle half of the ratios |",
        "|---|---|---|---|---|---|",
    ]
    for model in (" ".join(names) for names in MODELS):
        by_round = seconds[model]
        ratios = np.array([value / baseline[number] for number, value in by_round.items()])
        ratio = f"{np.median(ratios):.2f}"
        if by_round is not baseline:
            interval = bootstrap((ratios,), np.median, method="percentile", rng=0).confidence_interval
            ratio += f" [{interval.low:.2f}, {interval.high:.2f}]"
        low, high = np.percentile(ratios, (25, 75))
        ms = 1000 * median(by_round.values())
        cells = (
            model,
            slices[model],
            f"{ms * slices[model]:.0f}",
            f"{ms:.1f}",
            ratio,
            f"{low:.2f} to {high:.2f}",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines), len(baseline)


if __name__ == "__main__":
    main()
