"""The command `trainers-path`."""

import argparse

HELP = "Print the folder for nnUNet_extTrainer in an editable install."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No flags."""


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention import shim

    print(shim.__path__[0])
    return 0
