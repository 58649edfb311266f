"""The command `find-best`."""

import argparse

from .models import add_folds, add_models

HELP = "Find the best of several trained models and their pairs, with postprocessing and instructions for prediction."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models(parser)
    add_folds(parser, "folds (default: 0 to 4)", int)
    parser.add_argument("--disable_ensembling", action="store_true", help="do not evaluate pairs of models")
    parser.add_argument(
        "-np", metavar="N", type=int, default=2, help="number of processes (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.comparison.find_best import find_best
    from nnunet_slice_attention.model_name import ModelName

    models = [ModelName.parse(name) for name in dict.fromkeys(args.m)]
    best = find_best(args.d, models, args.f or range(5), not args.disable_ensembling, args.np)
    print(f"\nBest: {best.name}, Dice {best.dice:.4f}, {best.postprocessed_dice:.4f} with postprocessing")
    print(f"Inference instructions, with this package's `predict` for its own models: {best.instructions}")
    return 0
