"""A real one-node Slurm cluster on this machine, started and stopped by the test, with all its files in one folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue")
PATHS = ("/usr/sbin", "/usr/local/sbin")


def why_unavailable() -> str:
    """Why no cluster can be started here; "" if one can."""
    search_path = os.pathsep.join([os.environ["PATH"], *PATHS])
    missing = [name for name in PROGRAMS if shutil.which(name, path=search_path) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "slurmd needs root"


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start the daemons and wait for the node; yields the environment in which `sbatch` finds the cluster."""
    folder.chmod(0o755)
    host = socket.gethostname()
    env = os.environ | {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": os.pathsep.join([os.environ["PATH"], *PATHS]),
    }
    (folder / "slurm.conf").write_text(
        "\n".join(
            [
                "ClusterName=test",
                f"SlurmctldHost={host}(127.0.0.1)",
                f"SlurmctldPort={_free_port()}",
                f"SlurmdPort={_free_port()}",
                "SlurmUser=root",
                f"AuthInfo=socket={folder}/munge.socket,cred_expire=5",
                f"StateSaveLocation={folder}/state",
                f"SlurmdSpoolDir={folder}/spool",
                f"SlurmctldPidFile={folder}/slurmctld.pid",
                f"SlurmdPidFile={folder}/slurmd.pid",
                f"SlurmctldLogFile={folder}/slurmctld.log",
                f"SlurmdLogFile={folder}/slurmd.log",
                "ProctrackType=proctrack/linuxproc",
                "TaskPlugin=task/none",
                "SelectType=select/cons_tres",
                "SelectTypeParameters=CR_Core",
                "MpiDefault=none",
                "ReturnToService=2",
                "JobRequeue=1",
                "KillWait=2",
                "SchedulerParameters=sched_interval=1,bf_interval=1",  # of 60 s and 30 s, for a job that is requeued
                f"NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=2000",
                "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
                "",
            ]
        )
    )
    version = subprocess.run(["slurmd", "-V"], env=env, capture_output=True, text=True, check=True).stdout
    # Containers may lack control groups, which nothing here needs; "disabled" exists from version 23 on.
    plugin = "cgroup/v1" if int(version.split()[-1].split(".")[0]) < 23 else "disabled"
    (folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    (folder / "munge.key").touch(mode=0o600)
    subprocess.run(["mungekey", "--create", "--force", f"--keyfile={folder}/munge.key"], env=env, check=True)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{flag}={folder}/munge.{file}" for flag, file in files.items()]
    daemons = []
    try:
        for command in (
            ["munged", "--foreground", "--force", *munge],
            ["slurmctld", "-D"],
            ["slurmd", "-D", "-N", host],
        ):
            with (folder / f"{command[0]}.out").open("wb") as out:
                daemons.append(subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT))
            time.sleep(1)
        _wait_for_node(env, folder)
        yield env
    finally:
        subprocess.run(["scancel", "--me"], env=env, check=False, capture_output=True)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)


def _wait_for_node(env: dict[str, str], folder: Path) -> None:
    for _ in range(60):
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=env, capture_output=True, text=True, check=False
        )
        if done.stdout.strip() == "idle":
            return
        time.sleep(1)
    logs = "\n".join(path.read_text()[-2000:] for path in sorted(folder.glob("*.log")))
    raise RuntimeError(f"the node never became idle: {done.stdout}{done.stderr}\n{logs}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
