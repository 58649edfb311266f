"""One process a folder, also among machines that share a file system."""

import errno
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from .processes import end_processes

WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what file systems say that have none


class Busy(Exception):
    """Somebody else holds the lock."""


@dataclass(frozen=True)
class Held:
    """A lock that is held, to be held by a command too.

    Attributes:
        path: the lock of the command.
    """

    path: Path

    def command(self, command: Sequence[str]) -> list[str]:
        """The command, holding the lock until it ends and nothing that it started is left; see `hold`."""
        return [sys.executable, "-m", f"{__package__}.hold", str(self.path), *command]

    def end(self) -> None:
        """End the command on this machine, and all that it started."""
        end_processes(str(self.path))


@contextmanager
def locked(path: Path) -> Iterator[Held]:
    """Hold a lock while the block runs; what `Held.command` made holds it for as long as it runs.

    A command that outlives its caller has to go on holding the lock, and no system lets a process hand over a lock
    of its own. So there are two: `path` is the caller's, and a second file beside it the command's.

    The system lets go of a lock when its holder ends, however it ends: none is left behind. Where the file system has
    no locks, there is none.

    Raises:
        Busy: it is held.
    """
    of_command = path.with_name(f"{path.name}.command").resolve()
    with exclusive(path):
        held = Held(of_command)
        with exclusive(of_command) as is_locked:
            if is_locked:  # where there are no locks it may be at work
                held.end()  # of a command whose holder was killed
        yield held


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Hold one lock file while the block runs; raise Busy if somebody else does. False where there are no locks."""
    # A marker file in place of a lock would outlive a node that Slurm takes away.
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(path) from None
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
    try:
        yield lock.is_locked
    finally:
        lock.release()
