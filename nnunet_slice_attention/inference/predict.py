"""Prediction of files with a trained model: nnU-Net's preprocessing and export around `SlabPredictor`."""

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import torch
from nnunetv2.utilities.file_path_utilities import get_output_folder
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

from ..networks import SlabNetwork
from .cases import Case, find_cases, in_one_line, is_finished, problems, remove_results
from .predictor import SlabPredictor
from .settings import note_settings


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
        folds: e.g. (0, 1, 2) or ("all",); None takes the numbered ones that have the checkpoint, or else "all".
        checkpoint: file in each fold's folder.
        device: cuda, cpu or mps.
        options: of `SlabPredictor`.

    Raises:
        FileNotFoundError: a fold has no such checkpoint.
        ValueError: the device is not there, or the model's plans are not those its training wrote.
    """
    folder = Path(folder)
    chosen = find_folds(folder, folds, checkpoint)
    predictor = SlabPredictor(device=find_device(device), **options)
    predictor.initialize_from_trained_model_folder(str(folder), chosen, checkpoint)
    check_slab(predictor, folder / "plans.json")
    return predictor


def find_folds(folder: Path, folds: Sequence[int | str] | None, checkpoint: str) -> list[str]:
    """The folds to use, see `load_predictor`."""
    found = [p.parent.name.removeprefix("fold_") for p in folder.glob(f"fold_*/{checkpoint}")]
    found = sorted((f for f in found if f.isdigit()), key=int) + [f for f in found if f == "all"]
    wanted = [str(fold) for fold in folds or ()]
    missing = [fold for fold in wanted if fold not in found]
    if missing or not found:
        raise FileNotFoundError(
            f"{folder} has no {checkpoint} of fold {', '.join(missing) or 'any'}. Folds that have one: "
            f"{', '.join(found) or 'none'}; choose with -f, or another file with -chk."
        )
    return wanted or [fold for fold in found if fold != "all"] or found


def check_slab(predictor: SlabPredictor, plans: Path) -> None:
    """Raise ValueError if the plans of a slice-attention network are not those that its training wrote."""
    patch = list(predictor.configuration_manager.patch_size)
    network = getattr(predictor.network, "_orig_mod", predictor.network)
    if isinstance(network, SlabNetwork) and len(patch) != 3:
        raise ValueError(
            f"{plans} has the patch size {patch}, without the slices that the training added. Put back the file that "
            "the training wrote there."
        )


def find_device(name: str) -> torch.device:
    """Raise ValueError if it is not there; set PyTorch's threads as nnUNetv2_predict does."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name):
        usable = [device for device, there in available.items() if there]
        raise ValueError(f"device {name!r} is not available here. Give -device {' or '.join(usable)}.")
    if name != "mps":
        torch.set_num_threads(multiprocessing.cpu_count() if name == "cpu" else 1)
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
        ValueError: `part_id` is not one of the parts, no process to work, or a result would overwrite an image.
    """
    if not 0 <= part_id < num_parts:
        raise ValueError(
            f"part_id={part_id} is not one of the {num_parts} parts. Count from 0 to {num_parts - 1}."
        )
    if min(n_preprocessing, n_export) < 1:
        raise ValueError(f"-npp {n_preprocessing} -nps {n_export}: both take at least one process.")
    cases = find_cases(inputs, output, predictor.dataset_json["file_ending"])[part_id::num_parts]
    plans = predictor.plans_manager
    reader_writer = plans.image_reader_writer_class()
    if not overwrite:
        cases = [case for case in cases if not is_finished(case, reader_writer, save_probabilities)]
    n_channels = determine_num_input_channels(plans, predictor.configuration_manager, predictor.dataset_json)
    bad = problems(cases, n_channels, reader_writer, n_preprocessing)
    good = [case for case in cases if case not in bad]
    for case in cases:
        remove_results(case)

    def predict(some: list[Case]) -> None:
        predictor.predict_from_files(
            [[str(p) for p in case.images] for case in some],
            [case.stem for case in some],
            save_probabilities,
            num_processes_preprocessing=n_preprocessing,
            num_processes_segmentation_export=n_export,
        )

    failures = dict(bad)
    try:
        if good:
            predict(good)
    except Exception:  # it ends nnU-Net's processes, those of other cases too
        for case in good:
            if not is_finished(case, reader_writer, save_probabilities):
                try:
                    predict([case])
                except Exception as error:  # whatever it was, the next case has its own processes
                    remove_results(case)
                    failures[case] = in_one_line(error)
    if done := [case for case in good if case not in failures]:
        note_settings(predictor, done[0].output.parent)
    return [f"{case.images[0]}: {problem}" for case, problem in failures.items()]
