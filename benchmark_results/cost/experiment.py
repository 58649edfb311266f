"""What the networks cost beside nnU-Net's own, on ACDC40 with compact plans. Keep the machine free of other work.

    nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to the preprocessed data set
    nnunet-slice-attention plan-compact -d 27
    python -m experiments run cost

`steps.csv` is measured by `steps.py`, all else by the command `cost`, which writes cost.md, cost.png and cost.json too.
"""

import json

from benchmark_results.cost.steps import MODELS
from experiments.declaration import Experiment, Measure
from experiments.page import Results, made_with
from experiments.tables import grid, median_interval

NETWORKS = ("", "CSANet", "SAUNet", "TSFMUNet", "VAUNet", "EarlyFusion", "AxialConv", "SliceUNet")
STEPS = (
    "model",
    "slices that learn",
    "step, ms",
    "ms a slice",
    "ratio [95 % CI]",
    "middle half of the ratios",
)
COMPARED = [f"nnUNetTrainer{name}__nnUNetCompactPlans__2d" for name in NETWORKS]


def step_table(results: Results) -> str:
    """The median ratio to nnU-Net 2D within a round, with its 95 % bootstrap interval."""
    steps = results.table("steps.csv").set_index("round")
    seconds = {model: own.seconds / own.slices for model, own in steps.groupby(["trainer", "configuration"])}
    slices, rows = steps.groupby(["trainer", "configuration"]).slices.first(), []
    for model in MODELS:
        ratios = seconds[model] / seconds[MODELS[0]]
        ratio = f"{ratios.median():.2f}"
        if model != MODELS[0]:
            ratio += " [{:.2f}, {:.2f}]".format(*median_interval(ratios.reindex(seconds[model].index)))
        low, high = ratios.quantile([0.25, 0.75])
        ms = 1000 * seconds[model].median()
        times = f"{ms * slices[model]:.0f}", f"{ms:.1f}", ratio, f"{low:.2f} to {high:.2f}"
        rows.append((" ".join(model), slices[model], *times))
    return grid(STEPS, rows)


def of_command(results: Results) -> dict:
    return json.loads((results.folder / "cost.json").read_text(encoding="utf-8"))


def all_costs(results: Results) -> str:
    return (results.folder / "cost.md").read_text(encoding="utf-8").replace("__nnUNetCompactPlans__", " ")


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
        "made_with": made_with("cost.csv"),
    },
)
