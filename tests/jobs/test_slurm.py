"""Jobs on a real one-node Slurm cluster."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.jobs.slurm import recorded_id, run_on_slurm, states, submit, wait
from tests.crossval.replaced_trainer_checks import check_trainers_here
from tests.jobs.shell_job import ShellJob
from tests.jobs.slurm_cluster import cluster, why_unavailable

pytestmark = pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable())

PARAMETERS = {"timeout_min": 5, "cpus_per_task": 1, "mem_gb": 0.5}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """On one file system, files that a node wrote are visible at once."""
    monkeypatch.setattr("nnunet_slice_attention.jobs.slurm.SETTLE_S", 0)
    monkeypatch.setattr("nnunet_slice_attention.jobs.slurm.POLL_S", 0.25)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("slurm")) as env:
        before = dict(os.environ)
        os.environ.update(env)
        yield env
        os.environ.clear()
        os.environ.update(before)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_job_whose_progress_cannot_be_read_is_waited_for(tmp_path, monkeypatch, capsys):
    """Without the cluster."""
    job, polls = ShellJob("a", tmp_path), iter(["step1", "unreadable", "done"])

    def queue():
        (tmp_path / (file := next(polls))).touch()
        return {} if file == "done" else {"7": "RUNNING"}

    monkeypatch.setattr("nnunet_slice_attention.jobs.slurm.states", queue)
    monkeypatch.setattr("nnunet_slice_attention.jobs.slurm.POLL_S", 0)
    assert wait([job], {"a": "7"}, tmp_path) == []
    lines = ["a: running as Slurm job 7, 1 of 3", "a: ended as Slurm job 7, 1 of 3"]
    assert capsys.readouterr().out.splitlines() == lines


def test_of_an_array_of_jobs_the_failed_one_is_reported(slurm, tmp_path):
    jobs = [
        ShellJob("a", tmp_path / "a"),
        ShellJob("b", tmp_path / "b", "echo the reason; exit 3"),
        ShellJob("c", tmp_path / "c", "echo $SLURM_ARRAY_TASK_ID > task; touch done"),
    ]
    failed = run_on_slurm(jobs, tmp_path / "logs", PARAMETERS, requeues=1)
    assert [job.finished() for job in jobs] == [True, False, True]
    assert len(failed) == 1
    assert failed[0].startswith("b ended unfinished as Slurm job ")
    assert failed[0].endswith("the reason")
    assert (tmp_path / "logs" / f"{failed[0].split()[6]}_0_log.err").is_file()
    assert (tmp_path / "c" / "task").read_text() == "2\n"


def test_a_second_call_finds_pending_and_running_jobs(slurm, tmp_path):
    job = ShellJob("a", tmp_path / "a", "until [ -e go ]; do sleep 0.1; done; echo ran; touch done")
    ids = submit([job], tmp_path / "logs", PARAMETERS, requeues=1)
    assert submit([job], tmp_path / "logs", PARAMETERS, requeues=1) == ids
    assert len(states()) == 1
    (job.folder / "go").touch()
    assert run_on_slurm([job], tmp_path / "logs", PARAMETERS, requeues=1) == []
    assert job.log.read_text() == "ran\n"


def test_a_pre_empted_job_is_queued_again_and_continues(slurm, tmp_path):
    once = "if [ -e step1 ]; then echo continued; touch done; else touch step1; sleep 1000; fi"
    job = ShellJob("a", tmp_path / "a", once)
    ids = submit([job], tmp_path / "logs", PARAMETERS, requeues=1)
    wait_for((job.folder / "step1").exists)
    # Slurm sends this signal before it takes a node.
    subprocess.run(["scancel", "--signal", "USR2", ids["a"]], check=True)
    assert run_on_slurm([job], tmp_path / "logs", PARAMETERS, requeues=1) == []
    assert job.log.read_text().endswith("continued\n")


def test_an_interrupted_call_leaves_its_jobs_in_the_queue(slurm, tmp_path):
    job = ShellJob("a", tmp_path / "a", "until [ -e go ]; do sleep 0.1; done; touch done")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # xdist's workers ignore it

    def interrupt():
        wait_for(lambda: recorded_id(job))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_on_slurm([job], tmp_path / "logs", PARAMETERS, requeues=1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert json.loads((job.folder / "slurm_job.json").read_text())["job"] in states()
    (job.folder / "go").touch()
    assert run_on_slurm([job], tmp_path / "logs", PARAMETERS, requeues=1) == []


def test_the_error_of_sbatch_is_raised(slurm, tmp_path):
    wrong = PARAMETERS | {"slurm_partition": "nowhere"}
    with pytest.raises(RuntimeError, match="nowhere"):
        run_on_slurm([ShellJob("a", tmp_path / "a")], tmp_path / "logs", wrong, requeues=1)


def test_a_model_is_trained_on_the_cluster(slurm, nnunet_folders, tiny, tmp_path, monkeypatch, capsys):
    model = "Tiny_nnUNetTrainerCSANet__nnUNetPlans__2d"
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    check_trainers_here(monkeypatch)
    command = f"crossval -d {tiny.id} -m {model} -f 1 -o {tmp_path}/out -device cpu --launcher slurm"
    status = main([*command.split(), *"--cpus 1 --memory 0.9 --hours 0.1".split()])
    printed = capsys.readouterr()
    assert status == 0, printed.out + printed.err
    assert "completed" not in printed.err
    assert (tmp_path / "out" / "comparison" / "report.html").is_file()
    (script,) = (tmp_path / "out" / "slurm").glob("*submission.sh")
    assert "#SBATCH --job-name=crossval\n" in script.read_text()
    fold = tmp_path / "results" / tiny.folder / model / "fold_1"
    assert (fold / "validation" / "summary.json").is_file()
    assert json.loads((fold / "slurm_job.json").read_text())["job"].isdigit()  # of no array
