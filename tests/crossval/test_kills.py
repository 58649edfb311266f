"""A run that is killed again and again, at any moment, ends with a checkpoint that can be loaded.

Two kills by default; SLICE_ATTENTION_KILLS=20 for the numbers of docs/explanation/reliability.md.
"""

import os
import re
import signal
import subprocess
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.training_job import TrainingJob
from nnunet_slice_attention.model_name import ModelName

KILLS = int(os.environ.get("SLICE_ATTENTION_KILLS", "2"))
TWO_PHASES, ONE_PHASE, STOCK = (f"Long_nnUNetTrainer{name}" for name in ("SliceAttention", "CSANet", ""))


@pytest.fixture(params=[TWO_PHASES, ONE_PHASE, STOCK] if KILLS > 2 else [TWO_PHASES])
def job(request, nnunet_folders, tiny):
    model = ModelName(request.param, "nnUNetPlans", "2d")
    return TrainingJob(dataset=str(tiny.id), model=model, fold="0", settings=Settings(device="cpu"))


def start(job: TrainingJob) -> subprocess.Popen:
    job.folder.mkdir(parents=True, exist_ok=True)
    job.prepare()
    with (job.folder / "output.txt").open("ab") as out:
        return subprocess.Popen(
            job.command(),
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | job.environment(),
            start_new_session=True,
        )


def stop_while_writing(job: TrainingJob, process: subprocess.Popen, rng: np.random.Generator) -> bool:
    """Stop the process with a checkpoint partly written; False if it exits before that."""
    latest = job.folder / "checkpoint_latest.pth"
    files = latest, latest.with_name(f"{latest.name}.partial")  # nnU-Net writes the first, we the second
    before = {path: written_at(path) for path in files}

    def is_partly_written(path: Path) -> bool:
        return written_at(path) not in (None, before[path]) and not zipfile.is_zipfile(path)

    while process.poll() is None:
        if any(map(is_partly_written, files)):
            time.sleep(rng.uniform(0, 0.02))
            os.killpg(process.pid, signal.SIGSTOP)
            if any(map(is_partly_written, files)):
                return True
            os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.0005)
    return False


def written_at(path: Path) -> int | None:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return None


@pytest.mark.timeout(60 + 60 * KILLS)
def test_a_run_survives_kills_at_any_moment(job):
    rng, kills, while_writing, broken = np.random.default_rng(0), 0, 0, 0
    while kills < KILLS:
        process = start(job)
        try:
            if kills % 2:
                while_writing += stop_while_writing(job, process, rng)
            else:
                started = len(list(job.folder.glob("training_log_*")))
                while len(list(job.folder.glob("training_log_*"))) == started and process.poll() is None:
                    time.sleep(0.02)
                time.sleep(rng.uniform(0, 1.5))
            assert process.poll() is None or process.returncode == 0, (job.folder / "output.txt").read_text()[
                -3000:
            ]
        finally:
            ended = process.poll() is not None
            if not ended:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if ended:  # all ten epochs were done before: start again
            for path in job.folder.glob("checkpoint_*"):
                path.unlink()
            continue
        kills += 1
    assert while_writing == kills // 2
    process = start(job)
    resumed = job.state() == "continue"  # of the files it finds
    assert process.wait() == 0, (job.folder / "output.txt").read_text()[-3000:]
    assert job.state() == "done"
    checkpoint = torch.load(job.folder / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["current_epoch"] == 10
    assert all(torch.isfinite(value).all() for value in checkpoint["network_weights"].values())
    last = max(job.folder.glob("training_log_*"), key=lambda path: path.stat().st_mtime).read_text()
    assert not (resumed and re.search(r"Epoch 0 *$", last, re.M))
    broken = len(list(job.folder.glob("*.broken")))
    print(
        f"{job.model.trainer}: {kills} kills, {while_writing} while writing, {broken} checkpoints put aside"
    )
    if job.model.trainer != STOCK:
        assert not broken
    if job.model.trainer == TWO_PHASES:
        assert phases(job.folder) == ["2D"] * 6 + ["with neighbouring slices"] * 4


def phases(fold: Path) -> list[str]:
    """Phase of each epoch, from the logs of all calls; of the last one where an epoch was repeated."""
    found = {}
    for log in sorted(fold.glob("training_log_*"), key=lambda path: path.stat().st_mtime):
        for epoch, phase in re.findall(
            r"Epoch (\d+) *$.*?Phase: ([^,\n]+)", log.read_text(), re.DOTALL | re.M
        ):
            found[int(epoch)] = phase.strip()
    return [found[epoch] for epoch in sorted(found)]
