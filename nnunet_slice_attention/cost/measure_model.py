"""Measures the cost of one model on one data set, in a process of its own.

`python -m nnunet_slice_attention.cost.measure_model MEASUREMENT.json COST.json`. The model is built by the trainer from
the plans; weights are random, which costs the same.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median

import psutil
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..inference.predictor import SlabPredictor
from ..networks.compiled import uncompiled
from .model_cost import Cost, Measurement

WARM_UP = 2  # untimed steps: memory pools, cuDNN benchmark, torch.compile


def measure(what: Measurement) -> Cost:
    device = torch.device(what.device)
    trainer = get_trainer_from_args(
        what.dataset, what.configuration, 0, what.trainer, what.plans, device=device
    )
    trainer.initialize()
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # as in nnU-Net's training and prediction
    wait = torch.cuda.synchronize if device.type == "cuda" else _no_wait
    schedule = 0.0
    for in_2d, share in get_phases(trainer).items():
        if in_2d is not None:
            trainer.enter_phase(in_2d)
        batch, step, loaded = training_seconds(trainer, what.iterations, wait)
        schedule += share * loaded
    memory = peak_memory(device)
    one = batch["data"][:1]  # more could need more memory than training
    gmac = forward_macs(trainer, one) / 1e9 / (one.shape[2] if one.ndim == 5 else 1)
    predicted = predict_seconds(trainer, what.cases, wait) if what.cases else (None, None, None)
    parameters = sum(p.numel() for p in trainer.network.parameters())
    return Cost(parameters, gmac, slices_with_loss(batch), step, loaded, schedule, memory, *predicted)


def get_phases(trainer) -> dict[bool | None, float]:
    """Fraction of the epochs per phase, see `nnUNetTrainerSlab.phases`; nnU-Net's own trainers have one phase, None."""
    return trainer.phases() if hasattr(trainer, "phases") else {None: 1.0}


def training_seconds(trainer, iterations: int, wait: Callable[[], None]) -> tuple[dict, float, float]:
    """(a batch, median seconds of a step on it, mean seconds of steps on new batches)."""
    loader, validation_loader = trainer.get_dataloaders()
    batch = next(loader)
    if trainer.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()  # the last phase counts, which needs the most
    trainer.network.train()
    trainer.optimizer.zero_grad()
    loaded = loaded_seconds(trainer, loader, iterations, wait)
    for each in (loader, validation_loader):  # filling their queues would use the same cores
        if hasattr(each, "_finish"):
            each._finish()
    return batch, seconds(lambda: trainer.train_step(batch), iterations, wait), loaded


def slices_with_loss(batch: dict) -> int:
    """Slices of a training batch with a loss: all of a 3D patch, the middle one of a context slab."""
    target = batch["target"]
    finest = target[0] if isinstance(target, list) else target  # a list with deep supervision
    return finest.shape[0] * (finest.shape[2] if finest.ndim == 5 else 1)


def _no_wait() -> None:
    """CPU calls are synchronous."""


def forward_macs(trainer, data: torch.Tensor) -> float:
    """Multiply-adds of a forward pass of a batch, in which all slices are decoded."""
    network = uncompiled(trainer.network)  # the counter does not see compiled code
    network.eval()  # decode all slices of a slab, not only the middle one
    # The counter of some PyTorch versions does not support fused attention on a CPU.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(data.to(trainer.device))
    return counter.get_total_flops() / 2


def seconds(call: Callable[[], object], iterations: int, wait: Callable[[], None]) -> float:
    """Median over `iterations` calls."""
    times = []
    for i in range(WARM_UP + iterations):
        start = time.perf_counter()
        call()
        wait()
        if i >= WARM_UP:
            times.append(time.perf_counter() - start)
    return median(times)


def loaded_seconds(trainer, loader, iterations: int, wait: Callable[[], None]) -> float:
    """Mean over `iterations` training steps, each on a new batch."""
    # Empty the loader's queues first: batches in them were loaded before.
    for _ in range(2 * getattr(loader, "num_cached", 0) + getattr(loader, "num_processes", 0)):
        next(loader)
    for _ in range(WARM_UP):
        trainer.train_step(next(loader))
    wait()
    start = time.perf_counter()
    for _ in range(iterations):
        trainer.train_step(next(loader))
    wait()
    return (time.perf_counter() - start) / iterations


def peak_memory(device: torch.device) -> float:
    """Of training so far, in MB: PyTorch's on a GPU, the process's on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)  # bytes on macOS, KiB elsewhere


def predict_seconds(trainer, n_cases: int, wait: Callable[[], None]) -> tuple[float, float | None, float]:
    """(seconds per case without mirroring, with mirroring, slices per case) over the first validation cases.

    The second is None for a model that does not mirror.
    """
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    _, keys = trainer.do_split()
    dataset = trainer.dataset_class(trainer.preprocessed_dataset_folder, keys)
    loaded = [dataset.load_case(key) for key in dataset.identifiers[:n_cases]]
    cases = [torch.from_numpy(data[:]) for data, *_ in loaded]
    # Of the images: `3d_fullres` resamples across slices.
    slices = [properties["shape_after_cropping_and_before_resampling"][0] for *_, properties in loaded]
    predictor = SlabPredictor(
        perform_everything_on_device=True, device=trainer.device, allow_tqdm=False, use_mirroring=True
    )
    plan = trainer.plans_manager.get_configuration(trainer.configuration_name)
    axes = trainer.inference_allowed_mirroring_axes
    # As in `predict`, which only compiles with nnUNet_compile=true.
    network = uncompiled(trainer.network)
    times = []
    for mirror_axes in (None, axes) if axes else (None,):
        predictor.manual_initialization(
            network, trainer.plans_manager, plan, None, trainer.dataset_json, "", mirror_axes
        )
        if trainer.device.type == "cuda":  # cuDNN selects kernels in the first pass
            predictor.predict_sliding_window_return_logits(cases[0])
            wait()
        start = time.perf_counter()
        for case in cases:
            predictor.predict_sliding_window_return_logits(case)
        wait()
        times.append((time.perf_counter() - start) / len(cases))
    without, mirrored = times if axes else (*times, None)
    return without, mirrored, sum(slices) / len(cases)


if __name__ == "__main__":
    measurement = Measurement(**json.loads(Path(sys.argv[1]).read_text()))
    Path(sys.argv[2]).write_text(json.dumps(asdict(measure(measurement))))
