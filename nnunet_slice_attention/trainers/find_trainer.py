"""The class of a trainer by its name, without nnU-Net's report of every module it looks at."""

from contextlib import redirect_stdout
from io import StringIO

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name


def find_trainer(name: str) -> type[nnUNetTrainer]:
    """Raise ValueError if nnU-Net finds none, or if what it imports on the way fails."""
    try:
        with redirect_stdout(StringIO()):
            return recursive_find_trainer_class_by_name(name)
    except ValueError:  # ours, with the names that are meant
        raise
    except Exception as error:
        if not str(error).startswith("Could not find requested nnunet trainer"):
            raise ValueError(
                f"nnU-Net's search for {name} stopped: {type(error).__name__}: {error}. "
                f"nnunet-slice-attention doctor -tr {name} says where."
            ) from error
        raise ValueError(
            f"nnU-Net finds no trainer {name}. Install the package that has it; nnunet-slice-attention doctor tells "
            "whether ours is found."
        ) from error
