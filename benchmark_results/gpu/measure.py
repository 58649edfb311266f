"""Training steps on a GPU as nnU-Net makes them: are they correct, what do they cost? Writes CSV files to a folder.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres
    nnUNetv2_plan_experiment -d 27 -pl nnUNetPlannerResEncM
    python measure.py --dataset 27 --models models.txt -o .

Every model has a process of its own, with nnU-Net's trainer, plans, loader and `torch.compile`. Models are built,
checked and compiled at the same time, and timed alone, in turns. Compiling, which takes longest, comes last, and each
result is written at once, so an interrupted run keeps its results. In the folder: `eager.csv` and `compiled.csv`,
the gradient of one batch in float16 against single precision, and the loss before and after steps on that batch;
`steps.csv`, seconds per step in each round; `prediction.csv`, seconds per case.
"""

import argparse
import csv
import multiprocessing
import multiprocessing.connection
import os
import random
import sys
import tempfile
from pathlib import Path

from model_process import work

TIMEOUT = 300  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, help="nnU-Net data set id or name")
    parser.add_argument(
        "--models", type=Path, required=True, help="file with one TRAINER__PLANS__CONFIGURATION per line"
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("-o", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    args.o.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as results:
        os.environ["nnUNet_results"] = results  # a trainer creates its folder when it is built
        workers = Workers(args.models.read_text("utf-8").split(), args.dataset, args.device)
        workers.run_together("check_eager", args.o / "eager.csv")
        workers.take_turns("time_eager", args.rounds, args.o / "steps.csv")
        workers.take_turns("predict", 1, args.o / "prediction.csv")
        workers.run_together("check_compiled", args.o / "compiled.csv")
        workers.take_turns("time_compiled", args.rounds, args.o / "steps.csv")
        workers.stop()
    for name, error in workers.failed.items():
        print(f"FAILED {name}:\n{error}", file=sys.stderr)
    return 1 if workers.failed else 0


class Workers:
    """One process per model. A model that fails is left out from then on."""

    def __init__(self, names: list[str], dataset: str, device: str):
        context = multiprocessing.get_context("spawn")
        self.alone = context.Lock()
        self.pipes, self.processes, self.failed = {}, {}, {}
        for name in names:
            self.pipes[name], theirs = context.Pipe()
            arguments = (name, dataset, device, self.alone, theirs)
            self.processes[name] = context.Process(target=work, args=arguments)
            self.processes[name].start()
            theirs.close()  # so that the end of the process is noticed

    def run_together(self, request: str, file: Path) -> None:
        """All models at the same time."""
        for name in list(self.pipes):
            self._send(name, request)
        waiting = {pipe: name for name, pipe in self.pipes.items()}
        while waiting and (ready := multiprocessing.connection.wait(list(waiting), timeout=TIMEOUT)):
            for pipe in ready:
                self._record(waiting.pop(pipe), request, 0, file)
        for name in waiting.values():
            self._leave_out(name, f"no reply to {request} in {TIMEOUT} s")

    def take_turns(self, request: str, rounds: int, file: Path) -> None:
        """One model after the other, in a new random order each round."""
        for number in range(rounds):
            for name in random.sample(list(self.pipes), len(self.pipes)):
                if self._send(name, request):
                    self._record(name, request, number, file)

    def _send(self, name: str, request: str) -> bool:
        try:
            self.pipes[name].send(request)
        except BrokenPipeError:
            self._leave_out(name, "the process ended unexpectedly")
        return name in self.pipes

    def _record(self, name: str, request: str, number: int, file: Path) -> None:
        try:
            replied = self.pipes[name].poll(TIMEOUT)
            reply = self.pipes[name].recv() if replied else f"no reply to {request} in {TIMEOUT} s"
        except (EOFError, ConnectionResetError):
            reply = "the process ended unexpectedly"
        if isinstance(reply, str):
            self._leave_out(name, reply)
            return
        row = {"model": name, "request": request, "round": number} | reply
        print(row, flush=True)
        is_new = not file.is_file()
        with file.open("a", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, row)
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def _leave_out(self, name: str, error: str) -> None:
        self.failed[name] = error
        del self.pipes[name]
        self.processes[name].kill()

    def stop(self) -> None:
        for pipe in self.pipes.values():
            pipe.send(None)


if __name__ == "__main__":
    sys.exit(main())
