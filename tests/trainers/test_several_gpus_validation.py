"""Validation on several GPUs: what one process sees of the others. In a group of one process, on a CPU."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as upstream
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


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


@pytest.mark.parametrize("name", ["nnUNetTrainerTSFMUNet", "nnUNetTrainerSliceUNet_ImageNet"])
def test_cases_are_predicted_without_the_other_processes_which_may_have_none(name, on_gpus, monkeypatch):
    trainer = on_gpus(name, rank=0)
    trainer.initialize()
    assert trainer.network.modules_buffers  # which DDP would broadcast
    monkeypatch.setattr(trainer, "do_split", lambda: (["case_0"], ["case_5"]))

    def broadcast(self):
        pytest.fail("the other processes would have to take part")

    monkeypatch.setattr(DistributedDataParallel, "_sync_buffers", broadcast)
    trainer.perform_actual_validation()
