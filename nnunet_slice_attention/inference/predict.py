"""Prediction of files with a trained model: nnU-Net's preprocessing and export around `SlabPredictor`."""

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import torch
from nnunetv2.utilities.file_path_utilities import get_output_folder
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

from .cases import find_cases, in_one_line, not_written, problems
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
) -> list[str]:
    """Predict a folder of cases, or one case given as its files, one a channel.

    Writes what `nnUNetv2_predict` writes. A case that cannot be read or written does not stop the others.

    Args:
        inputs: one folder, or the channels of one case in order.
        output: folder; for one case it may also be the file to write.
        save_probabilities: also write them, for ensembling.
        overwrite: False leaves out what `output` holds already.
        n_preprocessing, n_export: processes.
        num_parts, part_id: predict every `num_parts`-th case, from `part_id` on.

    Returns:
        a message for each case that was not predicted.

    Raises:
        FileNotFoundError: no case in `inputs`.
        ValueError: `part_id` is not one of the parts.
    """
    if not 0 <= part_id < num_parts:
        raise ValueError(
            f"part_id={part_id} is not one of the {num_parts} parts. Count from 0 to {num_parts - 1}."
        )
    ending = predictor.dataset_json["file_ending"]
    cases = find_cases(inputs, output, ending)[part_id::num_parts]
    plans = predictor.plans_manager
    reader_writer = plans.image_reader_writer_class()
    n_channels = determine_num_input_channels(plans, predictor.configuration_manager, predictor.dataset_json)
    bad = problems(cases, reader_writer, n_channels, n_preprocessing)
    failures = [f"{case.images[0]}: {problem}" for case, problem in bad.items()]
    good = [case for case in cases if case not in bad]
    if not good:
        return failures
    try:
        predictor.predict_from_files(
            [[str(p) for p in case.images] for case in good],
            [str(case.output).removesuffix(ending) for case in good],
            save_probabilities,
            overwrite,
            n_preprocessing,
            n_export,
        )
    except (OSError, RuntimeError) as error:
        lacking = not_written(good, reader_writer)
        if not lacking:
            raise
        failures += [f"{case.output} was not written: {in_one_line(error)}" for case in lacking]
    return failures
