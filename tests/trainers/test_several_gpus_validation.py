"""Validation on several GPUs: what one process sees of the others. In a group of one process, on a CPU."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as upstream
from torch import distributed


@pytest.fixture
def on_gpus(nnunet_folders, tiny, tmp_path, monkeypatch):
    """Build a trainer as on several GPUs, in whose folder there is nothing."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    wrap = upstream.DDP
    monkeypatch.setattr(upstream, "DDP", lambda network, device_ids: wrap(network))

    def build(name: str, rank: int):
        trainer = get_trainer_from_args(str(tiny.id), "2d", 0, name, device=torch.device("cpu"))
        distributed.init_process_group("gloo", f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
        trainer.is_ddp, trainer.local_rank = True, rank
        return trainer

    yield build
    distributed.destroy_process_group()


def test_a_checkpoint_is_loaded_once_the_first_process_has_saved_it(on_gpus, tmp_path, monkeypatch):
    trainer, best = on_gpus("nnUNetTrainerCSANet", rank=0), str(tmp_path / "checkpoint_best.pth")
    trainer.initialize()
    trainer.current_epoch = 3
    trainer.save_checkpoint(best)

    def save_meanwhile():
        trainer.local_rank, trainer.current_epoch = 0, 7
        trainer.save_checkpoint(best)

    monkeypatch.setattr(distributed, "barrier", save_meanwhile)
    trainer.local_rank = 1
    trainer.load_checkpoint(best)  # for --val_best
    assert trainer.current_epoch == 8
