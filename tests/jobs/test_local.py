"""Several jobs on this machine, with shell commands as jobs."""

import pytest

from nnunet_slice_attention.jobs.local import gpu_slots, run_locally
from tests.jobs.shell_job import ShellJob

ONE_SLOT = [[]]


def test_a_failed_job_is_reported_with_its_last_lines_and_the_others_are_run(tmp_path):
    jobs = [
        ShellJob("a", tmp_path / "a"),
        ShellJob("b", tmp_path / "b", "echo first; echo the reason >&2; exit 3"),
        ShellJob("c", tmp_path / "c"),
        ShellJob("d", tmp_path / "d", "true"),  # exits with 0, but without a result
    ]
    failed = run_locally(jobs, ONE_SLOT)
    assert [job.finished() for job in jobs] == [True, False, True, False]
    assert len(failed) == 2
    assert failed[0].startswith("b ended with status 3; the end of ")
    assert failed[0].endswith("first\n    the reason")
    assert failed[1].startswith("d ended with status 0")


def test_a_finished_job_is_not_run_again(tmp_path):
    job = ShellJob("a", tmp_path, "touch done; echo ran")
    assert run_locally([job], ONE_SLOT) == run_locally([job], ONE_SLOT) == []
    assert job.log.read_text() == "ran\n"


def test_a_job_whose_folder_cannot_be_created_does_not_stop_the_others(tmp_path):
    (tmp_path / "a").write_text("a file where the folder should be")
    jobs = [ShellJob("a", tmp_path / "a"), ShellJob("b", tmp_path / "b")]
    assert [message.split(":")[0] for message in run_locally(jobs, ONE_SLOT)] == ["a"]
    assert jobs[1].finished()


def test_jobs_run_at_once_each_on_its_own_gpus(tmp_path):
    meet = "echo $CUDA_VISIBLE_DEVICES > gpus; until [ -e ../{other}/gpus ]; do sleep 0.05; done; touch done"
    jobs = [
        ShellJob("a", tmp_path / "a", meet.format(other="b")),
        ShellJob("b", tmp_path / "b", meet.format(other="a")),
        ShellJob("c", tmp_path / "c", "echo $CUDA_VISIBLE_DEVICES > gpus; touch done"),
    ]
    assert run_locally(jobs, [["0", "1"], ["2", "3"]]) == []
    gpus = [(job.folder / "gpus").read_text().strip() for job in jobs]
    assert sorted(gpus[:2]) == ["0,1", "2,3"]
    assert gpus[2] in ("0,1", "2,3")


def test_slots_on_gpus_and_without(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,7")
    assert gpu_slots(1) == [["2"], ["5"], ["7"]]
    assert gpu_slots(2) == [["2", "5"]]
    assert gpu_slots(3, jobs=2) == [["2", "5", "7"]] * 2
    assert gpu_slots(0) == [[]]
    assert gpu_slots(0, jobs=2) == [[], []]
    with pytest.raises(ValueError, match=r"3 GPUs are visible, a job needs 4\. Give each job fewer"):
        gpu_slots(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"0 GPUs are visible, a job needs 1\. .*or use the CPU"):
        gpu_slots(1)
    with pytest.raises(ValueError, match="--jobs 0"):
        gpu_slots(0, jobs=0)
