"""The command `compare`."""

import argparse
import sys
from pathlib import Path

from .models import add_folds, add_models

HELP = "Compare models on the same cases, with confidence intervals: tables, figures and one HTML page."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models(parser, required=False)
    add_folds(parser, "folds whose validation cases are compared (default: 0)")
    parser.add_argument(
        "--runs",
        metavar="FOLDER",
        nargs="+",
        action="extend",
        help="results folders with independent runs of the models, e.g. one per seed (default: nnUNet_results)",
    )
    parser.add_argument(
        "--predictions",
        metavar="NAME=FOLDER",
        nargs="+",
        action="extend",
        default=[],
        help="folders of predictions, instead of -d and -m; needs --truth",
    )
    parser.add_argument("--truth", metavar="FOLDER", help="ground-truth segmentations for --predictions")
    parser.add_argument(
        "--dataset-json",
        metavar="FILE",
        help="dataset.json for --truth (default: that of the first folder of predictions)",
    )
    parser.add_argument("--images", metavar="FOLDER", help="images for --truth, to show examples")
    parser.add_argument(
        "--baseline",
        metavar="MODEL",
        help="that the other models are compared with (default: the first)",
    )
    parser.add_argument(
        "--group",
        metavar="RULE",
        help="which cases are of one patient: a regular expression for the patient in the case's name, or a CSV file "
        "of case,patient (default: every case is a patient)",
    )
    parser.add_argument(
        "--tolerance",
        metavar="MM",
        type=float,
        default=2.0,
        help="for the normalised surface distance, NSD (default: %(default)s)",
    )
    parser.add_argument(
        "--lesions",
        metavar=("MM", "MM"),
        type=float,
        nargs=2,
        help="also evaluate lesion-wise; diameters that separate small, medium and large",
    )
    parser.add_argument(
        "--boxes",
        action="store_true",
        help="also evaluate detection by the boxes of connected components; needs saved probabilities",
    )
    parser.add_argument(
        "--no-ensembles", action="store_true", help="do not evaluate pairs of models with probabilities"
    )
    parser.add_argument(
        "-np", metavar="N", type=int, default=2, help="number of processes (default: %(default)s)"
    )
    parser.add_argument(
        "--cost", metavar="FILE", help="cost.csv of the command cost, to plot accuracy against cost"
    )
    parser.add_argument("-o", metavar="FOLDER", required=True, help="folder of the report")
    parser.add_argument("--title", default="Comparison", help="title of the report (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.comparison.api import load_models
    from nnunet_slice_attention.comparison.find_models import parse_prediction
    from nnunet_slice_attention.comparison.model_checks import check_unique
    from nnunet_slice_attention.comparison.options import Options
    from nnunet_slice_attention.comparison.write_comparison import write_comparison

    _check_flags(args)
    predictions = [parse_prediction(text) for text in args.predictions]
    check_unique(name for name, _ in predictions)  # before the names become keys
    models, truth = load_models(
        args.m or dict(predictions),
        args.d,
        [int(fold) if fold.isdigit() else fold for fold in args.f or ["0"]],
        args.runs or (),
        args.truth,
        args.dataset_json,
        args.images,
    )
    options = Options(
        baseline=args.baseline or models[0].name,
        tolerance=args.tolerance,
        lesion_sizes=tuple(args.lesions) if args.lesions else None,
        boxes=args.boxes,
        ensembles=not args.no_ensembles,
        processes=args.np,
        title=args.title,
        group=args.group,
        cost=Path(args.cost) if args.cost else None,
    )
    failures = write_comparison(models, truth, Path(args.o), options)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    if not failures:
        boxes = ", boxes.csv" if args.boxes else ""
        print(f"Wrote {args.o}/report.html, report.md, cases.csv{boxes} and manifest.json")
    return 1 if failures else 0


def _check_flags(args: argparse.Namespace) -> None:
    """Raise ValueError for options that do not go together."""
    if bool(args.m) == bool(args.predictions):
        raise ValueError(
            "give either -d and -m for trained models, or --predictions and --truth for folders of predictions."
        )
    if args.m and not args.d:
        raise ValueError("-m needs -d DATASET.")
    if args.m and (args.truth or args.images or args.dataset_json):
        raise ValueError(
            "--truth, --dataset-json and --images are for --predictions. Leave them out with -m."
        )
    if args.predictions and args.runs:
        raise ValueError("--runs is for trained models (-m). Leave it out with --predictions.")
    if args.predictions and args.d:
        raise ValueError("-d is for trained models (-m). Give --truth and --dataset-json with --predictions.")
