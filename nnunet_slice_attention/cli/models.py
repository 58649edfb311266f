"""The arguments that name a data set and models of it."""

import argparse


def add_models(
    parser: argparse.ArgumentParser,
    dataset: str = "data set id or name",
    note: str = "",
    required: bool = True,
) -> None:
    """Add -d and -m; without `required` they are None and [] when they are not given."""
    parser.add_argument("-d", metavar="DATASET", required=required, help=dataset)
    parser.add_argument(
        "-m",
        metavar="MODEL",
        nargs="+",
        default=[],
        required=required,
        help=f"TRAINER__PLANS__CONFIGURATION, stock ones too{note}",
    )
