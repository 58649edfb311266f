"""Whether the images that are to be predicted after training can be."""

from collections.abc import Sequence
from pathlib import Path

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from ..inference.find_cases import find_cases
from ..inference.image_checks import Expected, find_problems
from ..messages import first_few

MAX_SHOWN = 10  # images in one message
THREADS = 4  # for reading images


def check_images(folder: Path, trainers: Sequence[nnUNetTrainer], scratch: Path) -> None:
    """Raise ValueError with the images that a model of these trainers could not predict, see `find_problems`."""
    found: dict[str, None] = {}
    kinds = {}
    for trainer in trainers:
        expected = Expected.from_plans(trainer.plans_manager, trainer.dataset_json)
        kinds[expected.n_channels, expected.spacing, type(expected.reader_writer), expected.clipped] = (
            expected
        )
    # `check_before_training` checks the real output folders, which are known there.
    cases = find_cases([folder], scratch / "predictions", trainers[0].dataset_json["file_ending"])
    for expected in kinds.values():
        for case, problem in find_problems(cases, expected, THREADS).items():
            found[f"{case.images[0].name}: {problem}"] = None
    if found:
        raise ValueError(
            f"-i {folder}: {first_few(found, '; ', MAX_SHOWN)}. Fix them, or remove them from the folder."
        )
