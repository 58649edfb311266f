"""The command `import-weights`."""

import argparse

HELP = "Convert timm's ImageNet weights into a checkpoint for nnUNetv2_train -pretrained_weights."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", metavar="DATASET", required=True, help="data set id or name")
    parser.add_argument("-o", metavar="FILE", required=True, help="checkpoint to write, e.g. r50_vit.pth")
    parser.add_argument(
        "-tr", metavar="TRAINER", default="nnUNetTrainerCSANet_R50ViT", help="default: %(default)s"
    )
    parser.add_argument("-p", metavar="PLANS", default="nnUNetPlans", help="plans (default: %(default)s)")
    parser.add_argument(
        "--model",
        metavar="NAME",
        default="vit_base_r50_s16_224.orig_in21k",
        help="name of the timm model (default: %(default)s)",
    )
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="file with its weights, .pth or .safetensors (default: timm downloads them)",
    )


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.trainers.import_weights import write_pretrained_checkpoint

    n_filled = write_pretrained_checkpoint(args.d, args.o, args.tr, args.p, args.model, args.file)
    print(
        f"Wrote {args.o}: {n_filled} tensors from {args.file or args.model}, the rest from a fixed seed\n"
        f"Train with: nnUNetv2_train {args.d} 2d 0 -tr {args.tr} -p {args.p} -pretrained_weights {args.o}"
    )
    return 0
