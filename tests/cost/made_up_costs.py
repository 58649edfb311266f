"""Costs that were not measured."""

from nnunet_slice_attention.cost.model_cost import Cost
from nnunet_slice_attention.cost.table import Repeats


def costs(step_s: dict[int, float], **more: float | None) -> Repeats:
    """One model's, per repeat."""
    values = {
        "parameters": 10**6,
        "gmac_per_slice": 2.0,
        "slices_per_step": 4,
        "loaded_step_s": 1.0,
        "schedule_s": 1.0,
    }
    values |= {"memory_mb": 100.0, "predict_s": None, "predict_tta_s": None, "predicted_slices": None} | more
    return {repeat: Cost(step_s=s, **values) for repeat, s in step_s.items()}
