"""The arguments for a data set, its models and their folds."""

import argparse

DEFAULT_TRAINER = "nnUNetTrainerSliceAttention"


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


class _Distinct(argparse.Action):
    """Collects values like "extend", each once: a fold given twice would count twice."""

    def __call__(self, parser, namespace, values, option_string=None):
        given = [*(getattr(namespace, self.dest) or []), *values]
        setattr(namespace, self.dest, list(dict.fromkeys(given)))


def add_folds(parser: argparse.ArgumentParser, note: str, kind: type = str) -> None:
    """Add -f, None by default; a repeated fold counts once."""
    parser.add_argument("-f", metavar="FOLD", nargs="+", action=_Distinct, type=kind, help=note)
