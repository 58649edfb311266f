"""The command `nnunet-slice-attention VERB`: parses flags, calls one function, prints what it returns.

Flags have nnU-Net's names. Each verb imports what it needs when it runs, so that `--help` does not wait for torch.
"""

import argparse
import os
import sys
from pathlib import Path

# nnU-Net raises RuntimeError for an unknown data set id and for a folder variable that is not set.
USER_ERRORS = (ValueError, FileNotFoundError, FileExistsError, RuntimeError)


def main(argv: list[str] | None = None) -> int:
    """Exit status of one command: 0, or 1 with one message on stderr when the user has something to mend."""
    args = build_parser().parse_args(argv)
    try:
        return args.run(args)
    except USER_ERRORS as error:
        if args.debug:
            raise
        print(f"nnunet-slice-attention {args.verb}: {error}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnunet-slice-attention", description="2.5D networks for nnU-Net v2."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, run, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        sub.set_defaults(run=run)
        return sub

    sub = verb("doctor", doctor, "Check the installation and, with -d, what a trainer makes of a data set.")
    sub.add_argument(
        "-d", metavar="DATASET", help="data set id or name; without it only the installation is checked"
    )
    sub.add_argument("-p", metavar="PLANS", default="nnUNetPlans", help="plans (default: %(default)s)")
    sub.add_argument("-tr", metavar="TRAINER", default="nnUNetTrainerCSANet", help="default: %(default)s")

    verb(
        "trainers-path",
        trainers_path,
        "Print the folder that nnUNet_extTrainer must name in an editable install.",
    )

    sub = verb("plan-compact", plan_compact, "Write plans with a small network for CPUs and small GPUs.")
    sub.add_argument("-d", metavar="DATASET", required=True, help="data set id or name")
    sub.add_argument(
        "-p", metavar="PLANS", default="nnUNetPlans", help="plans to start from (default: %(default)s)"
    )
    sub.add_argument(
        "-o", metavar="NAME", default="nnUNetCompactPlans", help="new plans (default: %(default)s)"
    )
    sub.add_argument(
        "--patch", type=int, metavar="N", default=128, help="largest in-plane patch (default: %(default)s)"
    )
    sub.add_argument(
        "--batch-size", type=int, metavar="N", help="slices of a 2D batch (default: fitted to the patch)"
    )

    sub = verb("phantom", phantom, "Write a synthetic data set in nnU-Net's raw format.")
    sub.add_argument("-o", metavar="RAW_FOLDER", help="folder of raw data sets (default: $nnUNet_raw)")
    sub.add_argument("-d", metavar="ID", type=int, default=999, help="data set id (default: %(default)s)")
    sub.add_argument("--name", default="SlicePhantom", help="data set name (default: %(default)s)")
    sub.add_argument("--cases", type=int, default=40, help="training volumes (default: %(default)s)")
    sub.add_argument("--test-cases", type=int, default=8, help="test volumes (default: %(default)s)")
    sub.add_argument(
        "--shape",
        type=int,
        nargs=3,
        default=(12, 96, 96),
        metavar=("S", "H", "W"),
        help="voxels, slices first (default: 12 96 96)",
    )
    sub.add_argument(
        "--spacing",
        type=float,
        nargs=3,
        default=(5.0, 0.8, 0.8),
        metavar=("S", "H", "W"),
        help="millimetres, slices first (default: 5 0.8 0.8)",
    )
    sub.add_argument("--seed", type=int, default=0, help="default: %(default)s")

    sub = verb(
        "import-weights",
        import_weights,
        "Turn timm's ImageNet weights into a checkpoint for nnUNetv2_train -pretrained_weights.",
    )
    sub.add_argument("-d", metavar="DATASET", required=True, help="data set id or name")
    sub.add_argument("-o", metavar="FILE", required=True, help="checkpoint to write, e.g. r50_vit.pth")
    sub.add_argument(
        "-tr", metavar="TRAINER", default="nnUNetTrainerCSANet_R50ViT", help="default: %(default)s"
    )
    sub.add_argument("-p", metavar="PLANS", default="nnUNetPlans", help="plans (default: %(default)s)")
    sub.add_argument(
        "--model",
        metavar="NAME",
        default="vit_base_r50_s16_224.orig_in21k",
        help="timm's name (default: %(default)s)",
    )
    sub.add_argument(
        "--file", metavar="FILE", help="its weights, .pth or .safetensors (default: timm downloads them)"
    )

    sub = verb("cost", cost, "Measure what models cost: parameters, multiply-adds, seconds and memory.")
    sub.add_argument("-d", metavar="DATASET", required=True, help="data set id or name, preprocessed")
    sub.add_argument(
        "-m",
        metavar="MODEL",
        nargs="+",
        required=True,
        help="TRAINER__PLANS__CONFIGURATION, stock ones too; ratios are to the first",
    )
    sub.add_argument("-o", metavar="FOLDER", required=True, help="folder of the tables")
    sub.add_argument("-device", default="cuda", help="cuda, cpu or mps (default: %(default)s)")
    sub.add_argument(
        "--repeats", type=int, metavar="N", default=3, help="measurements a model (default: %(default)s)"
    )
    sub.add_argument(
        "--iterations", type=int, metavar="N", default=10, help="timed steps each (default: %(default)s)"
    )
    sub.add_argument(
        "--cases", type=int, metavar="N", default=1, help="cases predicted each (default: %(default)s)"
    )
    return parser


def doctor(args) -> int:
    from nnunet_slice_attention.nnunet.check import as_text
    from nnunet_slice_attention.nnunet.doctor import examine

    checks = examine(args.d, args.p, args.tr)
    print(as_text(checks))
    return 0 if all(check.ok for check in checks) else 1


def trainers_path(args) -> int:
    from nnunet_slice_attention.nnunet import shim

    print(shim.__path__[0])
    return 0


def plan_compact(args) -> int:
    from nnunet_slice_attention.nnunet.compact_plans import write_compact_plans

    path = write_compact_plans(args.d, args.p, args.o, args.batch_size, args.patch)
    print(f"Wrote {path}\nTrain with: nnUNetv2_train {args.d} 2d 0 -tr nnUNetTrainerCSANet -p {args.o}")
    return 0


def phantom(args) -> int:
    from nnunet_slice_attention.benchmark.phantom import write_phantom

    raw_folder = args.o or os.environ.get("nnUNet_raw")
    if not raw_folder:
        raise ValueError(
            "no folder to write to: give -o RAW_FOLDER, or set nnUNet_raw (export nnUNet_raw=/path/to/nnUNet_raw)."
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


def import_weights(args) -> int:
    from nnunet_slice_attention.nnunet.import_weights import write_pretrained_checkpoint

    n_filled = write_pretrained_checkpoint(args.d, args.o, args.tr, args.p, args.model, args.file)
    print(
        f"Wrote {args.o}: {n_filled} tensors from {args.file or args.model}, the rest from a fixed seed\n"
        f"Train with: nnUNetv2_train {args.d} 2d 0 -tr {args.tr} -p {args.p} -pretrained_weights {args.o}"
    )
    return 0


def cost(args) -> int:
    from nnunet_slice_attention.benchmark.cost import measure_costs

    failures = measure_costs(
        args.d, args.m, Path(args.o), args.device, args.repeats, args.iterations, args.cases
    )
    print(f"Wrote {args.o}/cost.md")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0
