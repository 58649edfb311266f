"""The plans file of a data set."""

from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name


def plans_file(dataset: str | int, plans_name: str) -> Path:
    """`plans_name`.json in the preprocessed folder of a data set, given by id or name.

    Raises:
        RuntimeError: no data set has that id (raised by nnU-Net).
        FileNotFoundError: the data set has no such plans.
    """
    path = Path(str(nnUNet_preprocessed)) / maybe_convert_to_dataset_name(dataset) / f"{plans_name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Run first: nnUNetv2_plan_and_preprocess -d {dataset} -c 2d 3d_fullres"
        )
    return path
