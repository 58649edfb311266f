"""The cost of one model: what to measure, and what was measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """What to measure; `iterations` training steps are timed, `cases` validation cases predicted (0: none)."""

    dataset: str
    trainer: str
    plans: str
    configuration: str
    device: str
    iterations: int
    cases: int


@dataclass(frozen=True)
class Cost:
    """One model's cost.

    Attributes:
        parameters: number of weights.
        gmac_per_slice: 1e9 multiply-adds of a forward pass, per slice of a training patch.
        slices_per_step: slices per training batch with a loss, without context.
        step_s: median seconds of a training step without data loading.
        loaded_step_s: mean seconds of a training step including data loading and augmentation.
        schedule_s: the same, averaged over all epochs. For 2D first, the values above are for the phase with
            neighbours, this one is for both.
        memory_mb: peak memory of training: PyTorch's on a GPU, the process's on a CPU.
        predict_s, predict_tta_s: seconds per case with the command `predict`, without and with mirroring;
            the latter is None for a model that does not mirror.
        predicted_slices: mean slices per case, of its image before resampling.
    """

    parameters: int
    gmac_per_slice: float
    slices_per_step: int
    step_s: float
    loaded_step_s: float
    schedule_s: float
    memory_mb: float
    predict_s: float | None
    predict_tta_s: float | None
    predicted_slices: float | None
