"""2D first with torch.compile and with DDP: the network is wrapped again when the phase changes."""

import copy
import os
from dataclasses import replace

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as upstream
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

from nnunet_slice_attention.networks import SlabNetwork
from nnunet_slice_attention.networks.two_d_weights import added_parameters

SHORT, LONG = (f"{length}_nnUNetTrainerSliceAttention" for length in ("Tiny", "Long"))
EPOCHS_2D, EPOCHS, WORLD = 1, 2, 2  # of the short run


def build(dataset: int, name: str):
    return get_trainer_from_args(str(dataset), "2d", 0, name, device=torch.device("cpu"))


def test_ten_epochs_compile_at_most_four_times(nnunet_folders, tiny, monkeypatch):
    compiled, really = [], torch.compile

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    def compile_network_only(model, **options):
        return really(model, backend=backend, **options) if isinstance(model, SlabNetwork) else model

    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", compile_network_only)
    trainer = build(tiny.id, LONG)
    monkeypatch.setattr(trainer, "_do_i_compile", lambda: True)
    trainer.disable_checkpointing = True
    trainer.run_training()
    torch.compiler.reset()
    assert trainer.current_epoch == 10
    assert len(compiled) == 4  # two phases, each with training and validation


def epochs(trainer, upto: int) -> None:
    """nnU-Net's training loop, stopped early."""
    trainer.on_train_start()
    for _ in range(trainer.current_epoch, upto):
        trainer.on_epoch_start()
        trainer.on_train_epoch_start()
        trainer.on_train_epoch_end([trainer.train_step(next(trainer.dataloader_train)) for _ in range(2)])
        with torch.no_grad():
            trainer.on_validation_epoch_start()
            trainer.on_validation_epoch_end([trainer.validation_step(next(trainer.dataloader_val))])
        trainer.on_epoch_end()
    trainer._stop_loaders()


def as_rank(rank: int, trainer):
    """As on several GPUs."""
    trainer.is_ddp, trainer.local_rank = True, rank
    trainer.slab, trainer.planned_batch_size = replace(trainer.slab, train_slabs=4), 8
    return trainer


def train(rank: int, folder: str, dataset: int) -> None:
    torch.set_num_threads(1)
    torch.set_num_threads = lambda number: None
    os.environ["nnUNet_n_proc_DA"] = "0"  # each process that loads batches would import nnU-Net anew
    on_gpus = upstream.DDP
    upstream.DDP = lambda network, device_ids: on_gpus(network)
    results = {}
    trainers = [
        build(dataset, SHORT) for _ in range(3)
    ]  # before the process group, with which they need a GPU
    distributed.init_process_group("gloo", f"file://{folder}/rendezvous", rank=rank, world_size=WORLD)
    for upto, trainer in zip((EPOCHS_2D, EPOCHS), trainers[:2], strict=True):
        as_rank(rank, trainer)
        epochs(trainer, upto)
        results[upto] = copy.deepcopy(trainer.unwrapped_network().state_dict())
        results[f"batch {upto}"] = trainer.batch_size
        assert isinstance(trainer.network, DistributedDataParallel)
        if upto == EPOCHS_2D:
            checkpoint = f"{folder}/at_the_switch.pth"
            trainer.current_epoch -= 1
            trainer.save_checkpoint(checkpoint)
            distributed.barrier()
    resumed = as_rank(rank, trainers[2])
    resumed.load_checkpoint(checkpoint)
    epochs(resumed, EPOCHS)
    results["resumed"] = resumed.unwrapped_network().state_dict()
    torch.save(results, f"{folder}/rank{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def both(nnunet_folders, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    multiprocessing.spawn(train, (str(folder), tiny.id), nprocs=WORLD)
    return [torch.load(folder / f"rank{rank}.pt") for rank in range(WORLD)]


def added(state: dict) -> dict:
    return {name: weight for name, weight in state.items() if name.startswith("across.")}


@pytest.mark.parametrize("stage", [EPOCHS_2D, EPOCHS, "resumed"])
def test_both_processes_have_the_same_weights_before_and_after_the_switch(both, stage):
    one, other = (results[stage] for results in both)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_added_weights_are_trained_only_after_the_switch_also_when_resumed(both):
    before, after, resumed = (added(both[0][stage]) for stage in (EPOCHS_2D, EPOCHS, "resumed"))
    out = [name for name in before if ".out." in name]
    assert out and not any(before[name].any() for name in out)
    assert all(after[name].any() and resumed[name].any() for name in out)


def test_the_batch_is_split_over_processes_in_both_phases(both):
    assert [[results[f"batch {stage}"] for results in both] for stage in (EPOCHS_2D, EPOCHS)] == [
        [4, 4],
        [2, 2],
    ]


def test_added_parameters_are_those_tested_here(nnunet_folders, tiny):
    trainer = build(tiny.id, SHORT)
    trainer.initialize()
    names = {id(p): name for name, p in trainer.network.named_parameters()}
    assert {names[id(p)].partition(".")[0] for p in added_parameters(trainer.network)} == {"across"}
