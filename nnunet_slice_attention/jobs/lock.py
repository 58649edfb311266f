"""Lock files: one process at a time, also among machines that share a file system."""

import errno
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from .descendants import end_processes

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # from file systems without locks


class Busy(Exception):
    """Another process holds the lock."""


@dataclass(frozen=True)
class Held:
    """A lock that the caller holds and hands to a command.

    Attributes:
        path: the command's own lock file.
    """

    path: Path

    def command(self, command: Sequence[str]) -> list[str]:
        """The command, wrapped to hold its lock until it and everything it started has exited; see `process.main`."""
        return [sys.executable, "-m", f"{__package__}.process", str(self.path), *command]

    def end(self) -> None:
        """End the command on this machine, and everything it started."""
        end_processes(str(self.path))


@contextmanager
def locked(path: Path) -> Iterator[Held]:
    """Hold a lock while the block runs; the command of `Held.command` holds it for as long as it runs.

    A command that outlives its caller must keep the lock, and no operating system lets a process hand over a lock it
    holds. So there are two: `path` is the caller's, and a second file beside it is the command's.

    The operating system releases a lock when its holder exits, for whatever reason: no lock goes stale. On a file
    system without locks nothing is locked.

    Raises:
        Busy: another process holds one of the two.
    """
    command_lock = path.with_name(f"{path.name}.command").resolve()
    with exclusive(path):
        held = Held(command_lock)
        with exclusive(command_lock) as is_locked:
            if is_locked:  # without locks the command may still be running
                held.end()  # what remains of a command whose wrapper was killed
        yield held


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Lock one file while the block runs, and yield True, or False on a file system without locks.

    Raises:
        Busy: another process holds it.
    """
    # A marker file in place of a lock would outlive a node that the scheduler takes away.
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(path) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        yield lock.is_locked
    finally:
        lock.release()
