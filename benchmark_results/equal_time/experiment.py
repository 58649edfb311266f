"""In the training time of nnU-Net 2D, what do neighbours give?

    cd benchmark_results/equal_time
    python ../spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus      # axial, 504
    python make_data.py --hippocampus FOLDER/Dataset004_Hippocampus --btcv FOLDER/Dataset030_BTCV30
    bash prepare.sh && cd ../..                                # plans, preprocessing, compact plans
    python -m experiments run equal_time                       # again after an interruption: it goes on

`--only REGEX` runs a part, by the names of the runs.
"""

from statistics import median

import pandas as pd

from benchmark_results.equal_time.step_cost import ratio
from experiments.collectors import curve, process_time, validated
from experiments.declaration import Budget, Experiment, Measure, Runs
from experiments.page import NOT_RUN, Question, Results, made_with
from experiments.run import STOCK, loaded_ratios
from experiments.tables import compare_runs, grid

STEPS = {"40 x 40, batch 12": "networks_514.csv", "128 x 128, batch 6": "networks_27.csv"}
SHARE_OF_2D = 3 / 5  # of the epochs
NETWORKS = (
    "AxialConv", "CSANet", "EarlyFusion", "SAUNet", "SliceAttention", "SliceAttention_AllSkips",
    "SliceAttention_FullSlabs", "TSFMUNet", "VAUNet",
)  # fmt: skip
SCREENED = {
    "2d": STOCK,
    "attention": "nnUNetTrainerSliceAttention",
    "early_fusion": "nnUNetTrainerEarlyFusion",
    "early_fusion_2d_first": "nnUNetTrainerEarlyFusion_2DFirst",
    "attention_2up": "nnUNetTrainerSliceAttention_Skips2Up",
    "axial_2d_first": "nnUNetTrainerAxialConv_2DFirst",
    "csa_2d_first": "nnUNetTrainerCSANet_2DFirst",
    "attention_all": "nnUNetTrainerSliceAttention_AllSkips",
    "attention_mixing": "nnUNetTrainerSliceAttention_Mixing",
    "attention_full_slabs": "nnUNetTrainerSliceAttention_FullSlabs",
    "attention_distance": "nnUNetTrainerSliceAttention_RandomDistance",
    "attention_5slices": "nnUNetTrainerSliceAttention_5slices",
}
BEST = [
    "2d",
    "attention_2up",
    "early_fusion_2d_first",
    "attention",
]  # by the mean of two seeds at half the time
RUN = ["fold", "seed"]
ARMS_COLUMNS = "Dice of each run", "minus {} [95 % CI]", "runs", "patients", "of each run", "p", "time"


def step_table(results: Results) -> str:
    """A row for each trainer: the cost of a step with data loading, in each phase, and over the whole schedule."""
    ratios = {patch: loaded_ratios(results.folder / file) for patch, file in STEPS.items()}
    trainers = dict.fromkeys(name for of in ratios.values() for name, _ in sorted(of) if name != STOCK)
    columns = [
        name for patch in ratios for name in (f"{patch}: 2D phase", "with neighbours", "whole schedule")
    ]
    rows = [
        (f"`{name}`", *(cell for of in ratios.values() for cell in schedule(name, of))) for name in trainers
    ]
    return grid(("trainer", *columns), rows)


def schedule(trainer: str, ratios: dict[tuple[str, str], list[float]]) -> tuple[str, str, str]:
    if (trainer, "all") in ratios:
        one = ratios[trainer, "all"]
        return "", ratio(one), f"{median(one):.2f}"
    first, then = ratios[trainer, "2D phase"], ratios[trainer, "with neighbours"]
    whole = SHARE_OF_2D * median(first) + (1 - SHARE_OF_2D) * median(then)
    return ratio(first), ratio(then), f"{whole:.2f}"


def case_means(cases: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice over the structures of each case; NaN structures, in neither segmentation, count nothing."""
    keys = ["name", "dataset", *RUN, "epochs", "iterations", "case"]
    return cases.groupby(keys, as_index=False).dice.mean()


def length_table(results: Results) -> str:
    """nnU-Net 2D by the iterations of its training."""
    if not results.has("length/cases.csv"):
        return NOT_RUN
    runs = case_means(results.table("length/cases.csv")).assign(n=lambda c: c.epochs * c.iterations)
    dice = runs.groupby(["dataset", "n"]).dice.mean()
    gains = {
        (d, n): f"{value - dice[d, n // 2]:+.4f}" for (d, n), value in dice.items() if (d, n // 2) in dice
    }
    rows = [(d, n, f"{value:.4f}", gains.get((d, n), "")) for (d, n), value in dice.items()]
    return grid(("data set", "iterations", "mean Dice", "gain over half as many"), rows)


def arms_table(part: str, reference: str, only: str | None = None) -> Question:
    """Mean Dice of each run of each arm, and the paired difference to the reference over runs and patients."""

    def answer(results: Results) -> str:
        file = f"{part}/cases.csv"
        if not results.has(file) or reference not in set(results.table(file).name):
            return NOT_RUN
        by_case = case_means(results.table(file)).set_index([*RUN, "case"])
        dice = {
            name: {run: own.dice.droplevel(RUN).to_dict() for run, own in of_arm.groupby(level=RUN)}
            for name, of_arm in by_case.groupby("name")
        }
        means = {name: {run: mean(of_run) for run, of_run in runs.items()} for name, runs in dice.items()}
        seconds = results.table(f"{part}/process_time.csv").set_index(["name", *RUN]).cpu_s
        rows = []
        for name in sorted(dice, key=lambda name: -median(means[name].values())):
            each = ", ".join(f"{value:.4f}" for value in means[name].values())
            shared = [run for run in dice[name] if run in dice[reference]]
            if only not in (None, name):
                continue
            if name == reference or not shared:
                rows.append((name, f"{each} | | {len(dice[name])} | | | |"))
                continue
            ours, theirs = (
                {f"fold {fold}, seed {seed}": dice[arm][fold, seed] for fold, seed in shared}
                for arm in (name, reference)
            )
            c = compare_runs(theirs, ours)
            deltas = ", ".join(f"{value:+.4f}" for value in c.by_run.values())
            time = ", ".join(f"{seconds[(name, *run)] / seconds[(reference, *run)]:.2f}" for run in shared)
            rows.append((name, each, c.difference, c.runs, c.n, deltas, f"{c.p:.2g}", time))
        return grid(("arm", *ARMS_COLUMNS), rows).format(reference)

    return answer


def mean(dice: dict[str, float]) -> float:
    return sum(dice.values()) / len(dice)


def tables(part: str) -> dict:
    collectors = {"cases": validated, "curves": curve, "process_time": process_time}
    return {f"{part}/{name}.csv": collector for name, collector in collectors.items()}


def steps(table: str, dataset: int, plans: str, rounds: int, trainers) -> Measure:
    names = " ".join(trainers)
    return Measure(
        {table: None},
        f"python step_cost.py --dataset {dataset} --plans {plans} --rounds {rounds} -o {table} {names}",
    )


ALL = [f"nnUNetTrainer{name}" for name in NETWORKS]

EXPERIMENT = Experiment(
    dataset="Dataset514_HippocampusCoronal3",
    plans="nnUNetCompact12Plans",
    arms=SCREENED,
    runs=[
        Runs(tables("length"), listed="length.csv"),
        Runs(tables("from_2d"), listed="from_2d.csv"),
        Runs(
            tables("screening"), seeds=[0, 1], listed="screening.csv", budget=Budget("steps_514.csv", 12_500)
        ),
        Runs(tables("screening_wide"), listed="screening_wide.csv"),
        Runs(
            tables("decision"),
            BEST,
            seeds=[0, 1, 2],
            listed="decision.csv",
            budget=Budget("steps_514.csv", 25_000),
        ),
    ],
    measure=[
        steps("networks_514.csv", 514, "nnUNetCompact12Plans", 40, ALL),
        steps("networks_27.csv", 27, "nnUNetCompactPlans", 20, ALL),
        steps("steps_514.csv", 514, "nnUNetCompact12Plans", 30, list(SCREENED.values())[1:]),
    ],
    questions={
        "steps": step_table,
        "steps_made_with": made_with("networks_514.csv"),
        "length": length_table,
        "from_2d": arms_table("from_2d", reference="2d_on"),
        "from_2d_copies": arms_table("from_2d", "attention_context_copies", only="attention_context"),
        "from_2d_default_copies": arms_table("from_2d", "default_copies", only="default"),
        "screening": arms_table("screening", reference="2d"),
        "screening_wide": arms_table("screening_wide", reference="2d"),
        "decision": arms_table("decision", reference="2d"),
    },
)
