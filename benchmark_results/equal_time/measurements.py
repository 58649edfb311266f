"""What a step of each network costs, in turns with nnU-Net 2D's: tables that `step_cost.py` writes."""

from collections.abc import Iterable

from benchmark_results.equal_time.arms import (
    COMBINED,
    FURTHER,
    FUSED_POSITION,
    LEARNING,
    NETWORKS,
    ON_ABDOMEN,
    ON_AXIAL,
    POSITION,
    SCREENED,
)
from experiments.budget import STOCK
from experiments.declaration import Measure

ALL = [f"nnUNetTrainer{name}" for name in NETWORKS]


PLANS = dict.fromkeys((504, 514), "nnUNetCompact12Plans") | dict.fromkeys((27, 530), "nnUNetCompactPlans")


def steps(table: str, dataset: int, trainers: Iterable[str], rounds: int = 30, more: str = "") -> Measure:
    """`more`: options of step_cost.py."""
    options = f"--dataset {dataset} --plans {PLANS[dataset]} --rounds {rounds} -o {table} {more}"
    return Measure({table: None}, f"python step_cost.py {options} {' '.join(trainers)}")


def in_mixed_precision(table: str, dataset: int, trainers: Iterable[str], rounds: int = 30) -> Measure:
    return steps(table, dataset, trainers, rounds, "--bfloat16")


MEASUREMENTS = [
    steps("networks_514.csv", 514, ALL, rounds=40),
    steps("networks_27.csv", 27, ALL, rounds=20),
    steps("steps_514.csv", 514, list(SCREENED.values())[1:]),
    steps("steps_combined.csv", 514, COMBINED.values()),
    steps("steps_position.csv", 514, POSITION.values()),
    steps("steps_fused_position.csv", 514, FUSED_POSITION.values()),
    steps("steps_3d.csv", 514, [STOCK], more="--configuration 3d_fullres"),
    in_mixed_precision(
        "steps_further.csv",
        514,
        [trainer for arm, trainer in FURTHER.items() if arm not in ("2d_mixed", "attention_freezes_first")],
    ),
    in_mixed_precision("steps_learning.csv", 514, LEARNING.values()),
    in_mixed_precision(
        "steps_530.csv",
        530,
        [(SCREENED | POSITION | FUSED_POSITION)[arm] for arm in ON_ABDOMEN[1:]],
        rounds=20,
    ),
    in_mixed_precision("steps_504.csv", 504, [SCREENED[arm] for arm in ON_AXIAL[1:]]),
    in_mixed_precision("steps_27.csv", 27, [SCREENED[arm] for arm in ON_AXIAL[1:]]),
    steps("steps_504_3d.csv", 504, [STOCK], more="--configuration 3d_fullres --bfloat16"),
    in_mixed_precision("steps_confirmation_514.csv", 514, POSITION.values()),
    in_mixed_precision("steps_confirmation_514_attention.csv", 514, [SCREENED["attention"]]),
    in_mixed_precision("steps_confirmation_530.csv", 530, [SCREENED["attention"]], rounds=20),
]
