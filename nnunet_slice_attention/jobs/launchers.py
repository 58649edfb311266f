"""The ways to run a list of jobs. Another cluster scheduler is a module like `slurm.py` and a row of `LAUNCHERS`.

Every call of the command imports these modules to parse options: what they need to run jobs is imported on use.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from .job import Job
from .local import LocalLauncher
from .slurm import SlurmLauncher


class Launcher(Protocol):
    """Runs jobs and waits for them.

    Attributes:
        title: heading of its options in `--help`.
    """

    title: str

    @staticmethod
    def add_options(group: argparse._ArgumentGroup) -> None:
        """Options that only this launcher reads; their names are unique among all launchers."""

    def __init__(self, options: argparse.Namespace, name: str, gpus: int, folder: Path):
        """Check the options; nothing is written or started yet.

        Args:
            options: the command's, among them those of `add_options`.
            name: what a scheduler's queue displays.
            gpus: per job; 0 for jobs without a GPU.
            folder: the launcher may keep files in a folder of its own there.

        Raises:
            ValueError, RuntimeError: jobs cannot run like this; with the next step.
        """

    def __call__(self, jobs: Sequence[Job]) -> list[str]:
        """Run what is left of the jobs with `process.run_job`; one message per job that is not finished afterwards.

        A job that an earlier call left in the queue is not submitted again.
        """


LAUNCHERS: dict[str, type[Launcher]] = {"local": LocalLauncher, "slurm": SlurmLauncher}
