"""`doctor -d` names images whose slices are of another plane than most, and, for `_Position`, in the reverse order."""

import pickle

import numpy as np
import pytest

from nnunet_slice_attention.doctor.direction_check import check_axis, check_order
from nnunet_slice_attention.plans.slice_directions import slice_directions
from nnunet_slice_attention.trainers.resolver import resolve_trainer
from tests.doctor.run_doctor import diagnose, write_plans

PLANS = {"transpose_forward": [0, 1, 2]}
UP, TILTED, DOWN, SAGITTAL = (0, 0, 1), (0, 0.5, 0.9), (0, 0.3, -0.95), (1, 0, 0)
POSITION = resolve_trainer("nnUNetTrainerSliceUNet_Position")


def write_cases(folder, **slices):
    """A preprocessed case per direction of its slices."""
    for case, direction in slices.items():
        matrix = np.column_stack([(0, 1, 0), (0, 0, 1), direction]).ravel().tolist()
        itk = {"spacing": (1, 1, 6), "origin": (0, 0, 0), "direction": matrix}
        (folder / f"{case}.pkl").write_bytes(pickle.dumps({"spacing": [6.0, 1.0, 1.0], "sitk_stuff": itk}))
    return slice_directions(folder, PLANS["transpose_forward"])


def test_images_of_another_plane_are_a_note(tmp_path):
    check = check_axis(PLANS, write_cases(tmp_path, a=UP, b=TILTED, c=SAGITTAL))
    assert check.verdict == "note"
    assert (
        "inferior-superior in most images, but in 1 of 3 in another direction: c (left-right)" in check.text
    )
    (tmp_path / "c.pkl").unlink()
    assert check_axis(PLANS, slice_directions(tmp_path, PLANS["transpose_forward"])).verdict == "ok"


@pytest.mark.parametrize("flip", [1, -1])
def test_images_in_the_reverse_order_are_a_note_for_networks_with_positions(flip, tmp_path):
    slices = {"a": UP, "b": TILTED, "c": SAGITTAL, "d": DOWN}
    directions = write_cases(
        tmp_path, **{case: flip * np.array(direction) for case, direction in slices.items()}
    )
    (check,) = check_order(directions, POSITION)
    assert check.verdict == "note" and "in 1 of 4 images" in check.text and check.text.endswith(": d")
    assert "_Position" in check.next_step
    assert check_order(directions, resolve_trainer("nnUNetTrainerSliceUNet")) == []


def test_one_order_is_ok_and_without_directions_none_is_known(tmp_path):
    (check,) = check_order(write_cases(tmp_path, a=UP, b=TILTED, c=SAGITTAL), POSITION)
    assert check.verdict == "ok" and check.text == "the same in all inferior-superior images"
    assert check_order({}, POSITION) == []


def test_doctor_reads_the_preprocessed_cases(folders, plans, capsys):
    plans |= PLANS
    write_plans(folders, plans)
    data = folders / "nnUNet_preprocessed" / "Dataset027_X" / plans["configurations"]["2d"]["data_identifier"]
    data.mkdir(parents=True, exist_ok=True)
    write_cases(data, a=UP, b=UP, c=DOWN)
    _, text = diagnose(capsys, "-d", "27", "-tr", POSITION.__name__)
    assert "in 1 of 3 images the slices are stored in the reverse order of most: c" in text
    _, text = diagnose(capsys, "-d", "27", "-tr", "nnUNetTrainerSliceUNet")
    assert "slice order" not in text
