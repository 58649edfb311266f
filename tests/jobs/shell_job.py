"""A job that is a shell command, finished once `done` is in its folder."""

import errno
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ShellJob:
    name: str
    folder: Path
    shell: str = "touch done"
    variables: dict = field(default_factory=dict)

    @property
    def lock(self):
        return self.folder / "shell.lock"

    @property
    def log(self):
        return self.folder / "shell.log"

    def finished(self):
        return (self.folder / "done").exists()

    def prepare(self):
        (self.folder / "started").touch()

    def command(self):
        return ["sh", "-c", f"cd {self.folder}; {self.shell}"]

    def environment(self):
        return self.variables

    def steps(self):
        if (self.folder / "unreadable").exists():
            raise OSError(errno.ESTALE, "Stale file handle")
        return len(list(self.folder.glob("step*"))), 3
