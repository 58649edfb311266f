"""The command `compare`."""

import argparse
import sys
from pathlib import Path

from .models import add_models

HELP = "Compare models on the same cases, with uncertainty: tables, figures and one HTML page."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models(parser, required=False)
    parser.add_argument(
        "-f", metavar="FOLD", nargs="+", default=["0"], help="folds whose validation is compared (default: 0)"
    )
    parser.add_argument(
        "--runs",
        metavar="FOLDER",
        nargs="+",
        help="results folders with independent runs of the models, e.g. one per seed (default: nnUNet_results)",
    )
    parser.add_argument(
        "--predictions",
        metavar="NAME=FOLDER",
        nargs="+",
        default=[],
        help="folders of predictions; requires --truth",
    )
    parser.add_argument("--truth", metavar="FOLDER", help="ground truth segmentations for --predictions")
    parser.add_argument(
        "--dataset-json",
        metavar="FILE",
        help="dataset.json for --truth (default: the one in the first folder of predictions)",
    )
    parser.add_argument("--images", metavar="FOLDER", help="images for --truth, to show examples")
    parser.add_argument(
        "--reference",
        metavar="MODEL",
        help="the model that the others are compared with (default: the first)",
    )
    parser.add_argument(
        "--group",
        metavar="RULE",
        help="which cases are one patient: a regular expression for the patient in a case's name, or a CSV of "
        "case,patient",
    )
    parser.add_argument(
        "--tolerance",
        metavar="MM",
        type=float,
        default=2.0,
        help="tolerance of the surface Dice, NSD (default: %(default)s)",
    )
    parser.add_argument(
        "--lesions",
        metavar="MM",
        type=float,
        nargs=2,
        help="lesion-wise metrics; diameters that separate small, medium and large lesions",
    )
    parser.add_argument(
        "--no-ensembles", action="store_true", help="no ensembles of two models with probabilities"
    )
    parser.add_argument("-np", metavar="N", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument(
        "--cost", metavar="FILE", help="cost.csv of the command cost, to plot accuracy against cost"
    )
    parser.add_argument("-o", metavar="FOLDER", required=True, help="output folder")
    parser.add_argument("--title", default="Comparison", help="title of the report (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.comparison.api import models_and_truth
    from nnunet_slice_attention.comparison.compare import Options, compare
    from nnunet_slice_attention.comparison.compared_models import split_name
    from nnunet_slice_attention.comparison.patients import group_by

    _check_flags(args)
    named = [split_name(text) for text in args.predictions]
    if repeated := {name for name, _ in named if [n for n, _ in named].count(name) > 1}:
        raise ValueError(
            f"--predictions has {', '.join(sorted(repeated))} more than once. Give each model a unique name."
        )
    models, truth = models_and_truth(
        args.m or dict(named),
        args.d,
        [int(fold) if fold.isdigit() else fold for fold in args.f],
        args.runs or (),
        args.truth,
        args.dataset_json,
        args.images,
    )
    options = Options(
        reference=args.reference or models[0].name,
        tolerance=args.tolerance,
        lesion_sizes=tuple(args.lesions) if args.lesions else None,
        ensembles=not args.no_ensembles,
        processes=args.np,
        title=args.title,
        group=args.group,
        cost=Path(args.cost) if args.cost else None,
    )
    failures = compare(models, truth, Path(args.o), options, group_by(args.group))
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    if not failures:
        print(f"Wrote {args.o}/report.html, report.md, cases.csv and manifest.json")
    return 1 if failures else 0


def _check_flags(args: argparse.Namespace) -> None:
    """Raise ValueError for incompatible flags."""
    if bool(args.m) == bool(args.predictions):
        raise ValueError(
            "give either -d and -m for trained models, or --predictions and --truth for folders."
        )
    if args.m and not args.d:
        raise ValueError("-m needs -d DATASET.")
    if args.m and (args.truth or args.images or args.dataset_json):
        raise ValueError("--truth, --dataset-json and --images are for --predictions. Omit them with -m.")
    if args.predictions and args.runs:
        raise ValueError("--runs is for trained models. Omit it with --predictions.")
    if args.predictions and args.d:
        raise ValueError("-d is for trained models. With --predictions give --truth and --dataset-json.")
