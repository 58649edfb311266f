"""Turn `depths.csv` of `run.py` into `README.md` and `depths.png` beside this file: python report.py"""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from nnunet_slice_attention.environment import hardware, versions

HERE = Path(__file__).parent
# Told apart with any colour vision.
STYLES = (("o", "#0072B2"), ("s", "#D55E00"), ("^", "#009E73"), ("D", "#CC79A7"))


def main() -> None:
    with (HERE / "depths.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seconds, memory = defaultdict(list), defaultdict(list)
    for row in rows:
        key = row["trainer"], int(row["depth"])
        seconds[key].append(float(row["seconds"]))
        memory[key].append(float(row["peak_mb"]) - float(row["result_mb"]))
    trainers = list(dict.fromkeys(trainer for trainer, _ in seconds))
    depths = sorted({depth for _, depth in seconds})
    text = (HERE / "text.md").read_text(encoding="utf-8")
    per_slice = {key: [1000 * s / key[1] for s in values] for key, values in seconds.items()}
    page = text.format(
        time=table(per_slice, trainers, depths),
        memory=table(memory, trainers, depths),
        repeats=len({row["repeat"] for row in rows}),
        versions=versions(),
        hardware=hardware(),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    figure(seconds, memory, trainers, depths).savefig(HERE / "depths.png", dpi=120)
    print(page)


def table(values: dict, trainers: list[str], depths: list[int]) -> str:
    """Median over the repeats, in brackets the smallest and the largest."""
    lines = [f"| trainer | {' | '.join(f'{d} slices' for d in depths)} |", "|" + "---|" * (len(depths) + 1)]
    for trainer in trainers:
        cells = [values[trainer, depth] for depth in depths]
        cells = [f"{median(c):.0f} [{min(c):.0f}, {max(c):.0f}]" for c in cells]
        lines.append(f"| {trainer} | {' | '.join(cells)} |")
    return "\n".join(lines)


def figure(seconds: dict, memory: dict, trainers: list[str], depths: list[int]) -> Figure:
    result = Figure(figsize=(10, 4), layout="constrained")
    titles = {"prediction [s]": seconds, "peak memory beyond the result [MB]": memory}
    for axis, (title, values) in zip(result.subplots(1, 2), titles.items(), strict=True):
        for trainer, (marker, colour) in zip(trainers, STYLES, strict=True):
            points = [(depth, v) for depth in depths for v in values[trainer, depth]]
            axis.plot(*zip(*points, strict=True), marker, color=colour, alpha=0.5, label=trainer)
            axis.plot(depths, [median(values[trainer, depth]) for depth in depths], color=colour, lw=1)
        axis.set(xlabel="slices of the volume", ylabel=title)
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return result


if __name__ == "__main__":
    main()
