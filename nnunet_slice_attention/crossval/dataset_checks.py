"""Whether the data set allows training and comparison: its ground truth, what was preprocessed, and its split."""

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..comparison.ground_truth import GroundTruth
from ..comparison.patients import leaked_patients
from ..comparison.truth_spacing import with_spacings
from ..dataset_files import dataset_id, read_plans, training_images
from ..evaluation.segmentations import find_slice_axis
from ..image_geometry import four_dimensional
from ..label_values import problems_of_files
from ..messages import first_few
from ..plans.preprocessed_cases import changed_description, changed_labels, newer_than_data
from .cross_validation import CrossValidation

EXAMPLES = 3  # ground truths that are read to see whether they are volumes


def check_ground_truth(truth: GroundTruth, folds: Sequence[int]) -> None:
    """Raise FileNotFoundError or ValueError unless the folds share no validation case and all have a ground truth.

    Its spacing must be known.
    """
    cases = [case for fold in folds for case in dict.fromkeys(truth.splits[fold]["val"])]
    if shared := sorted(case for case, number in Counter(cases).items() if number > 1):
        raise ValueError(
            f"{first_few(shared)}: validation cases of more than one of the folds {', '.join(map(str, folds))}, which "
            "cannot be compared together. Run crossval once for each of these folds (-f), each with an -o of its own; "
            f"or write a splits_final.json without overlaps to {truth.folder.parent}, and train all folds with it."
        )
    if missing := sorted(case for case in cases if not truth.file(case).is_file()):
        raise FileNotFoundError(
            f"no ground truth for {first_few(missing)} in {truth.folder}. Preprocess the data set again."
        )
    if folds:
        with_spacings(truth, cases)


def check_volumes(truth: GroundTruth, folds: Sequence[int]) -> None:
    """Raise ValueError if the ground truth is 2D, by the first few cases of the folds: it could not be compared."""
    cases = [case for fold in folds for case in truth.splits[fold]["val"]][:EXAMPLES]
    known = {truth.file(case): spacing for case, spacing in with_spacings(truth, cases).spacings.items()}
    try:
        find_slice_axis(truth.reader(), [truth.file(case) for case in cases], known)
    except ValueError as error:
        raise ValueError(
            f"{error} crossval would train, but not compare: train with nnUNetv2_train, which also evaluates."
        ) from error


def check_label_values(truth: GroundTruth, folds: Sequence[str], dataset: str) -> None:
    """Raise ValueError if a label of these folds has values that dataset.json lacks."""
    if "all" in folds:
        cases = truth.cases
    else:
        parts = (truth.splits[int(fold)][part] for fold in folds for part in ("train", "val"))
        cases = dict.fromkeys(itertools.chain.from_iterable(parts))
    files = [file for case in cases if (file := truth.file(case)).is_file()]
    wrong = problems_of_files(files, truth.reader(), truth.dataset_json)
    if wrong:
        path, problem = next(iter(wrong.items()))
        more = f" (and {len(wrong) - 1} more)" * (len(wrong) > 1)
        raise ValueError(
            f"{path}{more} {problem} Do so in {truth.raw}, remove {truth.folder}, and run nnUNetv2_plan_and_preprocess "
            f"-d {dataset_id(dataset)} --clean."
        )


def check_dimensions(truth: GroundTruth, dataset: str) -> None:
    """Raise ValueError if nnU-Net could not write the segmentation of a training image, see `four_dimensions`."""
    if not isinstance(truth.reader(), SimpleITKIO):
        return
    images = training_images(truth.raw, truth.dataset_json).values()
    if wrong := four_dimensional(itertools.chain.from_iterable(images)):
        raise ValueError(
            f"{len(wrong)} images have four dimensions, of which nnU-Net cannot write a segmentation, so that the "
            f"validation would fail after the last epoch: {first_few(map(str, wrong))}. Save their volumes as "
            "CASE_0000, CASE_0001 ..., one file per channel, then run nnUNetv2_plan_and_preprocess "
            f"-d {dataset_id(dataset)} --clean."
        )


def check_unchanged(truth: GroundTruth, dataset: str) -> None:
    """Raise ValueError if labels or `dataset.json` were changed after preprocessing."""
    if changed := changed_description(truth.raw, truth.folder.parent):
        raise ValueError(
            f"dataset.json was changed after preprocessing: {changed}. Run nnUNetv2_plan_and_preprocess "
            f"-d {dataset_id(dataset)} --clean, and train again what was trained before."
        )
    if changed := changed_labels(truth.raw, truth.folder, truth.dataset_json):
        raise ValueError(
            f"labels of {truth.raw} were changed after preprocessing, so training would ignore the change: "
            f"{first_few(changed)}. Remove {truth.folder}, run nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} "
            "--clean, for other plans also nnUNetv2_preprocess -plans_name, and train again what was trained before."
        )


def note_newer_images(truth: GroundTruth, crossval: CrossValidation) -> None:
    """Print a note on stderr if images are newer than the data that was made from them.

    It is no error: a folder that was copied without its dates has newer images, too.
    """
    preprocessed = truth.folder.parent
    folders = set()
    for model in crossval.models:
        plans = PlansManager(read_plans(preprocessed / f"{model.plans}.json"))
        folders.add(preprocessed / plans.get_configuration(model.configuration).data_identifier)
    if newer := newer_than_data(training_images(truth.raw, truth.dataset_json), folders):
        print(
            f"note: {len(newer)} images of {truth.raw} are newer than the data that training uses: {first_few(newer)}. "
            f"If they were replaced, not only copied, interrupt this, run nnUNetv2_plan_and_preprocess "
            f"-d {dataset_id(crossval.dataset)} --clean, for other plans nnUNetv2_preprocess -plans_name, and train "
            "again what was trained before.",
            file=sys.stderr,
            flush=True,
        )


def check_leakage(truth: GroundTruth, folds: Sequence[int], patient_of: Callable[[str], str]) -> None:
    """Raise ValueError if a patient is in both parts of a fold, or unknown to the rule."""
    for split in truth.splits:
        for case in split["val"]:
            patient_of(case)
    for fold in folds:
        if leaked := leaked_patients(truth, fold, patient_of):
            raise ValueError(
                f"fold {fold} has volumes of {first_few(leaked)} in both training and validation. Write a "
                f"splits_final.json by patient to {truth.folder.parent}, and repeat runs that used the present split."
            )
