"""What a prediction is refused for before any image is read; all raise ValueError with the next step."""

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from .cases import Case
from .predictor import SlabPredictor


def check_arguments(n_preprocessing: int, n_export: int, num_parts: int, part_id: int) -> None:
    if not 0 <= part_id < num_parts:
        raise ValueError(
            f"-part_id {part_id} is out of range for -num_parts {num_parts}. Give 0 to {num_parts - 1}."
        )
    if min(n_preprocessing, n_export) < 1 and not n_preprocessing == n_export == 0:
        raise ValueError(
            f"-npp {n_preprocessing} -nps {n_export}: both must be at least 1, or both 0 for no other processes."
        )


def check_is_no_second_stage(predictor: SlabPredictor) -> None:
    if predictor.configuration_manager.previous_stage_name is not None:
        raise ValueError(
            "the model is the second stage of a cascade, which needs the first stage's segmentations. Predict with "
            "nnUNetv2_predict -prev_stage_predictions."
        )


def check_mirrors_in_plane(predictor: SlabPredictor) -> None:
    axes = (predictor.allowed_mirroring_axes if predictor.use_mirroring else None) or ()
    if 0 in axes and predictor.slab_network() is not None:
        raise ValueError(
            f"the model was trained with mirroring along axes {tuple(axes)}, of which 0 is that of the slices, which "
            "`predict` does not mirror. Give --disable_tta, or predict with nnUNetv2_predict."
        )


def check_output_format(case: Case, predictor: SlabPredictor, reader_writer: BaseReaderWriter) -> None:
    """Raise ValueError unless nnU-Net writes the format of the case's output with the model's reader."""
    writable = _writable(reader_writer)
    if case.ending not in (predictor.dataset_json["file_ending"], *writable):
        raise ValueError(
            f"-o {case.output.name}: the model can write {', '.join(writable)}. Use one of these formats."
        )


def _writable(reader_writer: BaseReaderWriter) -> list[str]:
    """Extensions that the data set's writer supports, with .nii if it uses ITK."""
    return [
        *reader_writer.supported_file_endings,
        *([".nii"] if isinstance(reader_writer, SimpleITKIO) else []),
    ]
