"""The command `nnunet-slice-attention VERB`: parses flags, calls one function, prints what it returns.

One verb a file. Flags have nnU-Net's names. Each verb imports what it needs when it runs, so that `--help` does not
wait for torch.
"""

import argparse
import sys

from . import (
    compare,
    cost,
    crossval,
    doctor,
    export,
    find_best,
    import_weights,
    phantom,
    plan_compact,
    predict,
    trainers_path,
)

COMMANDS = (
    doctor,
    trainers_path,
    plan_compact,
    phantom,
    import_weights,
    crossval,
    compare,
    find_best,
    cost,
    predict,
    export,
)

# nnU-Net raises RuntimeError for an unknown data set id and for a folder variable that is not set.
USER_ERRORS = (ValueError, OSError, RuntimeError)


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
    except Exception as error:
        if args.debug:
            raise
        print(
            f"nnunet-slice-attention {args.verb}: {type(error).__name__}: {error}. This was not foreseen; --debug "
            "shows where it happened.",
            file=sys.stderr,
        )
        return 1


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnunet-slice-attention", description="2.5D networks for nnU-Net v2."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in COMMANDS:
        name = verb.__name__.rsplit(".", 1)[-1].replace("_", "-")
        sub = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        verb.add_arguments(sub)
        sub.set_defaults(run=verb.run)
    return parser
