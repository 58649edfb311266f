"""The kinds of job of an experiment: a training run, and commands one after the other."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .made_with import FILE
from .run import Run

ROOT = Path(__file__).parents[1]
ONE_THREAD = {f"{n}_NUM_THREADS": "1" for n in ("OMP", "MKL", "OPENBLAS")} | {"nnUNet_def_n_proc": "1"}

# By default glibc gives freed memory back and takes it again, page by page, in each step of one training and of none of
# another. In bytes: more than a step needs; the most that glibc takes.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(4 << 30), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}


@dataclass(frozen=True)
class Options:
    """Options of `python -m experiments run`.

    Attributes:
        again: do also what the experiment's tables have already.
        only: regular expression in the name of a job.
    """

    again: bool = False
    only: str = ""
    at_a_time: int = 2
    device: str = "cpu"
    loaders: int = 0  # in the training's own process, so that its process time is all that it costs


@dataclass(frozen=True, kw_only=True)
class RunJob:
    """What trainings and other jobs have in common, see the package's `jobs.job.Job`.

    Attributes:
        run: what it trains, or whose model it uses, if it does.
        needs: what has to be trained first.
        collected: the rows are in the experiment's tables, and nothing needs what the job makes.
    """

    run: Run | None
    needs: Run | None
    collected: bool

    @property
    def lock(self) -> Path:
        return self.folder / "job.lock"

    @property
    def log(self) -> Path:
        return self.folder / "job.log"

    def environment(self) -> dict[str, str]:
        """`experiments` and this Python's commands are found from anywhere; nnU-Net's results are those of the run."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        results = {"nnUNet_results": str(self.run.results)} if self.run else {}
        return KEEP_MEMORY | {"PYTHONPATH": path, "PATH": commands} | results


def is_current(folder: Path, run: Run | None) -> bool:
    """Whether commands have ended in a folder; False if their model was retrained, or is being trained, since then."""
    note = folder / FILE
    if not note.is_file() or run is None:
        return note.is_file()
    return run.is_finished() and not older_than(note, run)


def older_than(path: Path, run: Run | None) -> bool:
    """Whether a file was written before a run's training ended."""
    return run is not None and path.stat().st_mtime < (run.fold_folder() / FILE).stat().st_mtime


@dataclass(frozen=True, kw_only=True)
class Training(RunJob):
    """A training run; called again it goes on from its last epoch."""

    options: Options

    @property
    def name(self) -> str:
        return self.run.index

    @property
    def folder(self) -> Path:
        return self.run.results / self.run.index

    def finished(self) -> bool:
        return self.collected or self.run.is_finished()

    def prepare(self) -> None:
        """The process itself resumes."""

    def command(self) -> list[str]:
        job = json.dumps([vars(self.run), self.options.device])
        # As a module it would be imported again by each of nnU-Net's worker processes.
        return [sys.executable, "-c", "from experiments.training import main; main()", job]

    def environment(self) -> dict[str, str]:
        return ONE_THREAD | {"nnUNet_n_proc_DA": str(self.options.loaders)} | super().environment()

    def steps(self) -> tuple[int, int | None]:
        return len(self.run.epochs_done()), self.run.epochs


@dataclass(frozen=True, kw_only=True)
class Commands(RunJob):
    """Commands one after the other, by name; those that have ended well are not called again.

    Attributes:
        cwd: where they are called.
        writes: files outside the job's folder that they write themselves.
    """

    name: str
    folder: Path
    commands: dict[str, list[str]]
    cwd: Path = ROOT
    writes: Sequence[Path] = ()

    def finished(self) -> bool:
        written = all(path.is_file() for path in self.writes)
        return self.collected or (written and is_current(self.folder, self.run))

    def prepare(self) -> None:
        """Remove what was made with a model that has been trained again since, also by a call that was interrupted."""
        ended = [*self.folder.glob("*.done"), *self.folder.glob(FILE)]
        if (self.folder / FILE).is_file() or any(older_than(path, self.run) for path in ended):
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.suffix == ".done" or path.name == FILE:
                    path.unlink()

    def command(self) -> list[str]:
        job = str(self.folder), str(self.cwd), json.dumps(self.commands)
        return [sys.executable, "-m", "experiments.commands", *job]

    def steps(self) -> tuple[int, int | None]:
        return len(list(self.folder.glob("*.done"))), len(self.commands)
