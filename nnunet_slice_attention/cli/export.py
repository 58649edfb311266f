"""The verb `export`."""

import argparse

HELP = "Write a trained network for use without nnU-Net: one slice with its neighbours as channels, as ONNX."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=["onnx"], default="onnx", help="default: %(default)s")
    parser.add_argument("-d", metavar="DATASET", required=True, help="data set id or name")
    parser.add_argument("-tr", metavar="TRAINER", default="nnUNetTrainerCSANet", help="default: %(default)s")
    parser.add_argument("-p", metavar="PLANS", default="nnUNetPlans", help="default: %(default)s")
    parser.add_argument("-c", metavar="CONFIGURATION", default="2d", help="default: %(default)s")
    parser.add_argument("-f", metavar="FOLD", default="0", help="default: %(default)s")
    parser.add_argument("-chk", metavar="FILE", default="checkpoint_final.pth", help="default: %(default)s")
    parser.add_argument("-o", metavar="FILE", required=True, help="file to write, e.g. csa.onnx")


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.inference.onnx_export import export_onnx
    from nnunet_slice_attention.inference.predict import load_predictor, model_folder
    from nnunet_slice_attention.networks import SlabNetwork

    folder = model_folder(args.d, args.tr, args.p, args.c)
    predictor = load_predictor(folder, [args.f], args.chk, "cpu")
    network = getattr(predictor.network, "_orig_mod", predictor.network)
    if not isinstance(network, SlabNetwork):
        raise ValueError(
            f"{args.tr} is not a slice-attention trainer. Give -tr one, e.g. nnUNetTrainerCSANet."
        )
    network.load_state_dict(predictor.list_of_parameters[0])
    written = export_onnx(network, predictor.configuration_manager.patch_size[-2:], args.o)
    size = f"{written.sizes[0][0]} x {written.sizes[0][1]}"
    if len(written.sizes) > 1:
        size = f"multiples of {written.stride[0]} x {written.stride[1]}"
    print(f"Wrote {args.o}: {written.n_slices} slices as channels, in-plane size {size}")
    print(f"Largest difference of a logit to PyTorch: {written.difference:.1e}")
    return 0
