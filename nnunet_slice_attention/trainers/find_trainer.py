"""Finds a trainer class by its name, without nnU-Net's output for every module it searches."""

from contextlib import redirect_stdout
from io import StringIO

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name


def find_trainer(name: str) -> type[nnUNetTrainer]:
    """Raise ValueError if nnU-Net finds none, or if a module that it searches cannot be imported."""
    try:
        with redirect_stdout(StringIO()):
            return recursive_find_trainer_class_by_name(name)
    except ValueError:  # ours, with similar names
        raise
    except Exception as error:
        if not str(error).startswith("Could not find requested nnunet trainer"):
            raise ValueError(
                f"nnU-Net's search for {name} failed: {type(error).__name__}: {error}. "
                f"To see where, run: nnunet-slice-attention doctor -tr {name}"
            ) from error
        raise ValueError(
            f"nnU-Net finds no trainer {name}. Install the package that provides it; to check whether this package's "
            "trainers are found, run: nnunet-slice-attention doctor"
        ) from error
