"""The command `cost`."""

import argparse
import sys
from pathlib import Path

from .models import add_models

HELP = "Measure what models cost: parameters, multiply-adds, time and memory."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models(parser, dataset="data set id or name, preprocessed", note="; ratios are relative to the first")
    parser.add_argument("-o", metavar="FOLDER", required=True, help="output folder")
    parser.add_argument("-device", default="cuda", help="cuda, cpu or mps (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, metavar="N", default=3, help="measurements per model (default: %(default)s)"
    )
    parser.add_argument(
        "--iterations",
        type=int,
        metavar="N",
        default=10,
        help="timed steps per measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--cases",
        type=int,
        metavar="N",
        default=1,
        help="predicted cases per measurement (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.cost.measure import measure_costs

    failures = measure_costs(
        args.d, args.m, Path(args.o), args.device, args.repeats, args.iterations, args.cases
    )
    if len(failures) < len(set(args.m)) * args.repeats:
        print(f"Wrote {args.o}/cost.md")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0
