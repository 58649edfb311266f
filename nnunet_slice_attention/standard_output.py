"""What is printed, and nobody reads."""

import os
import sys


def reader_is_gone() -> bool:
    """Whether nobody reads our output any more, like `head` when it has read enough; if so, it is discarded."""
    try:
        print(flush=True)  # flushing alone does not find out where Python does not buffer
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
