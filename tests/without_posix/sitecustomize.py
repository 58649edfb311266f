"""Python as it is on Windows, as far as this package is concerned; on PYTHONPATH it holds for child processes too."""

import os
import signal
import sys

import psutil  # noqa: F401 - whose part for Linux needs what is removed here

for module in ("fcntl", "resource"):
    sys.modules[module] = None  # importing it fails
for module, name in ((os, "killpg"), (os, "setsid"), (os, "getpgid"), (signal, "SIGKILL")):
    delattr(module, name)
