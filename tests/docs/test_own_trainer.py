"""docs/how-to/own-trainer.md: nnU-Net finds the page's trainer by name, and it trains in both phases with that loss."""

import re
from pathlib import Path

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.loss.robust_ce_loss import TopKLoss

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-trainer.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    source = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[1]
    (tmp_path / "topk.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("nnUNet_extTrainer", str(tmp_path))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")


def test_the_trainer_of_the_page(folder, nnunet_folders, tiny):
    trainer = get_trainer_from_args("701", "2d", 0, "SliceAttentionTopk10", device=torch.device("cpu"))
    assert trainer.num_epochs == 250
    trainer.initialize()
    assert isinstance(trainer.loss.loss, TopKLoss)
    for in_2d in (True, False):
        trainer.enter_phase(in_2d)
        trainer.network.train()
        assert trainer.train_step(next(trainer.get_dataloaders()[0]))["loss"] > 0
