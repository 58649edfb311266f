"""Turn the tables of `collect.py` and `step_cost.py` into `README.md` beside this file: python report.py"""

import json
from collections import defaultdict
from pathlib import Path
from statistics import median

import pandas as pd
from step_cost import STOCK, loaded_ratios, ratio

from nnunet_slice_attention.evaluation.runs import compare_runs
from nnunet_slice_attention.trainers.two_d_first import TWO_D_SHARE

HERE = Path(__file__).parent
STEPS = {"40 x 40, batch 12": "networks_514", "128 x 128, batch 6": "networks_27"}
SHARE_OF_2D = TWO_D_SHARE[0] / TWO_D_SHARE[1]  # of the epochs
NOT_RUN = "Not run yet."


def main() -> None:
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(
        steps=step_table(),
        steps_made_with=made_with(HERE / f"{STEPS['40 x 40, batch 12']}.json"),
        length=length_table(),
        from_2d=arms_table("from_2d", reference="2d_on"),
        from_2d_copies=arms_table("from_2d", "attention_context_copies", only=["attention_context"]),
        from_2d_default_copies=arms_table("from_2d", "default_copies", only=["default"]),
        screening=arms_table("screening", reference="2d"),
        screening_wide=arms_table("screening_wide", reference="2d"),
    )
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def made_with(path: Path) -> str:
    if not path.is_file():
        return NOT_RUN
    noted = json.loads(path.read_text(encoding="utf-8"))
    return f"{noted['versions']}, commit {noted['commit']}. {noted['hardware']}"


def step_table() -> str:
    """A row a trainer: the cost of a step with data loading, in each phase, and over the whole schedule."""
    ratios = {patch: loaded_ratios(HERE / f"{file}.csv") for patch, file in STEPS.items()}
    trainers = dict.fromkeys(
        trainer for of in ratios.values() for trainer, _ in sorted(of) if trainer != STOCK
    )
    lines = [
        "| trainer | "
        + " | ".join(f"{p}: 2D phase | with neighbours | whole schedule" for p in ratios)
        + " |",
        "|---|" + "---|" * 3 * len(ratios),
    ]
    for trainer in trainers:
        cells = [cell for of in ratios.values() for cell in schedule_cells(trainer, of)]
        lines.append(f"| `{trainer}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def schedule_cells(trainer: str, ratios: dict[tuple[str, str], list[float]]) -> tuple[str, str, str]:
    if (trainer, "all") in ratios:
        one = ratios[trainer, "all"]
        return "", ratio(one), f"{median(one):.2f}"
    first, then = ratios[trainer, "2D phase"], ratios[trainer, "with neighbours"]
    whole = SHARE_OF_2D * median(first) + (1 - SHARE_OF_2D) * median(then)
    return ratio(first), ratio(then), f"{whole:.2f}"


def cases_of(experiment: str) -> pd.DataFrame | None:
    path = HERE / experiment / "cases.csv"
    table = pd.read_csv(path, dtype={"name": str}) if path.is_file() else None
    return table if table is not None and len(table) else None


def case_means(cases: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice over the structures of each case; NaN structures, in neither segmentation, count nothing."""
    keys = ["name", "dataset", "fold", "seed", "epochs", "iterations", "case"]
    return cases.groupby(keys, as_index=False).dice.mean()


def length_table() -> str:
    """nnU-Net 2D by the iterations of its training."""
    cases = cases_of("length")
    if cases is None:
        return NOT_RUN
    of_run = case_means(cases).groupby(["dataset", "epochs", "iterations"], as_index=False).dice.mean()
    lines = ["| data set | iterations | mean Dice | gain over half as many |", "|---|---|---|---|"]
    for dataset, rows in of_run.assign(n=of_run.epochs * of_run.iterations).groupby("dataset"):
        dice = dict(zip(rows.n, rows.dice, strict=True))
        for n in sorted(dice):
            gain = f"{dice[n] - dice[n // 2]:+.4f}" if n // 2 in dice else ""
            lines.append(f"| {dataset} | {n} | {dice[n]:.4f} | {gain} |")
    return "\n".join(lines)


def arms_table(experiment: str, reference: str, only: list[str] | None = None) -> str:
    """Mean Dice of each run of each arm, and the paired difference to the reference over runs and patients."""
    cases = cases_of(experiment)
    if cases is None:
        return NOT_RUN
    figures: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for (name, fold, seed), rows in case_means(cases).groupby(["name", "fold", "seed"]):
        figures[name][f"fold {fold}, seed {seed}"] = dict(zip(rows.case, rows.dice, strict=True))
    if reference not in figures:
        return NOT_RUN
    lines = [
        f"| arm | Dice of each run | minus {reference} [95 % CI] | runs | patients | of each run | p | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    seconds = seconds_of(experiment)
    order = sorted(figures, key=lambda name: -median(mean(run) for run in figures[name].values()))
    for name in order:
        if only and name not in only:
            continue
        runs = figures[name]
        dice = ", ".join(f"{mean(run):.4f}" for run in runs.values())
        shared = [run for run in runs if run in figures[reference]]
        if name == reference or not shared:
            lines.append(f"| {name} | {dice} | | {len(runs)} | | | | |")
            continue
        found = compare_runs(*({run: figures[arm][run] for run in shared} for arm in (reference, name)))
        each = ", ".join(f"{value:+.4f}" for value in found.by_run.values())
        p, time = (
            f"{found.p:.2g}",
            ", ".join(f"{seconds[name, run] / seconds[reference, run]:.2f}" for run in shared),
        )
        cells = (name, dice, found.difference, found.runs, found.n, each, p, time)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def seconds_of(experiment: str) -> dict[tuple[str, str], float]:
    """Processor seconds of each arm's runs, online validation left out."""
    table = pd.read_csv(HERE / experiment / "process_time.csv", dtype={"name": str})
    runs = "fold " + table.fold.astype(str) + ", seed " + table.seed.astype(str)
    return dict(zip(zip(table.name, runs, strict=True), table.cpu_s, strict=True))


def mean(run: dict[str, float]) -> float:
    return sum(run.values()) / len(run)


if __name__ == "__main__":
    main()
