"""Cost of the networks compared with nnU-Net's own, on ACDC40 with compact plans. Keep the machine free of other work.

Data as for ../acdc40. `steps.csv` is measured by `steps.py`, all else by the command `cost`, which writes cost.md,
cost.png and cost.json too.
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from benchmark_results.cost.steps import MODELS
from experiments.declaration import Experiment, Measure
from experiments.results import Results
from experiments.tables import grid, made_with

NETWORKS = ("", "CSANet", "SAUNet", "TSFMUNet", "VAUNet", "EarlyFusion", "AxialConv", "SliceUNet")
COMPARED = [f"nnUNetTrainer{name}__nnUNetCompactPlans__2d" for name in NETWORKS]


def step_table(results: Results) -> str:
    """The median ratio to nnU-Net 2D within a round, with its 95 % bootstrap interval."""
    steps = results.table("steps.csv").set_index(["trainer", "configuration", "round"]).sort_index()
    seconds, rows = steps.seconds / steps.slices, []
    for model in MODELS:
        slices, ms = steps.slices[model].iloc[0], 1000 * seconds[model].median()
        ratios = seconds[model] / seconds[MODELS[0]]
        ratio = f"{ratios.median():.2f}"
        if model != MODELS[0]:
            interval = bootstrap(
                (ratios.to_numpy(),), np.median, method="percentile", rng=0
            ).confidence_interval
            ratio += " [{:.2f}, {:.2f}]".format(*interval)
        rows.append(
            {
                "model": " ".join(model),
                "slices with a loss": slices,
                "step, ms": f"{ms * slices:.0f}",
                "ms per slice": f"{ms:.1f}",
                "ratio [95 % CI]": ratio,
                "middle half of the ratios": "{:.2f} to {:.2f}".format(*ratios.quantile([0.25, 0.75])),
            }
        )
    return grid(rows)


def of_command(results: Results) -> dict:
    return json.loads((results.folder / "cost.json").read_text(encoding="utf-8"))


def all_costs(results: Results) -> str:
    return (results.folder / "cost.md").read_text(encoding="utf-8").replace("__nnUNetCompactPlans__", " ")


def figure(results: Results, path: Path) -> None:
    """As the command `cost` draws it; the whole schedule, which it does not show, was not measured here."""
    from nnunet_slice_attention.cost.figure import cost_figure
    from nnunet_slice_attention.cost.model_cost import Cost

    costs: dict[str, dict[int, Cost]] = {}
    for row in results.table("cost.csv").to_dict("records"):
        cost = Cost(**{name: row.get(name, np.nan) for name in Cost.__annotations__})
        costs.setdefault(row["model"], {})[row["repeat"]] = cost
    cost_figure(costs).savefig(path, dpi=150)


EXPERIMENT = Experiment(
    measure=[
        Measure(
            {"cost.csv": None},
            "nnunet-slice-attention cost -d 27 -device {device} --repeats 3 -o . "
            f"-m {' '.join(COMPARED)} nnUNetTrainer__nnUNetCompactPlans__3d_fullres",
        ),
        Measure({"steps.csv": None}, "python steps.py --device {device}"),
    ],
    questions={
        "steps": step_table,
        "rounds": lambda results: results.table("steps.csv")["round"].nunique(),
        "steps_made_with": made_with("steps.csv"),
        "table": all_costs,
        "repeats": lambda results: of_command(results)["repeats"],
        "iterations": lambda results: next(iter(of_command(results)["jobs"].values()))["iterations"],
    },
    figures={"cost.png": figure},
)
