"""python -m experiments run|collect|page NAME"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __doc__ as about
from .declaration import RESULTS, Experiment, load


def main(arguments: Sequence[str] | None = None) -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m experiments", description=about, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    helps = {run: "do what is not done yet", collect: "add rows to the tables", page: "write README.md"}
    add = {}
    for do, text in helps.items():
        command = commands.add_parser(do.__name__, help=text)
        command.set_defaults(do=do)
        add[do] = command.add_argument
        add[do]("name", help="folder of benchmark_results")
    add[page]("--dry-run", action="store_true", help="print the page, write nothing")
    add[run]("--dry-run", action="store_true", help="list the jobs, write nothing")
    add[run]("--again", action="store_true", help="do also what the tables have already")
    add[run]("--status", action="store_true", help="only say how far the runs are")
    add[run]("--only", default="", metavar="REGEX", help="only jobs with this in their name")
    add[run]("--jobs", type=int, default=2, metavar="N", help="at a time; on a CPU a training has one thread")
    add[run]("--device", default="cpu", help="cpu or cuda")
    add[run]("--loaders", type=int, default=0, metavar="N", help="processes that load data, per run")
    args = parser.parse_args(arguments)
    try:
        return args.do(args, RESULTS / args.name, load(args.name))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace, folder: Path, experiment: Experiment) -> int:
    from .jobs import Options
    from .launch import run_all, status
    from .stages import stages

    if args.dry_run:  # also where nnU-Net's folders are not set
        os.environ.setdefault("nnUNet_results", "nnUNet_results")
    if args.jobs < 1:
        raise ValueError("--jobs takes numbers from 1 on.")
    provide_trainers(folder)
    options = Options(args.again, args.only, args.jobs, args.device, args.loaders)
    if args.dry_run:
        jobs = [job for stage in stages(folder, experiment, options) for job in stage]
        print("\n".join(f"{job.name}: {'done' if job.finished() else 'to do'}" for job in jobs))
        return 0
    if args.status:
        print(status([training.run for training in stages(folder, experiment, options)[0]]))
        return 0
    failures = run_all(folder, experiment, options)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return collect(args, folder, experiment) or int(bool(failures))


def provide_trainers(folder: Path) -> None:
    """nnU-Net, here and in the jobs' processes, also finds the trainers in an experiment's own folder `trainers`."""
    if (own := folder / "trainers").is_dir():
        places = [str(own), *filter(None, [os.environ.get("nnUNet_extTrainer")])]
        os.environ["nnUNet_extTrainer"] = os.pathsep.join(places)


def collect(args: argparse.Namespace, folder: Path, experiment: Experiment) -> int:
    from .collect import collect
    from .page import draw

    print("\n".join([*collect(folder, experiment), *draw(folder, experiment)]))
    return 0


def page(args: argparse.Namespace, folder: Path, experiment: Experiment) -> int:
    from nnunet_slice_attention.files import write_text

    from .page import render

    text = render(folder, experiment)
    if args.dry_run:
        print(text)
    else:
        write_text(folder / "README.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
