"""The command `predict`."""

import argparse
import sys

from .models import DEFAULT_TRAINER, add_folds

HELP = "Predict like nnUNetv2_predict, but each slice with all its neighbours."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    defaults = _defaults()
    parser.add_argument(
        "-i",
        metavar="INPUT",
        nargs="+",
        action="extend",
        required=True,
        help="folder, or the files of one case, one per channel",
    )
    parser.add_argument("-o", metavar="OUTPUT", required=True, help="folder, or for one case a file")
    parser.add_argument("-d", metavar="DATASET", help="data set id or name")
    parser.add_argument("-tr", metavar="TRAINER", help=f"default: {defaults['tr']}")
    parser.add_argument("-p", metavar="PLANS", help=f"default: {defaults['p']}")
    parser.add_argument("-c", metavar="CONFIGURATION", help=f"default: {defaults['c']}")
    parser.add_argument("-m", metavar="FOLDER", help="folder of the model, instead of -d, -tr, -p and -c")
    parser.add_argument(
        "--bundle",
        metavar="FILE",
        help="bundle made by `export --format bundle`, instead of -d or -m",
    )
    add_folds(parser, "folds to average (default: all trained ones)")
    parser.add_argument("-chk", metavar="FILE", help=f"default: {defaults['chk']}")
    parser.add_argument("-device", default="cuda", help="cuda, cpu or mps (default: %(default)s)")
    parser.add_argument(
        "-step_size",
        type=float,
        default=0.5,
        help="in-plane step relative to the patch size (default: %(default)s)",
    )
    parser.add_argument("--disable_tta", action="store_true", help="no mirroring; several times faster")
    parser.add_argument(
        "--save_probabilities", action="store_true", help="save probabilities, for ensembling"
    )
    parser.add_argument(
        "--continue_prediction",
        action="store_true",
        help="skip existing predictions; an error if they were made with other settings or weights",
    )
    parser.add_argument("--disable_progress_bar", action="store_true", help="no progress bar")
    parser.add_argument("--not_on_device", action="store_true", help="collect the results in main memory")
    parser.add_argument(
        "-npp",
        type=int,
        default=3,
        help="processes for preprocessing (default: %(default)s); with -npp 0 -nps 0 no other process is started",
    )
    parser.add_argument("-nps", type=int, default=3, help="processes for export (default: %(default)s)")
    parser.add_argument("-num_parts", type=int, default=1, help="split the cases over this many calls")
    parser.add_argument("-part_id", type=int, default=0, help="number of this call, from 0")
    parser.add_argument(
        "--neighbours",
        default="own",
        help="own, or a test of whether they are used: repeat (copies of the slice itself), shuffle (other slices of "
        "the volume)",
    )
    parser.add_argument(
        "--attention",
        action="store_true",
        help="also write the attention weight of each neighbouring slice, to the folder attention (SliceAttention, "
        "TSFMUNet, VAUNet, VAMaskRCNN)",
    )
    parser.add_argument(
        "--boxes",
        action="store_true",
        help="also write boxes and scores of the predicted structures' connected components, to the folder boxes; "
        "needs --save_probabilities",
    )
    parser.add_argument(
        "--attention-point",
        metavar="I,J,K",
        type=voxel,
        nargs="+",
        action="extend",
        help="also write where CSA-Net looks from this voxel of each image, one map per offset, to the folder "
        "attention; indices from 0 in the file's order of axes, as 3D Slicer shows them (ITK-SNAP: from 1)",
    )
    parser.add_argument(
        "--slices", type=int, metavar="N", help="slices per forward pass (default: by device)"
    )


def _defaults() -> dict[str, str]:
    """Not the parser's, which could not tell whether a flag is given that a model does not take."""
    from nnunet_slice_attention.model_name import FINAL

    return {"tr": DEFAULT_TRAINER, "p": "nnUNetPlans", "c": "2d", "chk": FINAL}


def voxel(text: str) -> tuple[int, ...]:
    try:
        indices = tuple(map(int, text.split(",")))
    except ValueError:
        indices = ()
    if len(indices) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not a voxel I,J,K, e.g. 120,96,4")
    return indices


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.inference.extra_outputs import ExtraOutputs
    from nnunet_slice_attention.inference.predict import predict_files
    from nnunet_slice_attention.inference.trained_model import load_predictor, model_folder

    _check_model_flags(args)
    tr, p, c, chk = (getattr(args, name) or default for name, default in _defaults().items())
    options = {
        "tile_step_size": args.step_size,
        "use_mirroring": not args.disable_tta,
        "perform_everything_on_device": not args.not_on_device,
        "allow_tqdm": not args.disable_progress_bar and sys.stderr.isatty(),
        "slices_at_a_time": args.slices,
        "neighbours": args.neighbours,
    }
    if args.bundle:
        from nnunet_slice_attention.bundle.load import load_bundle

        predictor = load_bundle(args.bundle, args.device, **options)
    else:
        folder = args.m or model_folder(args.d, tr, p, c)
        predictor = load_predictor(folder, args.f, chk, args.device, **options)
    failures = predict_files(
        predictor,
        args.i,
        args.o,
        args.save_probabilities,
        not args.continue_prediction,
        args.npp,
        args.nps,
        args.num_parts,
        args.part_id,
        ExtraOutputs(attention=args.attention, boxes=args.boxes, attention_points=args.attention_point or ()),
    )
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def _check_model_flags(args: argparse.Namespace) -> None:
    """Raise ValueError unless exactly one model is given, with flags that it takes."""
    if sum(map(bool, (args.d, args.m, args.bundle))) != 1:
        raise ValueError("give exactly one model: -d DATASET, -m FOLDER of the model, or --bundle FILE.")
    if args.bundle and args.f:
        raise ValueError(
            f"-f {' '.join(args.f)}: all folds of a bundle are averaged. Export a bundle with these folds only."
        )
    if args.d:
        return
    fixed = _defaults() if args.bundle else ("tr", "p", "c")
    if given := [f"-{name} {getattr(args, name)}" for name in fixed if getattr(args, name) is not None]:
        flag, model = ("--bundle", args.bundle) if args.bundle else ("-m", args.m)
        raise ValueError(
            f"{flag} {model} is one model, so {' '.join(given)} would have no effect. Leave that out, or give -d "
            f"instead of {flag}."
        )
