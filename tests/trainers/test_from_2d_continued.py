"""The 2D model is needed at the start only: training is resumed, validated and predicts without it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.files import sha256
from nnunet_slice_attention.trainers.two_d_model import find_2d_model
from tests.tiny_data import DEPTHS
from tests.trainers.two_d_models import OURS, TWO_D, edit, model_folder

# Kills itself right after the first checkpoint_latest.pth has been written.
KILLED = """
import os, signal
from nnunetv2.run.run_training import run_training_entry
from nnunet_slice_attention.trainers.base import nnUNetTrainerSlab as Trainer
save = Trainer.save_checkpoint
def save_and_die(self, filename):
    save(self, filename)
    if filename.endswith("checkpoint_latest.pth"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
Trainer.save_checkpoint = save_and_die
run_training_entry()
"""


@pytest.fixture(scope="module")
def continued(trained_2d, run_nnunet, tmp_path_factory):
    """A run that was killed after its first epoch, resumed without the 2D model, and validated."""
    results = tmp_path_factory.mktemp("continued")
    shutil.copytree(trained_2d, model_folder(results, TWO_D))
    checkpoint = model_folder(results, TWO_D) / "fold_0" / "checkpoint_final.pth"
    edit(checkpoint, lambda content: content.update(current_epoch=21))
    checksum = sha256(checkpoint)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("nnUNet_results", str(results))
        arguments = ["701", "2d", "0", "-tr", OURS, "-device", "cpu"]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, *arguments],
            start_new_session=True,
            capture_output=True,
            check=False,
        )
        fold = model_folder(results, OURS) / "fold_0"
        assert (fold / "checkpoint_latest.pth").is_file(), killed.stderr.decode()
        shutil.rmtree(model_folder(results, TWO_D))
        run_nnunet("nnUNetv2_train", *arguments, "--c")
        yield fold, checksum


def log(fold: Path) -> str:
    return "".join(path.read_text() for path in sorted(fold.glob("training_log_*.txt")))


def test_its_length_is_a_tenth_of_the_2d_models_even_when_resumed_without_it(continued):
    fold, checksum = continued
    record = json.loads((fold / "from_2d.json").read_text())
    assert record | {"versions": "", "commit": ""} == {
        "checkpoint": f"Dataset701_Tiny/{TWO_D}__nnUNetPlans__2d/fold_0/checkpoint_final.pth",
        "sha256": checksum,
        "trainer": TWO_D,
        "epochs_of_2d": 21,
        "epochs": 3,  # not the two of a tiny trainer
        "versions": "",
        "commit": "",
    }
    text = log(fold)
    assert "(epochs: 21). Epochs: 3, initial learning rate: 0.005" in text
    assert re.findall(r"Epoch (\d+) *$", text, re.MULTILINE) == ["0", "1", "2"]
    rates = re.findall(r"Current learning rate: (\S+)", text)
    polynomial = [0.005 * (1 - epoch / 3) ** 0.9 for epoch in range(3)]
    assert [float(rate) for rate in rates] == pytest.approx(polynomial, abs=1e-5)
    assert json.loads((fold / "debug.json").read_text())["num_epochs"] == "3"
    assert torch.load(fold / "checkpoint_final.pth", weights_only=False)["current_epoch"] == 3


def test_validation_and_prediction_do_not_need_the_2d_model(
    continued, run_nnunet, nnunet_folders, tiny, tmp_path
):
    fold, _ = continued
    summary = fold / "validation" / "summary.json"
    summary.unlink()
    run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", OURS, "-device", "cpu", "--val")
    assert summary.is_file()
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    chosen = f"-d {tiny.id} -c 2d -f 0 -tr {OURS} -device cpu -npp 1 -nps 1".split()
    run_nnunet("nnUNetv2_predict", "-i", images, "-o", tmp_path / "theirs", *chosen)
    assert main(["predict", "-i", str(images), "-o", str(tmp_path / "ours"), *chosen]) == 0
    for folder in ("theirs", "ours"):
        assert len([*(tmp_path / folder).glob("*.nii.gz")]) == sum(depth in (7, 1) for depth in DEPTHS)


def test_a_run_is_not_resumed_without_its_record(continued, run_nnunet, tiny):
    fold, _ = continued
    kept = (fold / "from_2d.json").rename(fold / "kept.json")
    try:
        with pytest.raises(FileNotFoundError, match=r"from_2d.json does not exist.* Restore it, or train"):
            run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", OURS, "-device", "cpu", "--c")
        (fold / "from_2d.json").write_text('{"epochs"')
        with pytest.raises(ValueError, match=r"from_2d.json is damaged.* Restore it, or train"):
            run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", OURS, "-device", "cpu", "--c")
    finally:
        kept.rename(fold / "from_2d.json")


def test_a_training_that_begins_again_keeps_the_record_of_the_earlier_one(two_d, start):
    start()
    fold = model_folder(two_d.results.parent, OURS) / "fold_0"
    earlier = (fold / "from_2d.json").read_bytes()
    edit(two_d.checkpoint, lambda content: content.update(current_epoch=11))
    start("--disable_checkpointing")
    assert (fold / "from_2d.json").read_bytes() == earlier
    start()
    assert (fold / "from_2d.json.before").read_bytes() == earlier
    assert json.loads((fold / "from_2d.json").read_text())["epochs"] == 2


def test_a_fine_tuned_model_does_not_count_as_a_2d_model(continued):
    fold, _ = continued
    assert (fold / "checkpoint_final.pth").is_file()
    with pytest.raises(FileNotFoundError, match="has no trained 2D model"):
        find_2d_model(fold.parents[1], "nnUNetPlans", "2d", 0)
