"""What a launcher needs to know of a job, and nothing else of trainings or predictions."""

from pathlib import Path
from typing import Protocol

LAST_LINES = 15


class Job(Protocol):
    """A process whose state is what lies on disk: called again, it does what is left.

    Attributes:
        name: for messages; no two jobs of a call have the same.
        folder: its lock, its output, and its place in Slurm's queue.
    """

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    def finished(self) -> bool: ...

    def prepare(self) -> None:
        """Called before each start."""

    def command(self) -> list[str]: ...

    def environment(self) -> dict[str, str]:
        """Variables added to the caller's."""

    def steps(self) -> tuple[int, int | None]:
        """(Done, all or None if not known): epochs, cases."""


def output_of(job: Job) -> Path:
    """The file to which everything is added that the job's processes print."""
    return job.folder / "crossval.log"


def last_lines(job: Job) -> str:
    log = output_of(job)
    if not log.is_file():
        return f"{log} was never written."
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "\n    ".join([f"the end of {log}:", *lines])
