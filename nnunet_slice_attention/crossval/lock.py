"""One process a folder, also among machines that share a file system."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HELD = (errno.EAGAIN, errno.EACCES)


class Busy(Exception):
    """Somebody else holds the lock."""


@contextmanager
def locked(path: Path) -> Iterator[tuple[int, ...]]:
    """Hold a lock while the block runs, and for as long as a child lives that was given the descriptors yielded.

    The system lets go of it when the last holder ends, however it ends: no lock is left behind. Where the system or
    the file system has no locks, there is none.

    Raises:
        Busy: it is held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if fcntl:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in HELD:
                    raise Busy(path) from None
        yield (descriptor,) if fcntl else ()
    finally:
        os.close(descriptor)
