"""`compare` on 3D TIFF: mm and ml are those of the spacing files, wherever they are, and never voxels."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from batchgenerators.utilities.file_and_folder_operations import write_pickle
from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.comparison.cached_evaluation import evaluate_models
from nnunet_slice_attention.comparison.find_models import prediction_folder
from nnunet_slice_attention.comparison.ground_truth import GroundTruth
from nnunet_slice_attention.comparison.options import Options
from nnunet_slice_attention.comparison.truth_spacing import with_spacings
from tests.tables import rows_of
from tests.tiny_tiff import (
    CASES,
    DATASET,
    DESCRIPTION,
    SPACING,
    labels_of,
    write_raw_tiff,
    write_segmentation,
    write_spacing,
)

MODELS = ("nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainerSAUNet__nnUNetPlans__2d")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """nnU-Net's folders: the labels copied by nnU-Net itself, and predictions that lack the first slice."""
    root = tmp_path_factory.mktemp("tiff")
    raw, preprocessed = write_raw_tiff(root / "raw"), root / "preprocessed" / DATASET.folder
    preprocessed.mkdir(parents=True)
    shutil.copy(raw / "dataset.json", preprocessed)
    plans = {"dataset_name": DATASET.folder, "plans_name": "nnUNetPlans", "configurations": {}}
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    split = [{"val": list(CASES), "train": ["other"]}]
    (preprocessed / "splits_final.json").write_text(json.dumps(split))
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("raw", "preprocessed"):
            patch.setenv(f"nnUNet_{kind}", str(root / kind))
        preprocess_dataset(DATASET.id, "nnUNetPlans", (), ())
    for model in MODELS:
        for case in CASES:
            labels = labels_of(case)
            labels[0] = 0
            write_segmentation(
                root / "results" / DATASET.folder / model / "fold_0" / "validation", case, labels
            )
    return root


@pytest.fixture
def data(made, tmp_path, monkeypatch):
    """A copy of them: `raw`, `preprocessed`, `truth`, `validation` and `out`."""
    for kind in ("raw", "preprocessed", "results"):
        shutil.copytree(made / kind, tmp_path / kind)
        monkeypatch.setenv(f"nnUNet_{kind}", str(tmp_path / kind))
    folders = {kind: tmp_path / kind / DATASET.folder for kind in ("raw", "preprocessed", "results")}
    truth = folders["preprocessed"] / "gt_segmentations"
    validation = folders["results"] / MODELS[1] / "fold_0" / "validation"
    return SimpleNamespace(**folders, truth=truth, validation=validation, out=tmp_path / "out")


def compare_trained(data, models=MODELS[1:]) -> int:
    argv = ["compare", "-d", DATASET.folder, "-m", *models, "-f", "0", "-np", "1", "--no-ensembles"]
    return main([*argv, "-o", str(data.out)])


def compare_folders(data) -> int:
    argv = ["compare", "--predictions", f"p={data.validation}", "--truth", str(data.truth), "-np", "1"]
    return main([*argv, "--dataset-json", str(data.raw / "dataset.json"), "-o", str(data.out)])


def found_spacings(cases=CASES) -> dict:
    return dict(with_spacings(GroundTruth.from_dataset(DATASET.folder), cases).spacings)


def evaluate(data, images=None) -> tuple[list[dict], list[str]]:
    """What `compare` evaluates, or reads from its cache, without the report."""
    truth = GroundTruth.from_folder(data.truth, data.raw / "dataset.json", images)
    model = prediction_folder("p", data.validation, truth.ending)
    return evaluate_models([model], with_spacings(truth, CASES), 0, data.out, Options("p", processes=1))


def check_mm(rows, spacing_mm=SPACING[0]) -> None:
    """Predictions lack the first slice, so HD is the distance of two slices."""
    rows = [row for row in rows if row["structure"] == "core"]
    assert {row["case"] for row in rows} == {*CASES}
    for row in rows:
        ml = (labels_of(row["case"]) == 2).sum() * spacing_mm / 1000
        assert float(row["true_volume_ml"]) == pytest.approx(ml, abs=1e-3)
        assert float(row["hd"]) == float(row["spacing_mm"]) == spacing_mm


def remove_spacing(*folders) -> None:
    for folder in folders:
        for case in CASES:
            (folder / f"{case}.json").unlink()


def test_nnunet_copies_labels_without_their_spacing(made):
    """If this fails, nnU-Net has changed, and `truth_spacing.py` may be superfluous."""
    copied = {path.name for path in (made / "preprocessed" / DATASET.folder / "gt_segmentations").iterdir()}
    assert copied == {f"{case}.tif" for case in CASES}


def test_trained_models_are_compared_in_mm(data, capfd):
    assert compare_trained(data, MODELS) == 0
    check_mm(rows_of(data.out))
    printed = "".join(capfd.readouterr())
    assert "WARNING" not in printed and "Traceback" not in printed
    manifest = json.loads((data.out / "manifest.json").read_text())
    assert manifest["dataset"]["truth_spacings_mm"] == {case: list(SPACING) for case in CASES}


def test_the_spacing_of_a_copy_is_its_own_or_that_of_the_raw_label_or_image(data):
    labels, images = data.raw / "labelsTr", data.raw / "imagesTr"
    for mm, folder in ((3.0, data.truth), (4.0, labels), (5.0, images)):
        write_spacing(folder, "case_0", (mm, 1.0, 1.0))
    for mm, folder in ((3.0, data.truth), (4.0, labels), (5.0, images)):
        assert found_spacings(["case_0"]) == {"case_0": (mm, 1.0, 1.0)}
        (folder / "case_0.json").unlink()


def test_files_named_in_dataset_json_are_found(data):
    (data.raw / "labelsTr").rename(data.raw / "elsewhere")
    remove_spacing(data.raw / "imagesTr")
    files = {
        case: {"images": [f"imagesTr/{case}_0000.tif"], "label": f"elsewhere/{case}.tif"} for case in CASES
    }
    (data.preprocessed / "dataset.json").write_text(json.dumps(DESCRIPTION | {"dataset": files}))
    assert found_spacings() == dict.fromkeys(CASES, SPACING)


def test_without_the_raw_data_the_spacing_is_that_of_the_preprocessed_case(data):
    shutil.rmtree(data.raw)
    folder = data.preprocessed / "nnUNetPlans_2d"
    folder.mkdir()
    for case in CASES:
        write_pickle({"spacing": [np.float64(mm) for mm in SPACING]}, str(folder / f"{case}.pkl"))
    assert found_spacings() == dict.fromkeys(CASES, SPACING)
    write_pickle({"spacing": (1, 1, 1)}, str(folder / "case_1.pkl"))  # as nnU-Net assumes
    with pytest.raises(ValueError, match=r"the spacing of .*gt_segmentations.case_1\.tif is unknown"):
        found_spacings()
    (folder / "case_1.pkl").write_bytes(b"\x80")
    with pytest.raises(ValueError, match=r"case_1\.pkl is damaged: .*Preprocess the data set again"):
        found_spacings()


def test_an_unknown_spacing_is_an_error_that_names_files_and_next_step(data, capsys):
    remove_spacing(data.raw / "imagesTr", data.raw / "labelsTr")
    assert compare_trained(data) == 1
    searched = (data.truth, data.raw / "labelsTr", data.raw / "imagesTr")
    files = ", ".join(f"{folder}/case_0.json" for folder in searched)
    assert (
        f"the spacing of {data.truth}/case_0.tif (and of 3 more) is unknown, and metrics in mm and ml need it: {files} "
        'do not exist. Write {"spacing": [z, y, x]}, in mm, to one of them, also for 1 mm'
    ) in capsys.readouterr().err
    assert not (data.out / "cases.csv").exists()


def test_folders_without_spacing_are_refused_whatever_the_predictions_say(data, capsys):
    for spacing in (SPACING, (1.0, 1.0, 1.0), None):
        for case in CASES:
            (data.validation / f"{case}.json").unlink(missing_ok=True)
            if spacing:
                write_spacing(data.validation, case, spacing)
        assert compare_folders(data) == 1
        error = capsys.readouterr().err
        assert (
            f"case_0.tif (and of 3 more) is unknown, and metrics in mm and ml need it: {data.truth}" in error
        )
        assert not (data.out / "cases.csv").exists()


def test_damaged_spacing_files_are_named(data, capsys):
    (data.raw / "labelsTr" / "case_2.json").write_text('{"spacing": [1')
    assert compare_trained(data) == 1
    assert f"{data.raw}/labelsTr/case_2.json is damaged: " in capsys.readouterr().err
    write_spacing(data.raw / "labelsTr", "case_2")
    (data.validation / "case_3.json").write_text("{}")
    assert compare_trained(data) == 1
    error = capsys.readouterr().err
    assert f"case_3: {data.validation}/case_3.json is damaged: it lacks spacing. Correct it" in error


def test_a_prediction_of_another_spacing_is_refused(data, capsys):
    write_spacing(data.validation, "case_1", (1.0, 1.0, 1.0))
    assert compare_trained(data) == 1
    error = capsys.readouterr().err
    assert f"{data.validation}/case_1.tif has spacing (1, 1, 1), but its ground truth" in error
    assert "fix the spacing file that is wrong" in error and "case_0" not in error


def test_cached_rows_are_those_of_the_current_spacings(data):
    remove_spacing(data.validation)  # other programs write none
    check_mm(evaluate(data, data.raw / "imagesTr")[0])
    for case in CASES:
        write_spacing(data.truth, case, (3.0, 1.0, 1.0))
    check_mm(evaluate(data)[0], 3.0)
    (cached,) = data.out.iterdir()
    written = cached.stat().st_mtime_ns
    check_mm(evaluate(data)[0], 3.0)
    assert cached.stat().st_mtime_ns == written
    write_spacing(data.validation, "case_1", (1.0, 1.0, 1.0))
    assert "case_1.tif has spacing (1, 1, 1)" in evaluate(data)[1][0]
