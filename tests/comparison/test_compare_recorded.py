"""Folders of predictions are compared as one model only if the record of `predict` beside them allows it."""

import json

import pytest

from nnunet_slice_attention.comparison.find_models import prediction_folder
from tests.comparison.prediction_folders import compare

SETTINGS = {
    "trainer": "nnUNetTrainerCSANet", "plans": "nnUNetPlans", "folds_averaged": 1, "weights_sha256": ["a" * 64],
    "mirroring_axes": [1, 2], "tile_step_size": 0.5, "neighbours": "own", "folds": ["0"],
    "versions": "of today", "commit": "one",
}  # fmt: skip
DESCRIPTION = {"file_ending": ".nii.gz"}
CASES = [f"case_{i}.nii.gz" for i in range(4)]


@pytest.fixture
def mixed(tmp_path):
    """Write a folder of four predictions, two of them of an earlier entry; returns it."""

    def write(cases=CASES[:2], earlier_cases=CASES[2:], **earlier):
        for case in CASES:
            (tmp_path / case).touch()
        entry = SETTINGS | earlier | ({} if earlier_cases is None else {"cases": earlier_cases})
        write_record(tmp_path, SETTINGS | {"cases": cases, "earlier": [entry]})
        return tmp_path

    return write


def write_record(folder, record):
    (folder / "predict_from_raw_data_args.json").write_text(json.dumps({"nnunet-slice-attention": record}))


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        (
            {"weights_sha256": ["b" * 64], "folds": ["1"]},
            "folds 0 and 1; weights_sha256 aaaaaaaaaaaa and bbbbbbbbbbbb",
        ),
        ({"neighbours": "shuffle"}, "neighbours own and shuffle"),
        ({"mirroring_axes": []}, "mirroring_axes 1 2 and none"),
    ],
)
def test_a_folder_with_predictions_of_two_models_is_refused(mixed, differs, said):
    expected = rf"m: .* case_0.nii.gz and case_2.nii.gz differ in {said}\. .* move those of one model"
    with pytest.raises(ValueError, match=expected):
        prediction_folder("m", mixed(**differs), DESCRIPTION)


def test_an_entry_of_an_earlier_version_applies_to_what_is_not_listed(mixed):
    folder = mixed(earlier_cases=None, neighbours="shuffle")
    with pytest.raises(
        ValueError, match=r"case_0.nii.gz and case_2.nii.gz differ in neighbours own and shuffle"
    ):
        prediction_folder("m", folder, DESCRIPTION)
    folder = mixed(cases=CASES, earlier_cases=None, neighbours="shuffle")  # to nothing
    assert len(prediction_folder("m", folder, DESCRIPTION).predictions) == 4


def test_what_changes_no_prediction_may_differ(mixed):
    folder = mixed(versions="of yesterday", commit="another")
    assert len(prediction_folder("m", folder, DESCRIPTION).predictions) == 4


def test_predictions_that_are_no_longer_in_the_folder_do_not_count(mixed):
    folder = mixed(neighbours="shuffle")
    for case in CASES[2:]:
        (folder / case).unlink()
    assert list(prediction_folder("m", folder, DESCRIPTION).predictions) == ["case_0", "case_1"]


def test_predictions_of_different_images_are_the_first_thing_a_report_says(folders):
    cases = sorted(path.name for path in (folders / "truth").iterdir())
    images = dict.fromkeys(cases, "same")
    write_record(folders / "perfect", SETTINGS | {"cases": cases, "images_sha256": images})
    for other, warned in ({}, False), ({cases[3]: "other", "not compared": "x"}, True):
        record = SETTINGS | {"cases": cases, "images_sha256": images | other, "neighbours": "shuffle"}
        write_record(folders / "small", record)
        assert compare(folders) == 0
        report = (folders / "out" / "report.md").read_text()
        sentence = "- WARNING: the models did not predict patient1_visit1 from the same image files"
        assert (0 < report.find(sentence) < report.index(" Dice")) == warned
        assert ("WARNING" in report) == warned
