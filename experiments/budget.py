"""How many steps a trainer has for the process time of nnU-Net 2D, from the measured cost of a step."""

from pathlib import Path

import pandas as pd

STOCK = "nnUNetTrainer"
CONTROL = "_RepeatCentre"  # trains for the steps of the model without this suffix, not for its time
PHASES = ("2d", "all", "2D phase", "with neighbours")  # as step_cost.py calls them, a trainer's 2D one first


def loaded_ratios(steps: Path) -> pd.DataFrame:
    """The cost of a step with its data loading, times 2D's of the same round: a column for each (trainer, phase)."""
    table = pd.read_csv(steps)
    seconds = table.assign(seconds=table.load_s + table.step_s)
    seconds = seconds.pivot(index="round", columns=["trainer", "phase"], values="seconds")
    return seconds.div(seconds[STOCK, "2d"], axis="index")


def planned_iterations(trainer: str, configuration: str, steps: Path, of_2d: float) -> tuple[int, int | None]:
    """Steps per epoch, and those after the 2D phase if there is one, in the process time of `of_2d` steps of 2D.

    A `CONTROL` has those of the model that it controls.

    Raises:
        ValueError: the trainer's steps were not measured.
    """
    ratios = loaded_ratios(steps).median() if steps.is_file() else {}
    trainer = trainer.replace(CONTROL, "")
    is_reference = (trainer, configuration) == (STOCK, "2d")
    own = [(trainer, phase) for phase in PHASES if (phase == "2d") == is_reference]
    found = [round(of_2d / ratios[step]) for step in own if step in ratios]
    if not found:
        raise ValueError(
            f"{steps} has no steps of {trainer} {configuration}. Measure them with step_cost.py."
        )
    return found[0], found[1] if len(found) == 2 else None
