"""Re-exports every trainer, built on request: nnU-Net asks `hasattr(this_module, trainer_name)` (PEP 562).

A name that is not ours is an AttributeError, so that nnU-Net searches on. A trainer of ours with a suffix that does not
exist is a ValueError with the close matches.
"""


def __getattr__(name: str):
    # nnU-Net imports this module whenever it looks for any trainer, and Python asks it for names of its own: only a
    # name that can be ours may cost the import of torch and of the trainers.
    if not name.startswith("nnUNetTrainer"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nnunet_slice_attention.trainers import resolve_trainer

    return resolve_trainer(name)
