"""The package needs nothing that exists on Linux and macOS only, so that it runs on Windows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.fixture
def python():
    """Run a program, or a module with its arguments, in a Python without POSIX functions."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS / "without_posix"), str(TESTS.parent)])}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_posix_only_features_are_unavailable(python):
    program = (
        "import os, signal\nassert not hasattr(os, 'killpg') and not hasattr(signal, 'SIGKILL')\nimport fcntl"
    )
    with pytest.raises(AssertionError, match="import of fcntl halted"):
        python("-c", program)


def test_all_modules_can_be_imported_and_process_memory_can_be_measured(python):
    python(
        "-c",
        "import importlib, pkgutil\n"
        "import nnunet_slice_attention as package\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "import psutil, torch\n"
        "from types import SimpleNamespace\n"
        "psutil.Process.memory_info = lambda self: SimpleNamespace(peak_wset=5 * 10**8)  # as on Windows\n"
        "assert package.cost.measure_model.peak_memory(torch.device('cpu')) == 500\n",
    )
    assert "--predictions" in python("-m", "nnunet_slice_attention", "compare", "--help")


def test_a_job_runs_to_its_end_and_a_stopped_one_is_terminated(python, tmp_path):
    python(
        "-c",
        "import sys, threading, time\n"
        "from pathlib import Path\n"
        "from nnunet_slice_attention.jobs.local import run_locally\n"
        "from nnunet_slice_attention.jobs.descendants import find_processes\n"
        "from nnunet_slice_attention.jobs.process import run_job\n"
        "from tests.jobs.shell_job import ShellJob\n"
        "folder, stop = Path(sys.argv[1]), threading.Event()\n"
        "assert run_locally([ShellJob('a', folder / 'a')], [[]]) == []\n"
        "class Stopped(ShellJob):\n"
        "    def steps(self):\n"
        "        if (self.folder / 'step1').exists():\n"
        "            stop.set()\n"
        "        return 0, None\n"
        "job = Stopped('b', folder / 'b', 'sleep 1000 & touch step1; wait')\n"
        "assert run_job(job, stop=stop).startswith('b ended with status'), 'stopped'\n"
        "assert not find_processes(f'{job.lock}.command')\n"
        "assert run_locally([ShellJob('b', folder / 'b')], [[]]) == []\n",
        tmp_path,
    )
    assert (tmp_path / "b" / "done").is_file()
