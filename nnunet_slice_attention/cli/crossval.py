"""The command `crossval`."""

import argparse
import sys
from pathlib import Path

from .models import add_folds, add_models

HELP = "Train models on folds, predict and compare, on this machine or a cluster. Run it again to do what is missing."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from nnunet_slice_attention.jobs.launchers import LAUNCHERS

    add_models(parser, dataset="data set id or name, preprocessed")
    add_folds(parser, "folds, or nnU-Net's fold all, which has no validation cases (default: 0 to 4)")
    parser.add_argument(
        "-o", metavar="FOLDER", required=True, help="output folder for predictions, comparison and logs"
    )
    parser.add_argument("-i", metavar="FOLDER", help="images to predict with each model")
    parser.add_argument(
        "--repeats", type=int, metavar="N", default=1, help="independent runs per model and fold (default: 1)"
    )
    parser.add_argument("--group", metavar="RULE", help="which cases belong to one patient, as in compare")
    parser.add_argument(
        "-device", choices=("cuda", "cpu", "mps"), default="cuda", help="default: %(default)s"
    )
    parser.add_argument("-num_gpus", type=int, default=1, help="GPUs per training (default: %(default)s)")
    parser.add_argument("-pretrained_weights", metavar="FILE", help="as in nnUNetv2_train")
    parser.add_argument("--npz", action="store_true", help="keep probabilities, for ensembles and FROC")
    parser.add_argument("--no-ensembles", action="store_true", help="no ensembles of two models")
    parser.add_argument(
        "-np", metavar="N", type=int, default=2, help="processes of the comparison (default: %(default)s)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything and print what is left to do, without doing it",
    )
    parser.add_argument("--launcher", choices=LAUNCHERS, default="local", help="default: %(default)s")
    for launcher in LAUNCHERS.values():
        launcher.add_options(parser.add_argument_group(launcher.title))


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.crossval.check_before_training import check_before_training
    from nnunet_slice_attention.crossval.cross_validation import CrossValidation
    from nnunet_slice_attention.crossval.model_job import Settings
    from nnunet_slice_attention.crossval.train_compare_predict import cross_validate, describe
    from nnunet_slice_attention.jobs.launchers import LAUNCHERS
    from nnunet_slice_attention.model_name import ModelName

    weights = Path(args.pretrained_weights).absolute() if args.pretrained_weights else None
    if weights and not weights.is_file():
        raise FileNotFoundError(
            f"-pretrained_weights {weights} does not exist. Give the path of a checkpoint."
        )
    for flag, number in (("--repeats", args.repeats), ("-num_gpus", args.num_gpus)):
        if number < 1:
            raise ValueError(f"{flag} {number} is too few. Give 1 or more.")
    if args.num_gpus > 1 and args.device != "cuda":
        raise ValueError(
            f"-num_gpus {args.num_gpus} -device {args.device}: nnU-Net trains on several GPUs with CUDA alone. "
            "Give one of the two."
        )
    crossval = CrossValidation(
        dataset=args.d,
        models=[ModelName.parse(name) for name in dict.fromkeys(args.m)],
        folds=list(dict.fromkeys(args.f or "01234")),
        settings=Settings(args.device, args.num_gpus, args.npz, weights),
        output=Path(args.o).absolute(),
        repeats=args.repeats,
        images=Path(args.i).absolute() if args.i else None,
        group=args.group,
        ensembles=not args.no_ensembles,
        processes=args.np,
    )
    gpus = args.num_gpus if args.device == "cuda" else 0
    launch = LAUNCHERS[args.launcher](args, "crossval", gpus, crossval.output)
    if args.dry_run:
        check_before_training(crossval, write_split=False)
        print(describe(crossval))
        return 0
    failures = cross_validate(crossval, launch)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    if not failures:
        # Fold all is not compared.
        print("All trained." if crossval.folds == ["all"] and not crossval.images else f"Wrote {args.o}")
    return 1 if failures else 0
