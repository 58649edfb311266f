"""In the training time of nnU-Net 2D, what do neighbours give?

cd benchmark_results/equal_time
python ../spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus      # axial, 504
python make_data.py --hippocampus FOLDER/Dataset004_Hippocampus --btcv FOLDER/Dataset030_BTCV30
SPLITS=FOLDER/Dataset027_ACDC40/splits_final.json bash prepare.sh && cd ../..  # plans, preprocessing, compact plans
"""

from collections.abc import Iterable, Sequence
from functools import partial

import pandas as pd

from benchmark_results.equal_time.step_cost import ratio
from experiments.collectors import curve, process_time, validated
from experiments.declaration import Experiment, Measure, Runs
from experiments.error_kinds import error_kinds
from experiments.figures import curves_figure
from experiments.results import Results, question
from experiments.run import STOCK, loaded_ratios
from experiments.runs_table import listed, runs_table, structures_table, with_runs
from experiments.tables import grid, made_with

CORONAL, AXIAL = "Dataset514_HippocampusCoronal3", "Dataset504_HippocampusEvery3"
ABDOMEN = "Dataset530_BTCV30EightOrgans"
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
KINDS = {
    "foreground_dice": ("Dice of the foreground", ".4f"),
    "confused": ("wrong class", ".1%"),
    "whole_slices": ("whole slices", ".1%"),
    "ends": ("end slices", ".1%"),
    "inside": ("slices between", ".1%"),
}
A_SLICE_OFF = 0.04  # of the foreground in the wrong class: half of a slice's mean share
CURVES = {
    "screening": "screening: fold 0, T/2",
    "decision": "decision: fold 0, T",
    "confirmation_514": "confirmation: fold 1, T",
}
COMBINED = {  # screened after the others, see "Where the errors are"
    "attention_2up_3slice_images": "nnUNetTrainerSliceAttention_Skips2Up_3sliceImages",
    "early_fusion_5slices_2d_first": "nnUNetTrainerEarlyFusion_2DFirst_5slices",
}
POSITION = {  # the same; with and without neighbours
    "attention_position": "nnUNetTrainerSliceAttention_Position",
    "unet_position": "nnUNetTrainerSliceUNet_Position",
}
FUSED_POSITION = {"early_fusion_position_2d_first": "nnUNetTrainerEarlyFusion_2DFirst_Position"}
# After the first runs of the confirmation; trainers/further_options.py. 2D again, because these are in mixed precision.
FURTHER = {
    "2d_mixed": STOCK,
    "attention_joins_late": "nnUNetTrainerSliceAttentionJoinsLate",
    "attention_on_finished_2d": "nnUNetTrainerSliceAttentionOnFinished2D",
    "attention_freezes_first": "nnUNetTrainerSliceAttentionFreezesFirst",
    "shift": "nnUNetTrainerSliceShift",
}
# Of those screened on coronal slices: the cheapest that sees neighbours, the default, both with positions, and the 2D
# U-Net with positions.
ON_ABDOMEN = [
    "2d", "attention_position", "unet_position", "early_fusion_position_2d_first", "attention",
    "early_fusion_2d_first",
]  # fmt: skip
# Of SCREENED, by two seeds' mean at half the time.
BEST = ["2d", "attention_2up", "early_fusion_2d_first", "attention"]

VOLUMES = {"3d": f"{STOCK} 3d_fullres"}


def step_table(results: Results) -> str:
    """A row for each trainer: the cost of a step with data loading, in each phase, and over the whole schedule."""
    costs = [schedules(patch, loaded_ratios(results.folder / file)) for patch, file in STEPS.items()]
    return grid(pd.concat(costs, axis="columns").reset_index(names="trainer"))


def schedules(patch: str, ratios: pd.DataFrame) -> pd.DataFrame:
    rows = {}
    for trainer, phases in ratios.drop(columns=STOCK, level="trainer").T.groupby("trainer"):
        costs = {phase: cost.dropna() for (_, phase), cost in phases.iterrows()}
        then = costs.get("with neighbours", costs.get("all"))
        first, share = (costs["2D phase"], SHARE_OF_2D) if "2D phase" in costs else (then, 0)
        whole = share * first.median() + (1 - share) * then.median()
        rows[f"`{trainer}`"] = ratio(first) if share else "", ratio(then), f"{whole:.2f}"
    columns = [f"{patch}: 2D phase", "with neighbours", "whole schedule"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def length_table(results: Results) -> str:
    """nnU-Net 2D by the iterations of its training."""
    cases = results.cases("length/cases.csv").assign(n=lambda cases: cases.epochs * cases.iterations)
    dice = cases.groupby(["dataset", "n", "case"]).dice.mean().groupby(["dataset", "n"]).mean()
    rows = []
    for (dataset, n), value in dice.items():
        gain = f"{value - dice[dataset, n // 2]:+.4f}" if (dataset, n // 2) in dice else ""
        row = {"data set": dataset, "iterations": n, "mean Dice": f"{value:.4f}"}
        rows.append(row | {"gain over half the iterations": gain})
    return grid(rows)


@question
def errors_table(results: Results, part: str) -> str:
    """Where the errors of each run are: means over cases, those of voxels as shares of the reference's foreground."""
    if not results.has(f"{part}/error_kinds.csv"):
        return "Not run yet."
    means = mean_errors(results, part)
    rows = []
    for arm in means.dice.groupby("name").mean().sort_values(ascending=False, kind="stable").index:
        row = {"arm": arm, "Dice": listed(means.dice[arm], ".4f")}
        rows.append(
            row | {title: listed(means.loc[arm][kind], form) for kind, (title, form) in KINDS.items()}
        )
    return grid(rows)


def mean_errors(results: Results, part: str) -> pd.DataFrame:
    """Means over cases, by arm and run: `dice`, and the columns of `KINDS`."""
    kinds = with_runs(results.table(f"{part}/error_kinds.csv")).groupby(["name", "run"])[list(KINDS)].mean()
    dice = with_runs(results.cases(f"{part}/cases.csv")).groupby(["name", "run", "case"]).dice.mean()
    return kinds.assign(dice=dice.groupby(["name", "run"]).mean())


@question
def variation(results: Results, part: str) -> dict[str, str]:
    """How far two runs of an arm are apart, and what of it is the confusion of classes."""
    means, cases = mean_errors(results, part), with_runs(results.table(f"{part}/error_kinds.csv"))
    apart = means.groupby("name").agg(lambda runs: runs.max() - runs.min()).max()
    often = (cases.confused > A_SLICE_OFF).groupby(cases.case).mean() > 0.5
    return {
        "dice": f"{apart.dice:.3f}",
        "foreground": f"{apart.foreground_dice:.3f}",
        "correlation": f"{means.dice.corr(means.confused):.2f}",
        "outlines": f"{means.dice.corr(means.foreground_dice):.2f}",
        "often": f"{often.sum()} of {len(often)}",
    }


def tables(part: str) -> dict:
    collectors = {
        "cases": validated, "curves": curve, "error_kinds": error_kinds, "process_time": process_time,
    }  # fmt: skip
    return {f"{part}/{name}.csv": collector for name, collector in collectors.items()}


def screened(arms: Iterable[str], listed: str, steps: str) -> Runs:
    """On fold 0, two seeds, for half of T."""
    return Runs(tables("screening"), [*arms], (0,), [0, 1], listed, of_2d=12_500, steps=steps)


def screened_further() -> Runs:
    """As `screened`, in mixed precision."""
    files = {"listed": "further.csv", "steps": "steps_further.csv"}
    return Runs(
        tables("screening_further"), [*FURTHER], (0,), [0, 1], of_2d=12_500, precision="bfloat16", **files
    )


def screened_on_abdomen() -> Runs:
    """On fold 0, for 6,250 iterations of nnU-Net 2D, whose seed 0 is a run of "length", in single precision."""
    dataset = {"dataset": ABDOMEN, "plans": "nnUNetCompactPlans", "precision": "bfloat16"}
    files = {"listed": "screening_530.csv", "steps": "steps_530.csv"}
    return Runs(tables("screening_530"), ON_ABDOMEN, (0,), (1, 2), of_2d=6_250, **files, **dataset)


def decided(arms: Iterable[str], listed: str, steps: str, seeds: Sequence[int] = (0, 1, 2)) -> Runs:
    """On fold 0, for T."""
    return Runs(tables("decision"), [*arms], (0,), seeds, listed, of_2d=25_000, steps=steps)


def confirmed(dataset: str, plans: str, folds: Sequence[int], seeds: Sequence[int], of_2d: int) -> Runs:
    """What was chosen, on images that the choice has not seen."""
    part = f"confirmation_{dataset[7:10]}"
    more = {"dataset": dataset, "plans": plans, "precision": "bfloat16"}
    return Runs(
        tables(part), ["2d", *POSITION], folds, seeds, f"{part}.csv", of_2d, steps=f"steps_{part}.csv", **more
    )


def steps(table: str, dataset: int, plans: str, rounds: int, trainers, more: str = "") -> Measure:
    """`more`: options of step_cost.py."""
    options = f"--dataset {dataset} --plans {plans} --rounds {rounds} -o {table} {more}"
    return Measure({table: None}, f"python step_cost.py {options} {' '.join(trainers)}")


ALL = [f"nnUNetTrainer{name}" for name in NETWORKS]

EXPERIMENT = Experiment(
    dataset=CORONAL,
    plans="nnUNetCompact12Plans",
    arms=SCREENED | COMBINED | POSITION | FUSED_POSITION | VOLUMES | FURTHER,
    epochs=50,
    runs=[
        Runs(tables("length"), listed="length.csv"),
        Runs(tables("from_2d"), listed="from_2d.csv"),
        screened(SCREENED, "screening.csv", "steps_514.csv"),
        screened(COMBINED, "combined.csv", "steps_combined.csv"),
        screened(POSITION, "position.csv", "steps_position.csv"),
        screened(FUSED_POSITION, "fused_position.csv", "steps_fused_position.csv"),
        Runs(tables("screening_wide"), listed="screening_wide.csv"),
        decided(BEST, "decision.csv", "steps_514.csv"),
        decided(POSITION, "decision_position.csv", "steps_position.csv"),
        decided(VOLUMES, "decision_3d.csv", "steps_3d.csv", seeds=[0]),
        screened_further(),
        screened_on_abdomen(),
        confirmed(CORONAL, "nnUNetCompact12Plans", (1,), (0, 1, 2), of_2d=25_000),
        confirmed(AXIAL, "nnUNetCompact12Plans", (1,), (0, 1, 2), of_2d=25_000),
    ],
    measure=[
        steps("networks_514.csv", 514, "nnUNetCompact12Plans", 40, ALL),
        steps("networks_27.csv", 27, "nnUNetCompactPlans", 20, ALL),
        steps("steps_514.csv", 514, "nnUNetCompact12Plans", 30, list(SCREENED.values())[1:]),
        steps("steps_combined.csv", 514, "nnUNetCompact12Plans", 30, COMBINED.values()),
        steps("steps_position.csv", 514, "nnUNetCompact12Plans", 30, POSITION.values()),
        steps("steps_fused_position.csv", 514, "nnUNetCompact12Plans", 30, FUSED_POSITION.values()),
        steps("steps_3d.csv", 514, "nnUNetCompact12Plans", 30, [STOCK], "--configuration 3d_fullres"),
        steps(
            "steps_further.csv",
            514,
            "nnUNetCompact12Plans",
            30,
            [
                trainer
                for arm, trainer in FURTHER.items()
                if arm not in ("2d_mixed", "attention_freezes_first")
            ],
            "--bfloat16",
        ),
        steps(
            "steps_530.csv",
            530,
            "nnUNetCompactPlans",
            20,
            [(SCREENED | POSITION | FUSED_POSITION)[arm] for arm in ON_ABDOMEN[1:]],
            "--bfloat16",
        ),
        *(
            steps(
                f"steps_confirmation_{n}.csv", n, "nnUNetCompact12Plans", 30, POSITION.values(), "--bfloat16"
            )
            for n in (514, 504)
        ),
    ],
    questions={
        "steps": step_table,
        "steps_made_with": made_with("networks_514.csv"),
        "length": length_table,
        "from_2d": runs_table("from_2d", reference="2d_on"),
        "from_2d_copies": runs_table("from_2d", "attention_context_copies", arms=["attention_context"]),
        "from_2d_default_copies": runs_table("from_2d", "default_copies", arms=["default"]),
        "screening": runs_table("screening", reference="2d"),
        "screening_wide": runs_table("screening_wide", reference="2d"),
        "variation": variation("screening"),
        "decision_variation": variation("decision"),
        "errors": errors_table("screening"),
        "decision_errors": errors_table("decision"),
        "decision": runs_table("decision", reference="2d"),
        "further": runs_table("screening_further", reference="2d_mixed"),
        "further_errors": errors_table("screening_further"),
        "abdomen": runs_table("screening_530", reference="2d"),
        "abdomen_structures": structures_table("screening_530", reference="2d"),
        "confirmed": runs_table("confirmation_514", reference="2d"),
        "confirmed_context": runs_table("confirmation_514", "unet_position", arms=["attention_position"]),
        "confirmed_structures": structures_table("confirmation_514", reference="2d"),
        "confirmed_errors": errors_table("confirmation_514"),
        "confirmed_axial": runs_table("confirmation_504", reference="2d"),
    },
    figures={
        "curves.png": partial(
            curves_figure, parts=CURVES, reference="2d", best=[*BEST[1:], *POSITION, *VOLUMES]
        )
    },
)
