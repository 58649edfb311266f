"""A command that holds a lock: `python -m nnunet_slice_attention.jobs.hold LOCK COMMAND...`.

The lock is held until the command has ended, and what it left behind too, although who started it may be gone.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .lock import Busy, exclusive
from .processes import VARIABLE, end_processes


def main(lock: str, command: Sequence[str]) -> int:
    """The command's exit status, 128 + N if signal N ended it; 1 if the lock is held."""
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda number, _: sys.exit(128 + number))  # after what is under `finally`
    try:
        with exclusive(Path(lock)):
            process = subprocess.Popen(command, env=os.environ | {VARIABLE: lock})
            try:
                status = process.wait()
            finally:
                end_processes(lock)
    except Busy:
        print(f"{lock} is held: this job runs already, here or on another machine.", file=sys.stderr)
        return 1
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
