"""The command `crossval`."""

import argparse
import sys
from pathlib import Path

from .models import add_models

HELP = "Train models on folds, predict and compare, on this machine or with Slurm; run it again to do what is missing."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models(parser, dataset="data set id or name, preprocessed")
    parser.add_argument(
        "-f",
        metavar="FOLD",
        nargs="+",
        default=["0", "1", "2", "3", "4"],
        help="folds, or all (default: 0 to 4)",
    )
    parser.add_argument(
        "-o", metavar="FOLDER", required=True, help="output folder for predictions, comparison and logs"
    )
    parser.add_argument("-i", metavar="FOLDER", help="images to predict with each model")
    parser.add_argument(
        "--repeats", type=int, metavar="N", default=1, help="independent runs per model and fold (default: 1)"
    )
    parser.add_argument("--group", metavar="RULE", help="which cases are one patient, as in compare")
    parser.add_argument(
        "-device", choices=("cuda", "cpu", "mps"), default="cuda", help="default: %(default)s"
    )
    parser.add_argument("-num_gpus", type=int, default=1, help="GPUs per training (default: %(default)s)")
    parser.add_argument("-pretrained_weights", metavar="FILE", help="as in nnUNetv2_train")
    parser.add_argument("--npz", action="store_true", help="keep probabilities, for ensembles and FROC")
    parser.add_argument("--no-ensembles", action="store_true", help="no ensembles of two models")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything and print what is left to do, without doing it",
    )
    parser.add_argument(
        "--launcher", choices=("local", "slurm"), default="local", help="default: %(default)s"
    )
    local = parser.add_argument_group("on this machine")
    local.add_argument(
        "--jobs", type=int, metavar="N", help="parallel jobs (default: one per GPU; 1 without a GPU)"
    )
    slurm = parser.add_argument_group("on a Slurm cluster")
    slurm.add_argument("--partition", metavar="NAME")
    slurm.add_argument("--hours", type=float, default=24.0, help="time limit per job (default: %(default)s)")
    slurm.add_argument(
        "--requeues", type=int, default=20, help="continuations after the time limit (default: %(default)s)"
    )
    slurm.add_argument("--cpus", type=int, default=12, help="CPUs per job (default: %(default)s)")
    slurm.add_argument(
        "--memory", type=float, default=48.0, metavar="GB", help="memory per job (default: %(default)s)"
    )
    slurm.add_argument(
        "--at-a-time", type=int, default=256, metavar="N", help="parallel jobs (default: %(default)s)"
    )
    slurm.add_argument(
        "--sbatch",
        metavar="NAME=VALUE",
        nargs="+",
        default=[],
        help="further sbatch options, e.g. account=abc qos=long",
    )


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.crossval.checks import check_plan
    from nnunet_slice_attention.crossval.crossval import crossvalidate, describe
    from nnunet_slice_attention.crossval.model_job import Settings
    from nnunet_slice_attention.crossval.plan import Plan
    from nnunet_slice_attention.model_name import ModelName

    weights = Path(args.pretrained_weights).absolute() if args.pretrained_weights else None
    if weights and not weights.is_file():
        raise FileNotFoundError(
            f"-pretrained_weights {weights} does not exist. Give the path of a checkpoint."
        )
    if args.repeats < 1:
        raise ValueError(f"--repeats {args.repeats} is too few. Give 1 or more.")
    plan = Plan(
        dataset=args.d,
        models=[ModelName.parse(name) for name in dict.fromkeys(args.m)],
        folds=list(dict.fromkeys(args.f)),
        settings=Settings(args.device, args.num_gpus, args.npz, weights),
        output=Path(args.o).absolute(),
        repeats=args.repeats,
        images=Path(args.i).absolute() if args.i else None,
        group=args.group,
        ensembles=not args.no_ensembles,
    )
    launch = _local(args) if args.launcher == "local" else _slurm(args, plan.output)
    if args.dry_run:
        check_plan(plan, write_split=False)
        print(describe(plan))
        return 0
    failures = crossvalidate(plan, launch)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    if not failures:
        print(f"Wrote {args.o}")
    return 1 if failures else 0


def _local(args: argparse.Namespace):
    from nnunet_slice_attention.jobs.local import places, run_locally

    where = places(args.device, args.num_gpus, args.jobs)
    return lambda jobs: run_locally(jobs, where)


def _slurm(args: argparse.Namespace, output: Path):
    from nnunet_slice_attention.jobs.slurm import check_slurm, run_on_slurm

    check_slurm()
    parameters = {
        "timeout_min": max(1, round(60 * args.hours)),
        "cpus_per_task": args.cpus,
        "mem_gb": args.memory,
        "slurm_array_parallelism": args.at_a_time,
        "slurm_additional_parameters": {"requeue": True} | dict(_named(text) for text in args.sbatch),
    }
    if args.device == "cuda":
        parameters["gpus_per_node"] = args.num_gpus
    if args.partition:
        parameters["slurm_partition"] = args.partition
    return lambda jobs: run_on_slurm(jobs, output / "slurm", parameters, args.requeues)


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not (name and value):
        raise ValueError(f"--sbatch {text!r} is not of the form NAME=VALUE. Give e.g. account=abc.")
    return name, value
