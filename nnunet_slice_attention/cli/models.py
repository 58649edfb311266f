"""The arguments for a data set and its models."""

import argparse


def add_models(
    parser: argparse.ArgumentParser,
    dataset: str = "data set id or name",
    note: str = "",
    required: bool = True,
) -> None:
    """Add -d and -m; if not `required`, they default to None and []."""
    parser.add_argument("-d", metavar="DATASET", required=required, help=dataset)
    parser.add_argument(
        "-m",
        metavar="MODEL",
        nargs="+",
        action="extend",
        default=[],
        required=required,
        help=f"TRAINER__PLANS__CONFIGURATION, including nnU-Net's own models{note}",
    )
