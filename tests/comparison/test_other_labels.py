"""A trained model is evaluated under the names of the data set's labels, so it must have been trained with them."""

import json

import pytest

from nnunet_slice_attention.cli import main
from tests.comparison.prediction_folders import compare
from tests.comparison.run_folders import BASELINE, DATASET, OTHER, compare_runs

TRAINED = DATASET.dataset_json
REGIONS = {"labels": {"background": 0, "disc": [1, 2], "core": [2]}, "regions_class_order": [1, 2]}


def describe(runs, model, **entries):
    """What nnU-Net writes into a model's folder when its training starts."""
    file = runs / "seed_0" / DATASET.folder / model / "dataset.json"
    file.write_text(json.dumps(TRAINED | entries))
    return file


@pytest.mark.parametrize(
    ("entries", "entry", "present"),
    [
        ({"labels": {"background": 0, "disc": 2, "core": 1}}, "labels.disc = 2", "1"),
        ({"labels": {"background": 0, "merged": 1}}, "labels = ['0', '1']", "['0', '1', '2']"),
        (REGIONS, "labels.disc = [1, 2]", "1"),
    ],
    ids=["swapped", "merged", "regions"],
)
def test_models_of_other_labels_are_refused(entries, entry, present, runs, monkeypatch, capsys):
    describe(runs, BASELINE)
    file = describe(runs, OTHER, **entries)
    used = runs / "preprocessed" / DATASET.folder / "dataset.json"
    refused = f"{OTHER} was trained with {entry} ({file}), but the data set now has {present} ({used})."
    assert compare_runs(runs, seeds=("seed_0",)) == 1
    assert refused in capsys.readouterr().err
    assert not (runs / "out").exists()
    monkeypatch.setenv("nnUNet_results", str(runs / "seed_0"))
    assert main(["find-best", "-d", DATASET.folder, "-m", BASELINE, OTHER, "-f", "0"]) == 1
    assert refused in capsys.readouterr().err


def test_names_and_channels_may_be_others(runs):
    describe(runs, BASELINE, labels={"background": 0, "Disc": 1, "Core": "2"})
    describe(runs, OTHER, channel_names={"0": "CT", "1": "PET"})
    assert compare_runs(runs, "--no-ensembles", seeds=("seed_0",), folds=("0",)) == 0


def test_an_ignore_label_and_the_order_of_region_labels_change_no_voxel(runs):
    ordered = REGIONS | {"labels": {name: _reversed(value) for name, value in REGIONS["labels"].items()}}
    truth = runs / "preprocessed" / DATASET.folder / "dataset.json"
    truth.write_text(json.dumps(json.loads(truth.read_text()) | REGIONS))
    describe(runs, BASELINE, **REGIONS)
    describe(runs, OTHER, **ordered | {"labels": ordered["labels"] | {"ignore": 3}})
    assert compare_runs(runs, "--no-ensembles", seeds=("seed_0",), folds=("0",)) == 0


def test_folders_of_models_whose_regions_list_labels_in_another_order_are_compared(folders):
    for model, labels in (("perfect", [1, 2]), ("small", [2, 1])):
        written = REGIONS | {"labels": REGIONS["labels"] | {"disc": labels, "core": 2}}
        (folders / model / "dataset.json").write_text(json.dumps(TRAINED | written))
    assert compare(folders, "--dataset-json", str(folders / "perfect" / "dataset.json")) == 0


def _reversed(value: int | list) -> int | list:
    return value[::-1] if isinstance(value, list) else value
