"""Train and validate the runs of a table, each for a planned number of steps, and note the process time they took.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    python run.py runs.csv --workers 2        # again after an interruption: it goes on from the last epoch
    python run.py runs.csv --status
    python collect.py runs.csv -o FOLDER      # tables of the results

A row of the table is a run; its columns are the attributes of `Run`. Each run has a process with one CPU thread that
also loads the data, so that its processor seconds are all that the training costs. On a CPU it works in single
precision. Results go to `$nnUNet_results/RUN`, the output to `RUN.log` there; RUN is a short name of the row,
e.g. csa_d514_f0_s1_50x250. A finished run is skipped, and so is one that another caller is at work on.
In a run's fold folder `process_time.csv` has a row an epoch, `curve.csv` the Dice of a few validation cases at about
12 epochs, and `made_with.json`, written last, tells that the run is finished.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path

from nnunet_slice_attention.jobs.lock import Busy, locked

INTEGERS = ("dataset", "fold", "seed", "epochs", "iterations", "iterations_later")
ONE_THREAD = {f"{n}_NUM_THREADS": "1" for n in ("OMP", "MKL", "OPENBLAS")} | {"nnUNet_def_n_proc": "1"}


@dataclass(frozen=True)
class Run:
    """A row of the table.

    Attributes:
        name: what tables call the model.
        dataset: nnU-Net's number of it.
        epochs: of the whole training; each ends with a checkpoint.
        iterations: training steps an epoch; where the trainer has a 2D phase first, those of that phase.
        iterations_later: steps an epoch after the 2D phase; None if there is no such phase.
        after: index of the run that has to be finished first, a row further up. The two share a results folder, where
            this run finds the other's model.
        results_of: index of the run whose results folder it is; not a column.
    """

    name: str
    dataset: int
    plans: str
    configuration: str
    trainer: str
    fold: int
    seed: int
    epochs: int
    iterations: int
    iterations_later: int | None = None
    after: str | None = None
    results_of: str = ""

    @property
    def index(self) -> str:
        of_run = f"{self.name}_d{self.dataset}_f{self.fold}_s{self.seed}"
        return f"{of_run}_{self.epochs}x{self.iterations}"

    @property
    def results(self) -> Path:
        return Path(os.environ["nnUNet_results"]) / self.results_of

    @property
    def log(self) -> Path:
        return self.results / f"{self.index}.log"

    @property
    def model(self) -> str:
        return f"{self.trainer}__{self.plans}__{self.configuration}"

    def fold_folder(self) -> Path | None:
        """None before the run has begun."""
        return next(self.results.glob(f"Dataset{self.dataset:03d}_*/{self.model}/fold_{self.fold}"), None)

    def is_finished(self) -> bool:
        folder = self.fold_folder()
        return folder is not None and (folder / "made_with.json").is_file()


def read_runs(path: Path) -> list[Run]:
    """The rows of a table.

    Raises:
        ValueError: a column is missing or unknown, a value is no number, two rows are the same run or would write to
            one folder, or `after` names no row further up.
    """
    columns = [field for field in fields(Run) if field.name != "results_of"]
    required = {field.name for field in columns if field.default is MISSING}
    runs: dict[str, Run] = {}
    places: dict[tuple, str] = {}
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        header = set(reader.fieldnames or ())
        if wrong := (required - header) | (header - {field.name for field in columns}):
            raise ValueError(
                f"{path}: column(s) {', '.join(sorted(wrong))} missing or unknown. A table has the columns "
                f"{', '.join(field.name for field in columns)}; the last two may be left out."
            )
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            run = Run(**checked_row(row, required, where))
            first = runs.get(run.after)
            if run.after and not first:
                raise ValueError(
                    f"{where}: {run.index} comes after {run.after}, which is no run further up. Name one of: "
                    f"{', '.join(runs) or 'none yet'}."
                )
            run = replace(run, results_of=first.results_of if first else run.index)
            place = (run.results_of, run.dataset, run.model, run.fold)
            if other := runs.get(run.index) or runs.get(places.get(place)):
                raise ValueError(
                    f"{where}: {run.index} would write to the folder of {other.index}. Remove one of the rows or give "
                    "it another name; rows after the same run need different trainers."
                )
            runs[run.index], places[place] = run, run.index
    return list(runs.values())


def checked_row(row: dict, required: set[str], where: str) -> dict[str, str | int]:
    """The cells of a row that are not empty, numbers as such."""
    if None in row:
        raise ValueError(f"{where}: {row[None]} is beyond the last column. Remove it, or a comma too many.")
    values: dict[str, str | int] = {k: v.strip() for k, v in row.items() if v and v.strip()}
    if absent := required - set(values):
        raise ValueError(f"{where}: {', '.join(sorted(absent))} is empty. Fill it in.")
    for column in set(INTEGERS) & set(values):
        if not values[column].isdecimal():
            raise ValueError(f"{where}: {column} is {values[column]!r}. Give a whole number.")
        values[column] = int(values[column])
    return values


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="table of the runs")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time, one CPU thread each")
    parser.add_argument("--only", default="", metavar="REGEX", help="only runs with this in their name")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--curve-every", type=int, metavar="K", help="epochs; default: about 12 points")
    parser.add_argument("--curve-cases", type=int, default=12, metavar="N", help="validation cases; 0: none")
    parser.add_argument("--status", action="store_true", help="only say how far the runs are")
    args = parser.parse_args()
    if "nnUNet_results" not in os.environ:
        parser.error("nnUNet_results is not set. Export the folder for the results, as for nnU-Net.")
    if min(args.workers, args.curve_every or 1) < 1:
        parser.error("--workers and --curve-every take numbers from 1 on.")
    try:
        table = {run.index: run for run in read_runs(args.runs)}
    except (OSError, ValueError) as error:
        parser.error(str(error))
    runs = [run for run in table.values() if re.search(args.only, run.index)]
    if args.status:
        print(status(runs))
        return 0
    outcomes = run_all(runs, table, args)
    failed = [run for run in runs if outcomes[run.index] == "failed"]
    for run in failed:
        print(f"FAILED {run.index}" + (f": see {run.log}" if run.log.is_file() else ""), file=sys.stderr)
    return 1 if failed else 0


def run_all(runs: list[Run], table: dict[str, Run], args: argparse.Namespace) -> dict[str, str]:
    """How each ended: "finished", "failed" or "skipped". In the table's order, but none waits for a run in a worker."""
    outcomes: dict[str, str] = {}
    waiting, running = list(runs), {}
    with ThreadPoolExecutor(args.workers) as pool:
        while waiting or running:
            unfinished = {run.index for run in (*waiting, *running.values())}
            ready = next((run for run in waiting if run.after not in unfinished), None)
            if ready and len(running) < args.workers:
                waiting.remove(ready)
                first = table.get(ready.after)
                if first and not first.is_finished():
                    print(
                        f"{ready.index} is not begun: {first.index}, which it follows, is not finished.",
                        flush=True,
                    )
                    # Another caller that is at work on the earlier run is no failure.
                    outcomes[ready.index] = "skipped" if outcomes.get(first.index) == "skipped" else "failed"
                else:
                    running[pool.submit(launch, ready, args)] = ready
                continue
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcomes[running.pop(future).index] = future.result()
    return outcomes


def launch(run: Run, args: argparse.Namespace) -> str:
    """Do one run in a process of its own."""
    run.results.mkdir(parents=True, exist_ok=True)
    try:
        with locked(run.log.with_suffix(".lock")) as held, run.log.open("a") as out:
            if run.is_finished():
                return "finished"
            print(f"run {run.index}", flush=True)
            job = asdict(run), args.device, args.curve_every, args.curve_cases
            command = [sys.executable, str(Path(__file__).with_name("training.py")), json.dumps(job)]
            env = os.environ | ONE_THREAD | {"nnUNet_results": str(run.results), "nnUNet_n_proc_DA": "0"}
            # The training holds the lock too: it lives on if this process is killed.
            subprocess.run(held.command(command), env=env, stdout=out, stderr=out, check=False)
    except Busy:
        print(f"{run.index} is skipped: another process is at work on it.", flush=True)
        return "skipped"
    return "finished" if run.is_finished() else "failed"


def status(runs: list[Run]) -> str:
    """A line a run and the totals; hours are processor hours of the training."""
    width = max([len(run.index) for run in runs], default=5)
    lines = [f"{'run':{width}}  epochs     hours  Dice"]
    all_epochs, all_hours = 0, 0.0
    for run in runs:
        folder, epochs, hours, dice = run.fold_folder(), 0, 0.0, "-"
        if folder and (folder / "process_time.csv").is_file():
            with (folder / "process_time.csv").open(newline="") as file:
                seconds = [float(row["cpu_s"]) for row in csv.DictReader(file)]
            epochs, hours = len(seconds), sum(seconds) / 3600
        if run.is_finished():
            summary = json.loads((folder / "validation" / "summary.json").read_text())
            dice = f"{summary['foreground_mean']['Dice']:.4f}"
        lines.append(f"{run.index:{width}}  {f'{epochs}/{run.epochs}':9} {hours:6.2f}  {dice}")
        all_epochs, all_hours = all_epochs + epochs, all_hours + hours
    finished = sum(run.is_finished() for run in runs)
    total = f"{all_epochs}/{sum(run.epochs for run in runs)} epochs, {all_hours:.2f} hours"
    return "\n".join([*lines, f"{finished}/{len(runs)} runs finished, {total}"])


if __name__ == "__main__":
    sys.exit(main())
