"""`compare` from Python."""

import json

import numpy as np
import pandas as pd
import pytest

from nnunet_slice_attention import compare
from nnunet_slice_attention.comparison import api
from nnunet_slice_attention.comparison.options import Options
from tests.comparison.run_folders import BASELINE, DATASET, OTHER
from tests.tiny_data import TinyDataset, draw_volume, write


def test_names_that_look_like_numbers_or_missing_values_are_kept(tmp_path):
    cases = ["001", "1e3", "NA", "None"]
    for i, case in enumerate(cases):
        _, labels = draw_volume(3, i, channels=1, with_ignore=False)
        disc_only = np.minimum(labels, 1)
        for name, volume in (("truth", disc_only), ("01", disc_only), ("nan", labels * 0)):
            (tmp_path / name).mkdir(exist_ok=True)
            write(volume, tmp_path / name / f"{case}.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps(TinyDataset(1, "Tiny").dataset_json))
    table = compare(
        {name: tmp_path / name for name in ("01", "nan")},
        tmp_path / "out",
        ground_truth=tmp_path / "truth",
        dataset_json=tmp_path / "dataset.json",
        processes=1,
    )
    assert set(table.model) == {"01", "nan"}
    assert set(table.case) == set(table.patient) == set(cases)
    dice = table.pivot_table("dice", "structure", "model", dropna=False)
    assert dice.loc["disc"].to_dict() == {"01": 1.0, "nan": 0.0}
    assert dice.loc["core"].isna().all()  # in no ground truth and no prediction
    assert table.fold.isna().all() and pd.api.types.is_numeric_dtype(table.hd95)


@pytest.fixture
def received(monkeypatch):
    """What `write_comparison` was called with; it writes an empty table only."""
    calls = []

    def record(models, truth, output, options):
        calls.append((models, truth, output, options))
        output.mkdir()
        (output / "cases.csv").write_text("model,case,structure,dice\n")
        return []

    monkeypatch.setattr(api, "write_comparison", record)
    return calls


def test_every_argument_reaches_the_comparison_of_folders(folders, received):
    (folders / "images").mkdir()
    compare(
        {name: folders / name for name in ("perfect", "small")},
        folders / "out",
        ground_truth=folders / "truth",
        dataset_json=folders / "dataset.json",
        images=folders / "images",
        baseline="small",
        patients=folders / "patients.csv",
        tolerance_mm=3.0,
        lesion_sizes_mm=(4.0, 9.0),
        boxes=True,
        ensembles=False,
        cost=str(folders / "cost.csv"),
        processes=5,
        title="Ours",
    )
    ((models, truth, output, options),) = received
    assert {model.name: model.folder for model in models} == {
        "perfect": folders / "perfect",
        "small": folders / "small",
    }
    assert (truth.folder, truth.images) == (folders / "truth", folders / "images")
    assert truth.dataset_json == json.loads((folders / "dataset.json").read_text())
    assert output == folders / "out"
    assert options == Options(
        baseline="small",
        tolerance=3.0,
        lesion_sizes=(4.0, 9.0),
        boxes=True,
        ensembles=False,
        processes=5,
        title="Ours",
        group=str(folders / "patients.csv"),
        cost=folders / "cost.csv",
    )


def test_every_argument_reaches_the_comparison_of_trained_models(runs, received):
    seeds = [runs / "seed_0", str(runs / "seed_2")]
    compare([BASELINE, OTHER], runs / "out", dataset=DATASET.folder, folds=[1], runs=seeds)
    ((models, truth, _, options),) = received
    assert [(model.name, model.run) for model in models] == [
        (BASELINE, "seed_0"),
        (BASELINE, "seed_2"),
        (OTHER, "seed_0"),
        (OTHER, "seed_2"),
    ]
    assert {fold for model in models for fold in model.fold_by_case.values()} == {1}
    assert truth.folder == runs / "preprocessed" / DATASET.folder / "gt_segmentations"
    assert options == Options(baseline=BASELINE)


def test_the_name_of_an_ensemble_is_refused(folders):
    named = {"perfect": folders / "perfect", "small": folders / "small", "perfect + small": folders / "small"}
    with pytest.raises(ValueError, match=r"'perfect \+ small': ' \+ ' is reserved for ensembles"):
        compare(
            named,
            folders / "out",
            ground_truth=folders / "truth",
            dataset_json=folders / "dataset.json",
            processes=1,
        )
    assert not (folders / "out").exists()
