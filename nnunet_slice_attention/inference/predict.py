"""Prediction of files with a trained model: nnU-Net's preprocessing and export around `SlabPredictor`."""

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import torch
from nnunetv2.utilities.file_path_utilities import get_output_folder

from .predictor import SlabPredictor


def model_folder(dataset: str | int, trainer: str, plans: str, configuration: str) -> Path:
    """Where nnU-Net keeps a model.

    Raises:
        FileNotFoundError: nothing was trained under these names; lists what there is.
    """
    folder = Path(get_output_folder(dataset, trainer, plans, configuration))
    if not folder.is_dir():
        others = sorted(p.name for p in folder.parent.glob("*__*__*"))
        raise FileNotFoundError(
            f"{folder} does not exist. Train it with: nnUNetv2_train {dataset} {configuration} 0 -tr {trainer} "
            f"-p {plans}. Trained so far: {', '.join(others) or 'nothing'}."
        )
    return folder


def load_predictor(
    folder: Path,
    folds: Sequence[int | str] | None,
    checkpoint: str = "checkpoint_final.pth",
    device: str = "cuda",
    **options,
) -> SlabPredictor:
    """A predictor with the weights of some folds; several are averaged.

    Args:
        folder: of the model, see `model_folder`.
        folds: e.g. (0, 1, 2) or ("all",); None takes those that have the checkpoint.
        checkpoint: file in each fold's folder.
        device: cuda, cpu or mps.
        options: of `SlabPredictor`.

    Raises:
        FileNotFoundError: a fold has no such checkpoint.
        ValueError: the device is not there.
    """
    folder = Path(folder)
    found = sorted(p.parent.name.removeprefix("fold_") for p in folder.glob(f"fold_*/{checkpoint}"))
    missing = [str(f) for f in folds or () if str(f) not in found]
    if missing or not found:
        raise FileNotFoundError(
            f"{folder} has no {checkpoint} of fold {', '.join(missing) or 'any'}. Folds that have one: "
            f"{', '.join(found) or 'none'}; choose with -f, or another file with -chk."
        )
    predictor = SlabPredictor(device=_device(device), **options)
    predictor.initialize_from_trained_model_folder(str(folder), list(folds or found), checkpoint)
    return predictor


def _device(name: str) -> torch.device:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name):
        usable = [device for device, there in available.items() if there]
        raise ValueError(f"device {name!r} is not available here. Give -device {' or '.join(usable)}.")
    if name != "mps":
        torch.set_num_threads(multiprocessing.cpu_count() if name == "cpu" else 1)  # as nnUNetv2_predict does
    return torch.device(name)


def predict_files(
    predictor: SlabPredictor,
    inputs: Sequence[Path],
    output: Path,
    save_probabilities: bool = False,
    overwrite: bool = True,
    n_preprocessing: int = 3,
    n_export: int = 3,
    num_parts: int = 1,
    part_id: int = 0,
) -> int:
    """Predict a folder of cases, or one case given as its files, one a channel.

    Writes what `nnUNetv2_predict` writes.

    Args:
        inputs: one folder, or the channels of one case in order.
        output: folder; for one case it may also be the file to write.
        save_probabilities: also write them, for ensembling.
        overwrite: False leaves out what `output` holds already.
        n_preprocessing, n_export: processes.
        num_parts, part_id: predict every `num_parts`-th case, from `part_id` on.

    Returns:
        number of cases found.

    Raises:
        FileNotFoundError: no case in `inputs`.
        ValueError: `part_id` is not one of the parts.
    """
    if not 0 <= part_id < num_parts:
        raise ValueError(
            f"part_id={part_id} is not one of the {num_parts} parts. Count from 0 to {num_parts - 1}."
        )
    ending = predictor.dataset_json["file_ending"]
    one_folder = len(inputs) == 1 and Path(inputs[0]).is_dir()
    found = (
        sorted(Path(inputs[0]).glob(f"*_0000{ending}"))
        if one_folder
        else [p for p in inputs if Path(p).is_file()]
    )
    if not found or not (one_folder or len(found) == len(inputs)):
        raise FileNotFoundError(
            f"no case in {', '.join(map(str, inputs))}: expected a folder of files that end in _0000{ending}, "
            f"_0001{ending} ..., one a channel, or such files of one case."
        )
    if one_folder:
        cases, written = str(inputs[0]), str(output)
    else:
        name = Path(inputs[0]).name.removesuffix(ending).removesuffix("_0000")
        to_file = str(output).endswith(ending)
        cases, written = (
            [[str(p) for p in inputs]],
            [str(output).removesuffix(ending) if to_file else str(Path(output) / name)],
        )
    predictor.predict_from_files(
        cases,
        written,
        save_probabilities,
        overwrite,
        n_preprocessing,
        n_export,
        num_parts=num_parts,
        part_id=part_id,
    )
    return len(found) if one_folder else 1
