"""Predicts files with a trained model: nnU-Net's preprocessing and export around `SlabPredictor`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..files import check_writable
from ..messages import first_few, last_line
from .bisection import Outcome, predict_or_bisect
from .call_checks import (
    check_arguments,
    check_is_no_second_stage,
    check_mirrors_in_plane,
    check_output_format,
)
from .cases import NNUNET_RECORD, Case, is_finished
from .direction_notes import notes_on_directions
from .earlier_results import EarlierResults
from .extra_outputs import ExtraOutputs
from .find_cases import find_cases
from .image_checks import Expected, find_problems
from .prediction_record import (
    check_continues,
    has_other_images,
    images_sha256,
    left_to_replace,
    recorded,
    settings_of,
    with_cases,
    write_record,
)
from .predictor import SlabPredictor

NOTHING = ExtraOutputs()


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
    extra_outputs: ExtraOutputs = NOTHING,
) -> list[str]:
    """Predict a folder of cases, or one case given by its files, one per channel.

    Writes the same files as `nnUNetv2_predict`. A case that cannot be read or written does not stop the others. Results
    of an earlier call stay until the network has predicted their case again.
    Prints a note on stderr if the slices of some images are of another plane than those of training, or in the reverse
    order if the network knows their positions.

    Args:
        inputs: one folder, or the channels of one case in order.
        output: a folder; for one case also the file to write.
        save_probabilities: also write probabilities, for ensembling.
        overwrite: False skips cases that `output` already has, of the same images, settings and weights.
        n_preprocessing, n_export: number of processes; both 0 for none, one case after the other, as in nnU-Net.
        num_parts, part_id: predict every `num_parts`-th case, starting at `part_id`.
        extra_outputs: what is also written.

    Returns:
        one message per case that was not predicted, or for which an extra output could not be written; one for all
            cases left when the disk is full.

    Raises:
        FileNotFoundError: no cases in `inputs`.
        ValueError: `part_id` out of range, processes for one of the two only, the second stage of a cascade, what
            `extra_outputs`, `find_cases` or `check_continues` refuse, or `output` cannot be written.
    """
    check_arguments(n_preprocessing, n_export, num_parts, part_id)
    extra_outputs.check(predictor, save_probabilities)
    check_is_no_second_stage(predictor)
    check_mirrors_in_plane(predictor)
    found = find_cases(inputs, output, predictor.dataset_json["file_ending"])
    check_writable(found[0].output.parent)
    expected = Expected.from_plans(predictor.plans_manager, predictor.dataset_json)
    reader_writer = expected.reader_writer
    check_output_format(found[0], predictor, reader_writer)
    asked = cases = found[part_id::num_parts]
    folder, settings = found[0].output.parent, settings_of(predictor)

    def finished(case: Case) -> bool:
        return is_finished(case, reader_writer, save_probabilities) and not has_other_images(folder, case)

    if not overwrite:
        again = left_to_replace(folder, settings)
        existing = {case.output.name for case in found if case.output.is_file()}
        check_continues(folder, settings, sorted(existing - again))
        cases = [case for case in cases if case.output.name in again or not finished(case)]
    failures = find_problems(cases, expected, n_preprocessing)
    extra_outputs.check_images([case for case in asked if case not in failures], reader_writer)
    cases = [case for case in cases if case not in failures]  # existing results of the others may be good
    notes = notes_on_directions(cases, predictor.plans_manager)
    checksums = {case: images_sha256(case) for case in cases}
    refused = failures if overwrite else ()
    earlier = EarlierResults(folder, cases, settings, checksums, refused)

    def predict(batch: list[Case]) -> None:
        files = [[str(p) for p in case.images] for case in batch], [case.stem for case in batch]
        # Read now, because nnU-Net removes it when it begins, and parallel calls add to it.
        record = earlier.record_with(case for case in batch if case not in earlier.kept)
        predictor.after_nnunets_record = lambda: write_record(folder, record)
        computed = iter(batch)  # nnU-Net keeps the order, also with several processes
        predictor.before_export = lambda: earlier.replace(next(computed))
        if n_preprocessing == n_export == 0:
            batch[0].output.parent.mkdir(parents=True, exist_ok=True)  # as nnU-Net does with processes
            predictor.predict_from_files_sequential(*files, save_probabilities)
            return
        predictor.predict_from_files(
            *files,
            save_probabilities,
            num_processes_preprocessing=n_preprocessing,
            num_processes_segmentation_export=min(n_export, len(batch)),
        )

    with _writing(predictor, found[0].ending):
        outcome = predict_or_bisect(
            predict,
            cases,
            finished=lambda case: case not in earlier.kept and finished(case),
            discard=lambda case: earlier.discard(case, reader_writer),
            folder=folder,
        )
    failures |= outcome.failures
    for case in failures:
        if case.output.is_file():
            failures[case] = f"{failures[case].rstrip('.')}; the earlier {case.output.name} is kept"
    done = {case.output.name: checksums[case] for case in cases if case not in {*failures, *outcome.left}}
    of_all = _record_predicted(folder, settings, done)
    if outcome.left:
        of_all.append(_disk_full_message(folder, outcome))
    else:
        failures |= extra_outputs.write(
            predictor, [case for case in asked if case not in failures], reader_writer
        )
    for note in notes:
        print(note, file=sys.stderr, flush=True)
    return [*(f"{case.images[0]}: {problem}" for case, problem in failures.items()), *of_all]


def _record_predicted(folder: Path, settings: Mapping, images: Mapping[str, str]) -> list[str]:
    """Record predicted cases, whose checksums are `images`; returns a message if the record cannot be written.

    They were recorded before they were predicted, but a parallel call may have replaced that record.
    """
    if not images:
        return []
    try:
        write_record(folder, with_cases(recorded(folder), settings, images))
    except OSError as error:
        return [
            f"{folder / NNUNET_RECORD}: cannot be written: {last_line(error)}. What the predictions were made with "
            "may not be recorded. Predict again without --continue_prediction if you need to know it."
        ]
    return []


def _disk_full_message(folder: Path, outcome: Outcome) -> str:
    names = first_few(case.output.name for case in outcome.left)
    return (
        f"{folder}: {outcome.why}; {len(outcome.left)} cases are left: {names}. Free space, or make the "
        "folder writable, then call again with --continue_prediction."
    )


@contextmanager
def _writing(predictor: SlabPredictor, ending: str) -> Iterator[None]:
    """nnU-Net writes files with this extension; afterwards the predictor is as before."""
    before = predictor.dataset_json, predictor.after_nnunets_record, predictor.before_export
    predictor.dataset_json = predictor.dataset_json | {"file_ending": ending}
    try:
        yield
    finally:
        predictor.dataset_json, predictor.after_nnunets_record, predictor.before_export = before
