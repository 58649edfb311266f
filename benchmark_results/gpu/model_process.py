"""One model in its own process, which makes the measurements that `measure.py` requests."""

import time
import traceback

import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.cost.measure_model import predict_seconds, slices_with_loss
from nnunet_slice_attention.model_name import ModelName

TRAINING_STEPS = 20
STEPS_PER_ROUND = 5
CASES = 2
LOSS_SCALE = 2.0**16  # initial value of nnU-Net's gradient scaler


def work(name: str, dataset: str, device: str, alone, pipe) -> None:
    """Reply to requests, the names of `Model`'s methods, until one is None; the reply to an error is its traceback."""
    try:
        model = Model(name, dataset, torch.device(device), alone)
        while request := pipe.recv():
            pipe.send(getattr(model, request)())
    except Exception:
        pipe.send(traceback.format_exc())


class Model:
    """A trainer as nnU-Net builds it, and one batch of its loader; `alone` is a lock shared by all models."""

    def __init__(self, name: str, dataset: str, device: torch.device, alone):
        torch.manual_seed(0)
        self.alone, self.device = alone, device
        torch.backends.cudnn.benchmark = device.type == "cuda"  # as in nnUNetv2_train
        model = ModelName.parse(name)
        arguments = (dataset, model.configuration, 0, model.trainer, model.plans)
        self.trainer = get_trainer_from_args(*arguments, device=device)
        self.trainer.initialize()
        loaders = self.trainer.get_dataloaders()
        self.batch = next(loaders[0])
        for loader in loaders:
            if hasattr(loader, "_finish"):
                loader._finish()
        self.trainer.network.train()
        self.trained = self.trainer.network
        self.not_compiled = getattr(self.trained, "_orig_mod", self.trained)

    def check_eager(self) -> dict:
        with self.alone:  # single precision takes twice the memory
            expected = self._gradient(self.not_compiled, half=False)
            found = self._gradient(self.not_compiled, half=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        return {
            "slices": slices_with_loss(self.batch),
            "weights": sum(p.numel() for p in self.not_compiled.parameters()),
            "error_to_single_precision": distance(found, expected),
        } | self._train(self.not_compiled)

    def check_compiled(self) -> dict:
        """Compared with the same weights in eager mode; the first step compiles."""
        self.trainer.set_deep_supervision_enabled(True)
        self.trainer.network.train()
        expected = self._gradient(self.not_compiled, half=True)
        start = time.perf_counter()
        found = self._gradient(self.trained, half=True)
        self._wait()
        seconds = time.perf_counter() - start
        return {
            "compile_seconds": round(seconds, 1),
            "error_to_eager": distance(found, expected),
        } | self._train(self.trained)

    def _train(self, network: torch.nn.Module) -> dict:
        self.trainer.network = network
        losses = [float(self.trainer.train_step(self.batch)["loss"]) for _ in range(TRAINING_STEPS)]
        scaler = self.trainer.grad_scaler
        return {
            "first_loss": round(losses[0], 4),
            "last_loss": round(losses[-1], 4),
            "loss_scale": scaler.get_scale() if scaler is not None else 1.0,
        }

    def time_eager(self) -> dict:
        return self._steps(self.not_compiled)

    def time_compiled(self) -> dict:
        return self._steps(self.trained)

    def predict(self) -> dict:
        plain, mirrored, slices = predict_seconds(self.trainer, CASES, self._wait)
        return {
            "cases": CASES,
            "slices": slices,
            "seconds": round(plain, 4),
            "seconds_mirrored": round(mirrored, 4),
        }

    def _gradient(self, network: torch.nn.Module, half: bool) -> torch.Tensor:
        """Gradient of the batch's loss, all weights in one float32 vector."""
        targets = self.batch["target"]
        targets = (
            [t.to(self.device) for t in targets] if isinstance(targets, list) else targets.to(self.device)
        )
        scale = LOSS_SCALE if half and self.trainer.grad_scaler is not None else 1.0
        network.zero_grad(set_to_none=True)
        torch.backends.cudnn.allow_tf32 = half
        with torch.autocast(self.device.type, enabled=half):
            loss = self.trainer.loss(network(self.batch["data"].to(self.device)), targets)
        (loss * scale).backward()
        torch.backends.cudnn.allow_tf32 = True
        parts = [p.grad.float().flatten() / scale for p in network.parameters() if p.grad is not None]
        network.zero_grad(set_to_none=True)
        return torch.cat(parts)

    def _steps(self, network: torch.nn.Module) -> dict:
        """Mean seconds per training step, after one that is not timed, and torch's peak memory."""
        self.trainer.network = network
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self.trainer.train_step(self.batch)
        self._wait()
        start = time.perf_counter()
        for _ in range(STEPS_PER_ROUND):
            self.trainer.train_step(self.batch)
        self._wait()
        seconds = (time.perf_counter() - start) / STEPS_PER_ROUND
        peak = torch.cuda.max_memory_allocated() if self.device.type == "cuda" else 0
        return {
            "slices": slices_with_loss(self.batch),
            "seconds": round(seconds, 6),
            "peak_gb": round(peak / 1e9, 3),
        }

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Distance of two vectors, relative to the norm of the second."""
    return round(float((found - expected).norm() / expected.norm()), 6)
