"""A training that is killed again and again, whatever it is doing, ends with a checkpoint that can be loaded.

Two kills by default; SLICE_ATTENTION_KILLS=20 for the figures of docs/explanation/reliability.md.
"""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.training import Training
from nnunet_slice_attention.model_name import ModelName

KILLS = int(os.environ.get("SLICE_ATTENTION_KILLS", "2"))
TWO_PHASES, ONE_PHASE, STOCK = (f"Long_nnUNetTrainer{name}" for name in ("SliceAttention", "CSANet", ""))


@pytest.fixture(params=[TWO_PHASES, ONE_PHASE, STOCK] if KILLS > 2 else [TWO_PHASES])
def training(request, nnunet_folders, tiny):
    model = ModelName(request.param, "nnUNetPlans", "2d")
    return Training(dataset=str(tiny.id), model=model, fold="0", settings=Settings(device="cpu"))


def start(training: Training) -> subprocess.Popen:
    training.folder.mkdir(parents=True, exist_ok=True)
    training.prepare()
    with (training.folder / "output.txt").open("ab") as out:
        return subprocess.Popen(
            training.command(),
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | training.environment(),
            start_new_session=True,
        )


def kill_while_writing(training: Training, process: subprocess.Popen, rng: np.random.Generator) -> bool:
    """Kill within the first milliseconds of a checkpoint, whose file grows; whether it came to that."""
    path = training.folder / "checkpoint_latest.pth"
    watched = path if training.model.trainer == STOCK else path.with_name(f"{path.name}.partial")
    before = written(watched)
    while process.poll() is None:
        if written(watched) not in (None, before):
            time.sleep(rng.uniform(0, 0.02))
            return True
        time.sleep(0.0005)
    return False


def written(path: Path) -> int | None:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return None


@pytest.mark.timeout(60 + 60 * KILLS)
def test_a_training_survives_kills_at_any_moment(training):
    rng, kills, while_writing, broken = np.random.default_rng(0), 0, 0, 0
    while kills < KILLS:
        process = start(training)
        try:
            if kills % 2:
                while_writing += kill_while_writing(training, process, rng)
            else:
                begun = len(list(training.folder.glob("training_log_*")))
                while len(list(training.folder.glob("training_log_*"))) == begun and process.poll() is None:
                    time.sleep(0.02)
                time.sleep(rng.uniform(0, 4))
            assert process.poll() is None or process.returncode == 0, (
                training.folder / "output.txt"
            ).read_text()[-3000:]
        finally:
            ended = process.poll() is not None
            if not ended:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if ended:  # all ten epochs were done before: begin again
            for path in training.folder.glob("checkpoint_*"):
                path.unlink()
            continue
        kills += 1
    process = start(training)
    assert process.wait() == 0, (training.folder / "output.txt").read_text()[-3000:]
    assert training.state() == "done"
    checkpoint = torch.load(training.folder / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["current_epoch"] == 10
    assert all(torch.isfinite(value).all() for value in checkpoint["network_weights"].values())
    broken = len(list(training.folder.glob("*.broken")))
    print(
        f"{training.model.trainer}: {kills} kills, {while_writing} while writing, {broken} checkpoints put aside"
    )
    if training.model.trainer != STOCK:
        assert not broken
    if training.model.trainer == TWO_PHASES:
        assert phases(training.folder) == ["2D"] * 6 + ["with neighbouring slices"] * 4


def phases(fold: Path) -> list[str]:
    """Of each epoch, by the logs of all calls: that in which it was trained to its end, the last."""
    found = {}
    for log in sorted(fold.glob("training_log_*"), key=lambda path: path.stat().st_mtime):
        for epoch, phase in re.findall(
            r"Epoch (\d+) *$.*?Phase: ([^,\n]+)", log.read_text(), re.DOTALL | re.M
        ):
            found[int(epoch)] = phase.strip()
    return [found[epoch] for epoch in sorted(found)]
