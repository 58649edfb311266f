"""In the training time of nnU-Net 2D, what do neighbours give?

cd benchmark_results/equal_time
python ../spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus      # axial, 504
python make_data.py --hippocampus FOLDER/Dataset004_Hippocampus --btcv FOLDER/Dataset030_BTCV30
SPLITS=FOLDER/Dataset027_ACDC40/splits_final.json bash prepare.sh && cd ../..  # plans, preprocessing, compact plans
"""

from collections.abc import Iterable, Sequence
from functools import partial

from benchmark_results.equal_time.arms import (
    BEST,
    COMBINED,
    CONFIRMED,
    CONTROLS,
    CURVES_OF_CHOICE,
    CURVES_OF_CONFIRMATION,
    FURTHER,
    FUSED_POSITION,
    LABELS,
    LABELS_OF_CHOICE,
    LEARNING,
    ON_ABDOMEN,
    ON_AXIAL,
    POSITION,
    PRIMARY,
    SCREENED,
    VOLUMES,
)
from benchmark_results.equal_time.measurements import MEASUREMENTS
from benchmark_results.equal_time.questions import (
    errors_table,
    length_table,
    step_table,
    summary_table,
    variation,
)
from experiments.collectors import curve, process_time, validated
from experiments.declaration import Experiment, Runs
from experiments.error_kinds import error_kinds
from experiments.figures import curves_figure, forest_figure
from experiments.runs_table import runs_table, structures_table
from experiments.tables import made_with

CORONAL, AXIAL = "Dataset514_HippocampusCoronal3", "Dataset504_HippocampusEvery3"
HEART = "Dataset027_ACDC40"
ABDOMEN = "Dataset530_BTCV30EightOrgans"


def tables(part: str) -> dict:
    collectors = {
        "cases": validated, "curves": curve, "error_kinds": error_kinds, "process_time": process_time,
    }  # fmt: skip
    return {f"{part}/{name}.csv": collector for name, collector in collectors.items()}


def screened(arms: Iterable[str], listed: str, steps: str) -> Runs:
    """On fold 0, two seeds, for half of T."""
    return Runs(tables("screening"), [*arms], (0,), [0, 1], listed, of_2d=12_500, steps=steps)


def screened_further(arms: Iterable[str], listed: str, steps: str) -> Runs:
    """As `screened`, in mixed precision."""
    more = {"listed": listed, "steps": steps, "precision": "bfloat16"}
    return Runs(tables("screening_further"), [*arms], (0,), [0, 1], of_2d=12_500, **more)


def screened_on_abdomen() -> Runs:
    """On fold 0, for 6,250 iterations of nnU-Net 2D, whose seed 0 is a run of "length", in single precision."""
    dataset = {"dataset": ABDOMEN, "plans": "nnUNetCompactPlans", "precision": "bfloat16"}
    files = {"listed": "screening_530.csv", "steps": "steps_530.csv"}
    return Runs(tables("screening_530"), ON_ABDOMEN, (0,), (1, 2), of_2d=6_250, **files, **dataset)


def screened_on_axial(arms: Iterable[str], listed: str, steps: str) -> Runs:
    """On fold 0 of the axial slices, two seeds, for half of T; seed 0 of 2D is a run of thick_hippocampus."""
    more = {"dataset": AXIAL, "precision": "bfloat16", "listed": listed, "steps": steps}
    return Runs(tables("screening_504"), [*arms], (0,), (1, 2), of_2d=12_500, **more)


def decided(arms: Iterable[str], listed: str, steps: str, seeds: Sequence[int] = (0, 1, 2)) -> Runs:
    """On fold 0, for T."""
    return Runs(tables("decision"), [*arms], (0,), seeds, listed, of_2d=25_000, steps=steps)


def confirmed(dataset: str, arms: Iterable[str], steps: str, of_2d: int = 25_000, **more) -> Runs:
    """On images on which nothing about the arms was chosen, for T; fold 1, three seeds unless `more` says otherwise."""
    part = f"confirmation_{dataset[7:10]}"
    files = {"listed": f"{part}.csv", "steps": steps}
    options = {"folds": (1,), "seeds": (0, 1, 2), "dataset": dataset, "precision": "bfloat16"} | files | more
    return Runs(tables(part), [*arms], of_2d=of_2d, **options)


def secondary(dataset: str, arms: Iterable[str], steps: str, listed: str) -> Runs:
    """As `confirmed`, one seed."""
    return confirmed(dataset, arms, steps, seeds=(0,), listed=listed)


EXPERIMENT = Experiment(
    dataset=CORONAL,
    plans="nnUNetCompact12Plans",
    patient=r"^(.+?)(?:_frame\d+)?$",  # ACDC40 has two volumes of each
    arms=SCREENED | COMBINED | POSITION | FUSED_POSITION | VOLUMES | FURTHER | LEARNING | CONTROLS,
    epochs=50,
    runs=[
        Runs(tables("length"), listed="length.csv"),
        Runs(tables("length"), listed="length_27.csv"),
        Runs(tables("length"), listed="length_530.csv"),
        Runs(tables("from_2d"), listed="from_2d.csv"),
        screened(SCREENED, "screening.csv", "steps_514.csv"),
        screened(COMBINED, "combined.csv", "steps_combined.csv"),
        screened(POSITION, "position.csv", "steps_position.csv"),
        screened(FUSED_POSITION, "fused_position.csv", "steps_fused_position.csv"),
        Runs(tables("screening_wide"), listed="screening_wide.csv"),
        decided(BEST, "decision.csv", "steps_514.csv"),
        decided(POSITION, "decision_position.csv", "steps_position.csv"),
        decided(VOLUMES, "decision_3d.csv", "steps_3d.csv", seeds=[0]),
        screened_further(FURTHER, "further.csv", "steps_further.csv"),
        screened_further(LEARNING, "learning.csv", "steps_learning.csv"),
        screened_on_abdomen(),
        screened_on_axial(ON_AXIAL, "screening_504.csv", "steps_504.csv"),
        screened_on_axial(VOLUMES, "screening_504_3d.csv", "steps_504_3d.csv"),
        Runs(tables("screening_504"), listed="controls_504.csv"),
        confirmed(CORONAL, ["2d", *POSITION], "steps_confirmation_514.csv"),
        confirmed(AXIAL, ["2d", "attention"], "steps_504.csv"),
        Runs(tables("confirmation_504"), listed="confirmation_504_controls.csv"),
        confirmed(
            HEART,
            ["2d", "attention", *CONTROLS],
            "steps_27.csv",
            of_2d=6_250,
            folds=range(5),
            seeds=(0,),
            plans="nnUNetCompactPlans",
        ),
        confirmed(
            CORONAL,
            ["attention", *CONTROLS],
            "steps_confirmation_514_attention.csv",
            listed="confirmation_514_attention.csv",
        ),
        secondary(AXIAL, VOLUMES, "steps_504_3d.csv", "confirmation_504_3d.csv"),
        secondary(AXIAL, ON_AXIAL[2:], "steps_504.csv", "confirmation_504_early_fusion.csv"),
    ],
    measure=MEASUREMENTS,
    questions={
        "summary": summary_table(CONFIRMED, PRIMARY),
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
        "axial": runs_table("screening_504", reference="2d"),
        "axial_context": runs_table("screening_504", "attention_copies", arms=["attention"]),
        "axial_structures": structures_table("screening_504", reference="2d"),
        "axial_errors": errors_table("screening_504"),
        "abdomen_structures": structures_table("screening_530", reference="2d"),
        "confirmed_heart": runs_table("confirmation_027", reference="2d"),
        "confirmed_heart_context": runs_table("confirmation_027", "attention_copies", arms=["attention"]),
        "confirmed_heart_structures": structures_table("confirmation_027", reference="2d"),
        "confirmed": runs_table("confirmation_514", reference="2d"),
        "confirmed_context": runs_table("confirmation_514", "unet_position", arms=["attention_position"]),
        "confirmed_coronal_context": runs_table("confirmation_514", "attention_copies", arms=["attention"]),
        "confirmed_structures": structures_table("confirmation_514", reference="2d"),
        "confirmed_errors": errors_table("confirmation_514"),
        "confirmed_axial": runs_table("confirmation_504", reference="2d"),
        "confirmed_axial_context": runs_table("confirmation_504", "attention_copies", arms=["attention"]),
        "confirmed_axial_structures": structures_table("confirmation_504", reference="2d"),
        "confirmed_axial_errors": errors_table("confirmation_504"),
    },
    figures={
        "confirmation.png": partial(forest_figure, rows=CONFIRMED),
        "curves.png": partial(curves_figure, parts=CURVES_OF_CONFIRMATION, arms=LABELS),
        "curves_of_choice.png": partial(curves_figure, parts=CURVES_OF_CHOICE, arms=LABELS_OF_CHOICE),
    },
)
