"""What is submitted to Slurm, with programs in its place that note the script and answer with a job ID."""

import argparse
import json

import pytest

from nnunet_slice_attention.jobs.slurm import SlurmLauncher, submit
from tests.jobs.shell_job import ShellJob

SBATCH = '#!/bin/sh\nfor last; do :; done\ncp "$last" {folder}/script\necho Submitted batch job 7\n'


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """Returns the file with the last script submitted, whose job stays in the queue."""
    folder = tmp_path / "slurm_programs"
    folder.mkdir()
    queue = f"#!/bin/sh\nif [ -e {folder}/script ]; then echo 7 RUNNING; fi\n"
    for name, text in {
        "sbatch": SBATCH.format(folder=folder),
        "squeue": queue,
        "srun": "#!/bin/sh\n",
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder / "script"


def launch(tmp_path, *flags, gpus=0):
    """Submit one job with these flags of the launcher."""
    parser = argparse.ArgumentParser()
    SlurmLauncher.add_options(parser)
    launcher = SlurmLauncher(parser.parse_args(flags), "name", gpus, tmp_path)
    submit([ShellJob("a", tmp_path / "a")], launcher.logs, launcher.parameters, launcher.requeues)


def test_a_job_in_the_queue_with_other_options_is_not_taken_for_that_of_the_call(sbatch, tmp_path):
    job, other = ShellJob("a", tmp_path / "a"), ShellJob("a", tmp_path / "a", "another command")
    logs, parameters = tmp_path / "logs", {"timeout_min": 5}
    assert submit([job], logs, parameters, 1) == submit([job], logs, parameters, 1) == {"a": "7"}
    with pytest.raises(
        RuntimeError, match=r"^a is in the queue as Slurm job 7 with other .*touch done.* scancel 7"
    ):
        submit([other], logs, parameters, 1)
    (job.folder / "slurm_job.json").write_text(json.dumps({"job": "7"}))  # of an earlier version
    assert submit([other], logs, parameters, 1) == {"a": "7"}


def test_srun_is_given_the_cpus_of_a_job(sbatch, tmp_path):
    launch(tmp_path, "--cpus", "3")
    assert "#SBATCH --cpus-per-task=3\n" in sbatch.read_text()
    assert " --cpus-per-task=3 " in next(
        line for line in sbatch.read_text().splitlines() if line.startswith("srun ")
    )


def test_an_option_of_sbatch_replaces_that_of_the_launcher(sbatch, tmp_path):
    launch(tmp_path, "--sbatch", "gpus-per-node=a100:1", "cpus-per-task=4", "mail-type=END", gpus=1)
    lines = sbatch.read_text().splitlines()
    given = [
        line for line in lines if line.startswith(("#SBATCH --gpus", "#SBATCH --cpus", "#SBATCH --mail"))
    ]
    assert given == ["#SBATCH --cpus-per-task=4", "#SBATCH --gpus-per-node=a100:1", "#SBATCH --mail-type=END"]
    assert " --cpus-per-task=4 " in next(line for line in lines if line.startswith("srun "))


@pytest.mark.parametrize("obstacle", ["b", "b/slurm_job.json/file"])
def test_jobs_that_cannot_be_recorded_are_not_submitted(obstacle, sbatch, tmp_path):
    (tmp_path / obstacle).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / obstacle).write_text("")
    with pytest.raises(OSError, match="b"):
        submit([ShellJob(name, tmp_path / name) for name in "ab"], tmp_path / "logs", {"timeout_min": 5}, 1)
    assert not sbatch.exists()
