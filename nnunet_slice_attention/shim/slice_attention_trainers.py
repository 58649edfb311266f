"""Provides every trainer on request: nnU-Net checks `hasattr(this_module, trainer_name)` (PEP 562).

A name that is not ours raises AttributeError, so that nnU-Net continues its search. A trainer of ours with an unknown
suffix raises ValueError with similar names.
"""


def __getattr__(name: str):
    # nnU-Net imports this module in every search, and Python looks up dunder names here: only names that can be ours
    # may import torch and the trainers.
    if not name.startswith("nnUNetTrainer"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nnunet_slice_attention.trainers import resolve_trainer

    return resolve_trainer(name)
