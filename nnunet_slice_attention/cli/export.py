"""The command `export`."""

import argparse

from .models import DEFAULT_TRAINER, add_folds

HELP = "Export a trained model: a safe bundle for prediction, or the network for one slice with its neighbours as ONNX."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from nnunet_slice_attention.model_name import FINAL

    parser.add_argument(
        "--format",
        choices=["onnx", "bundle"],
        default="onnx",
        help="onnx: the network for one slice with its neighbours as channels; bundle: all that predict needs, in "
        "files that run no code when loaded (default: %(default)s)",
    )
    parser.add_argument("-d", metavar="DATASET", required=True, help="data set id or name")
    parser.add_argument("-tr", metavar="TRAINER", default=DEFAULT_TRAINER, help="default: %(default)s")
    parser.add_argument("-p", metavar="PLANS", default="nnUNetPlans", help="default: %(default)s")
    parser.add_argument("-c", metavar="CONFIGURATION", default="2d", help="default: %(default)s")
    add_folds(parser, "onnx: one fold (default: 0); bundle: folds to average (default: all)")
    parser.add_argument("-chk", metavar="FILE", default=FINAL, help="default: %(default)s")
    parser.add_argument(
        "-o",
        metavar="FILE",
        required=True,
        help="output, e.g. model.onnx; model.zip or a folder for a bundle",
    )


def run(args: argparse.Namespace) -> int:
    return _bundle(args) if args.format == "bundle" else _onnx(args)


def _bundle(args: argparse.Namespace) -> int:
    from pathlib import Path

    from nnunet_slice_attention.bundle.export import export_bundle
    from nnunet_slice_attention.inference.trained_model import model_folder

    folds = export_bundle(model_folder(args.d, args.tr, args.p, args.c), Path(args.o), args.f, args.chk)
    print(f"Wrote {args.o}: fold {', '.join(folds)}, plans, checksums and MODEL_CARD.md")
    print(f"Predict with: nnunet-slice-attention predict --bundle {args.o} -i IMAGES -o SEGMENTATIONS")
    return 0


def _onnx(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.inference.onnx_export import export_trained
    from nnunet_slice_attention.inference.trained_model import model_folder

    written = export_trained(model_folder(args.d, args.tr, args.p, args.c), args.f or ["0"], args.chk, args.o)
    size = f"{written.sizes[0][0]} x {written.sizes[0][1]}"
    if len(written.sizes) > 1:
        size = f"multiples of {written.stride[0]} x {written.stride[1]}"
    print(f"Wrote {args.o}: {written.n_slices} slices as channels, in-plane size {size}")
    print(f"Maximum difference of logits to PyTorch: {written.difference:.1e}")
    return 0
