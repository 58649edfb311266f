"""The program `nnunet-slice-attention COMMAND`: parses flags, calls one function, prints its result.

One command per file, with nnU-Net's flag names. Commands import what they need when they run, so that `--help` does not
wait for PyTorch.
"""

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

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

# nnU-Net raises RuntimeError for unknown data set ids and unset folder variables.
USER_ERRORS = (ValueError, OSError, RuntimeError)


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0, or 1 with one message on stderr; 1 without one where nobody reads the output any more.

    After an interrupt from the keyboard it is 130, as a shell's.
    """
    args = build_parser().parse_args(argv)
    try:
        with quiet_libraries(args.debug):
            status = args.run(args)
            sys.stdout.flush()
            return status
    except KeyboardInterrupt:
        if args.debug:
            raise
        print(f"nnunet-slice-attention {args.command}: interrupted.", file=sys.stderr)
        return 130
    except USER_ERRORS as error:
        from nnunet_slice_attention.standard_output import reader_is_gone

        if isinstance(error, BrokenPipeError) and reader_is_gone():
            return 1
        if args.debug:
            raise
        print(f"nnunet-slice-attention {args.command}: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if args.debug:
            raise
        print(
            f"nnunet-slice-attention {args.command}: {type(error).__name__}: {error}. Unexpected error: run again with "
            "--debug to see the traceback.",
            file=sys.stderr,
        )
        return 1


@contextmanager
def quiet_libraries(debug: bool) -> Iterator[None]:
    """Hide warnings, here and in spawned processes, unless debugging or the user has given Python filters (-W)."""
    if debug or sys.warnoptions:
        yield
        return
    sys.warnoptions.append("ignore")  # multiprocessing passes these to the processes that it spawns
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", append=True)
            yield
    finally:
        sys.warnoptions.remove("ignore")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnunet-slice-attention", description="2.5D networks for nnU-Net v2."
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        name = command.__name__.rsplit(".", 1)[-1].replace("_", "-")
        sub = subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser
