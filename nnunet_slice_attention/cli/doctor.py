"""The command `doctor`."""

import argparse

from .models import DEFAULT_TRAINER

HELP = "Check the installation and, with -d, a data set for a trainer."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-d", metavar="DATASET", help="data set id or name; without it only the installation is checked"
    )
    parser.add_argument("-p", metavar="PLANS", default="nnUNetPlans", help="plans (default: %(default)s)")
    parser.add_argument("-tr", metavar="TRAINER", default=DEFAULT_TRAINER, help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    from nnunet_slice_attention.doctor.check import as_text
    from nnunet_slice_attention.doctor.run_checks import run_checks

    checks = run_checks(args.d, args.p, args.tr)
    print(as_text(checks))
    return 0 if all(check.ok for check in checks) else 1
