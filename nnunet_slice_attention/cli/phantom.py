"""The command `phantom`."""

import argparse
import os

HELP = "Write a synthetic data set in nnU-Net's raw format."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", metavar="RAW_FOLDER", help="folder of raw data sets (default: $nnUNet_raw)")
    parser.add_argument("-d", metavar="ID", type=int, default=999, help="data set id (default: %(default)s)")
    parser.add_argument("--name", default="SlicePhantom", help="data set name (default: %(default)s)")
    parser.add_argument("--cases", type=int, default=40, help="training volumes (default: %(default)s)")
    parser.add_argument("--test-cases", type=int, default=8, help="test volumes (default: %(default)s)")
    parser.add_argument(
        "--shape",
        type=int,
        nargs=3,
        default=(12, 96, 96),
        metavar=("S", "H", "W"),
        help="voxels, slices first (default: 12 96 96)",
    )
    parser.add_argument(
        "--spacing",
        type=float,
        nargs=3,
        default=(5.0, 0.8, 0.8),
        metavar=("S", "H", "W"),
        help="millimetres, slices first (default: 5 0.8 0.8)",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.phantom_dataset import write_phantom

    raw_folder = args.o or os.environ.get("nnUNet_raw")
    if not raw_folder:
        raise ValueError(
            "no output folder. Give -o RAW_FOLDER, or set nnUNet_raw (export nnUNet_raw=/path/to/nnUNet_raw)."
        )
    path = write_phantom(
        raw_folder,
        args.d,
        args.name,
        args.cases,
        args.test_cases,
        tuple(args.shape),
        tuple(args.spacing),
        args.seed,
    )
    print(f"Wrote {path}\nNext: nnUNetv2_plan_and_preprocess -d {args.d} -c 2d")
    return 0
