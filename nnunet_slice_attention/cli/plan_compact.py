"""The command `plan-compact`."""

import argparse

from .models import DEFAULT_TRAINER

HELP = "Write plans for a small network, for CPUs and small GPUs."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", metavar="DATASET", required=True, help="data set id or name")
    parser.add_argument(
        "-p", metavar="PLANS", default="nnUNetPlans", help="plans to start from (default: %(default)s)"
    )
    parser.add_argument(
        "-o",
        metavar="NAME",
        default="nnUNetCompactPlans",
        help="name of the new plans (default: %(default)s)",
    )
    parser.add_argument(
        "--patch",
        type=int,
        metavar="N",
        default=128,
        help="maximum in-plane patch size (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="slices per 2D batch, at most as planned (default: by patch size)",
    )
    parser.add_argument(
        "--batch-size-3d",
        type=int,
        metavar="N",
        help="patches per 3D batch, at most as planned (default: by patch size)",
    )
    parser.add_argument(
        "--features",
        type=int,
        metavar="N",
        default=256,
        help="maximum channels of a stage (default: %(default)s)",
    )
    parser.add_argument(
        "--convs", type=int, metavar="N", help="maximum convolutions per stage (default: as planned)"
    )


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.plans.compact import write_compact_plans

    batch_sizes = {"2d": args.batch_size, "3d_fullres": args.batch_size_3d}
    path = write_compact_plans(args.d, args.p, args.o, batch_sizes, args.patch, args.features, args.convs)
    print(f"Wrote {path}\nTrain with: nnUNetv2_train {args.d} 2d 0 -tr {DEFAULT_TRAINER} -p {args.o}")
    return 0
