"""What a launcher needs to know about a job."""

from pathlib import Path
from typing import Protocol

LAST_LINES = 15


class Job(Protocol):
    """A command whose state is on disk: run again, it does what is left.

    Its `repr` is the same in every call with the same options, as that of a dataclass is.

    Attributes:
        name: for messages; unique among the jobs of a call.
        folder: exists while the job runs; a scheduler's record of the job is kept there.
        lock: file that is locked while the job runs.
        log: file to which all output of the job is appended.
    """

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def lock(self) -> Path: ...

    @property
    def log(self) -> Path: ...

    def finished(self) -> bool: ...

    def prepare(self) -> None:
        """Called before each start."""

    def command(self) -> list[str]: ...

    def environment(self) -> dict[str, str]:
        """Variables added to the caller's."""

    def steps(self) -> tuple[int, int | None]:
        """Steps done and in total, e.g. epochs or cases; the total is None while it is unknown."""


def steps_or_none(job: Job) -> tuple[int, int | None] | None:
    """`job.steps()`; None while its files cannot be read, which must not end a running job.

    A network file system may lose a file for a moment, or show half of one that is being written.
    """
    try:
        return job.steps()
    except (OSError, ValueError):
        return None


def last_lines(job: Job) -> str:
    """The end of the job's log, for a message about its failure."""
    if not job.log.is_file():
        return f"{job.log} was never written."
    lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "\n    ".join([f"the end of {job.log}:", *lines])
