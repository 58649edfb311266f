"""A job of commands: python -m experiments.commands FOLDER CWD COMMANDS

COMMANDS is JSON, {name: words}. They are called one after the other in CWD, those that have ended well before are left
out, and what they were made with is noted in FOLDER when all have.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from .made_with import note


def main(folder: Path, cwd: Path, commands: dict[str, list[str]]) -> int:
    """The status of the first command that fails, or 0."""
    for name, command in commands.items():
        done = folder / f"{name}.done"
        if done.is_file():
            continue
        print("+", shlex.join(command), flush=True)
        if status := subprocess.run(command, cwd=cwd, check=False).returncode:
            return status
        done.touch()
    note(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])))
