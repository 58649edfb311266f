"""The command `predict`: the files of nnUNetv2_predict, almost the same segmentation, and clear errors."""

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import SimpleITK
import torch
from skimage.measure import label as measure_labels
from skimage.measure import regionprops

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference.trained_model import load_predictor
from tests.tiny_data import read

TRAINER = "Tiny_nnUNetTrainerTSFMUNet_ShortSlabs"
MODEL = f"{TRAINER}__nnUNetPlans__2d"
IN_PROCESSES = "-npp", "1", "-nps", "1"


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    train(tiny, TRAINER, 0, 1)
    folder = nnunet_folders / "results" / tiny.folder / MODEL
    return SimpleNamespace(
        folder=folder, images=nnunet_folders / "raw" / tiny.folder / "imagesTs", id=str(tiny.id)
    )


def predict(trained, out, *flags, images=None):
    argv = ["predict", "-o", str(out), "-device", "cpu", "-npp", "0", "-nps", "0", "--disable_progress_bar"]
    argv += ["-i", *map(str, images or [trained.images])]
    return main([*argv, "-d", trained.id, "-tr", TRAINER, *flags])


def test_the_same_files_and_almost_the_same_segmentation_as_nnunet(trained, run_nnunet, tmp_path):
    assert predict(trained, tmp_path / "ours", "-f", "0", "1", "--save_probabilities", *IN_PROCESSES) == 0
    run_nnunet(
        "nnUNetv2_predict", "-i", trained.images, "-o", tmp_path / "stock", "-d", trained.id, "-c", "2d", "-f", 0, 1,
        "-tr", TRAINER, "-device", "cpu", "-npp", 1, "-nps", 1, "--save_probabilities",
    )  # fmt: skip
    ours, stock = ({p.name for p in (tmp_path / kind).iterdir()} for kind in ("ours", "stock"))
    assert ours == stock
    for name in (n for n in ours if n.endswith(".npz")):
        a, b = (np.load(tmp_path / kind / name)["probabilities"] for kind in ("ours", "stock"))
        assert a.shape == b.shape
        assert np.abs(a - b).mean() < 0.02  # nnU-Net's windows overlap along the slices


def test_nothing_on_stderr_but_errors(trained, tmp_path):
    """No library's warning, here or in a process that it starts, and no progress bar where that is no terminal."""
    command = [
        sys.executable, "-m", "nnunet_slice_attention", "predict", "-d", trained.id, "-tr", TRAINER, "-f", "0",
        "-i", trained.images, "-o", tmp_path, "-device", "cpu", *IN_PROCESSES, "--disable_tta",
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_attention_writes_the_neighbours_weights_beside_the_predictions(trained, tmp_path, capsys):
    assert predict(trained, tmp_path, "-f", "0", "1", "--disable_tta", "--attention") == 0
    cases = [path.name.removesuffix("_0000.nii.gz") for path in sorted(trained.images.glob("*.nii.gz"))]
    folder = tmp_path / "attention"
    for case in cases:
        image = SimpleITK.ReadImage(str(trained.images / f"{case}_0000.nii.gz"))
        volumes = [
            SimpleITK.ReadImage(str(folder / f"{case}_{offset}.nii.gz")) for offset in ("-1", "+0", "+1")
        ]
        for volume in volumes:
            assert volume.GetSize() == image.GetSize() and volume.GetSpacing() == image.GetSpacing()
        total = sum(SimpleITK.GetArrayFromImage(volume).astype(int) for volume in volumes)
        assert np.abs(total - 100).max() <= 1  # per cent, rounded
        with (folder / f"{case}.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["region"] == "image"]
        assert [row["offset"] for row in rows] == ["-1", "0", "1"]
        for row, volume in zip(rows, volumes, strict=True):
            assert float(row["weight"]) * 100 == pytest.approx(
                SimpleITK.GetArrayFromImage(volume).mean(), abs=0.5
            )
    # Interrupted: what is missing is written, and only that.
    (folder / f"{cases[0]}.csv").unlink()
    written = (tmp_path / f"{cases[0]}.nii.gz").stat().st_mtime_ns
    flags = "-f", "0", "1", "--disable_tta", "--attention", "--continue_prediction"
    assert predict(trained, tmp_path, *flags) == 0
    assert (folder / f"{cases[0]}.csv").is_file()
    assert (tmp_path / f"{cases[0]}.nii.gz").stat().st_mtime_ns == written
    # Another prediction takes the old weights with it.
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta") == 0
    assert list(folder.iterdir()) == []
    assert predict(trained, tmp_path, "-f", "0", "--attention", "--neighbours", "repeat") == 1
    assert "--neighbours repeat: weights are of a slice's own neighbours" in capsys.readouterr().err


def test_boxes_of_components_are_written_beside_the_predictions(trained, tmp_path, capsys):
    flags = ("-f", "0", "--disable_tta", "--save_probabilities", "--boxes")
    assert predict(trained, tmp_path, *flags) == 0
    files = sorted((tmp_path / "boxes").iterdir())
    assert [path.stem for path in files] == sorted(path.stem for path in tmp_path.glob("*.npz"))
    for path in files:
        content = json.loads(path.read_text())
        segmentation = read(tmp_path / f"{path.stem}.nii.gz")
        probabilities = np.load(tmp_path / f"{path.stem}.npz")["probabilities"]
        expected = [
            (name, *region.bbox, pytest.approx(region.intensity_max, abs=1e-5))
            for label, name in ((1, "disc"), (2, "core"))
            for region in regionprops(measure_labels(segmentation == label), probabilities[label])
        ]
        boxes = content["boxes"]
        assert [(b["structure"], *b["min"], *b["max"], b["score"]) for b in boxes] == expected
        for box in boxes:
            size = np.subtract(box["max"], box["min"]) * (6, 1, 1)
            assert box["size_mm"] == pytest.approx(size.tolist())
        assert content["shape"] == list(segmentation.shape) and content["spacing_mm"] == [6, 1, 1]
    assert any(json.loads(path.read_text())["boxes"] for path in files)
    # Interrupted: what is missing or older than the segmentation is written, and only that.
    first, second, *_ = files
    before, content = first.stat().st_mtime_ns, second.read_bytes()
    os.utime(second, (1, 1))
    assert predict(trained, tmp_path, *flags, "--continue_prediction") == 0
    assert (first.stat().st_mtime_ns, second.read_bytes()) == (before, content)
    assert second.stat().st_mtime > 1
    # Another prediction's probabilities.
    npz = tmp_path / f"{first.stem}.npz"
    probabilities = np.load(npz)["probabilities"]
    np.savez(npz, probabilities=probabilities[::-1])
    first.unlink()
    assert predict(trained, tmp_path, *flags, "--attention", "--continue_prediction") == 1
    error = capsys.readouterr().err
    assert "predicted, but without boxes: " in error and "does not match the segmentation next to it" in error
    assert not first.exists() and second.exists()
    assert (tmp_path / "attention" / f"{first.stem}.csv").is_file()  # one failure does not stop the other
    # Predicted again without boxes, those of the earlier prediction are removed.
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta") == 0
    assert not list((tmp_path / "boxes").iterdir())


@pytest.mark.parametrize("file", ["attention/seg.csv", "boxes/seg.json"])
def test_files_that_are_not_of_a_prediction_are_kept(trained, tmp_path, capsys, file):
    own = tmp_path / file
    own.parent.mkdir()
    own.write_text("mine")
    case = sorted(trained.images.glob("*.nii.gz"))[0]
    assert predict(trained, tmp_path / "seg.nii.gz", "-f", "0", images=[case]) == 1
    assert f"{own} has the name of a result" in capsys.readouterr().err
    assert own.read_text() == "mine"


def test_one_case_given_as_a_file_is_written_to_one_file(trained, tmp_path, monkeypatch):
    case = sorted(trained.images.glob("*.nii.gz"))[0]
    monkeypatch.chdir(tmp_path)
    target = Path("segmentation.nii.gz")  # without a folder
    assert predict(trained, target, "-f", "0", "--disable_tta", images=[case]) == 0
    assert read(target).shape == read(case).shape


def test_settings_are_recorded_next_to_predictions_and_in_a_comparisons_manifest(trained, tmp_path):
    out = tmp_path / "out"
    assert predict(trained, out, "-f", "0", "1", "--neighbours", "shuffle", "--disable_tta") == 0
    labels = tmp_path / "labels"
    shutil.copytree(out, labels)
    argv = [
        "compare",
        "--predictions",
        f"shuffled={out}",
        "--truth",
        str(labels),
        "-o",
        str(tmp_path / "report"),
    ]
    assert main([*argv, "-np", "1"]) == 0
    noted = json.loads((tmp_path / "report" / "manifest.json").read_text())["models"]["shuffled"][
        "prediction"
    ]
    assert noted["neighbours"] == "shuffle"
    assert noted["folds_averaged"] == 2
    assert noted["mirroring_axes"] == []


def test_existing_predictions_are_skipped_and_parts_split_the_cases(trained, tmp_path):
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta", "-num_parts", "2", "-part_id", "1") == 0
    (done,) = tmp_path.glob("*.nii.gz")
    before = done.stat().st_mtime_ns
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta", "--continue_prediction") == 0
    cases = {p.name.replace("_0000", "") for p in trained.images.glob("*_0000.nii.gz")}
    assert {p.name for p in tmp_path.glob("*.nii.gz")} == cases
    assert done.stat().st_mtime_ns == before


def test_bad_cases_are_named_at_the_end_and_the_others_predicted(trained, tmp_path, capsys):
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    good, other = sorted(trained.images.glob("*.nii.gz"))[:2]
    shutil.copy(good, images / "good_0000.nii.gz")
    (images / "empty_0000.nii.gz").write_bytes(b"")
    (images / "garbage_0000.nii.gz").write_bytes(gzip.compress(b"no image"))
    (images / "cut_0000.nii.gz").write_bytes(other.read_bytes()[:2000])
    for channel in (0, 1):
        shutil.copy(other, images / f"two_000{channel}.nii.gz")
    shutil.copy(other, images / "a_unwritable_0000.nii.gz")
    (out / "a_unwritable.nii.gz").mkdir(parents=True)  # like a full disk: the export fails for this case

    assert predict(trained, out, "-f", "0", "--disable_tta", images=[images]) == 1
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 5
    for name, problem in {
        "empty": "empty_0000.nii.gz cannot be read: the file is empty",
        "cut": "cut_0000.nii.gz cannot be read: the file is cut off",
        "two": "has 2 channels (two_0000.nii.gz, two_0001.nii.gz); the model was trained on 1",
        "garbage": "garbage_0000.nii.gz",
        "a_unwritable": "a_unwritable.nii.gz",
    }.items():
        assert any(name in line and problem in line for line in failed), (name, failed)
    assert [p.name for p in out.glob("*.nii.gz") if p.is_file()] == ["good.nii.gz"]
    assert read(out / "good.nii.gz").shape == read(good).shape


@pytest.mark.parametrize(
    "flags", [[], ["--continue_prediction"], ["--continue_prediction", "--save_probabilities"]]
)
@pytest.mark.parametrize("missing", [False, True])
def test_no_ground_truth_is_overwritten_or_filled_up(trained, tmp_path, capsys, flags, missing):
    images, labels = (
        shutil.copytree(trained.images.with_name(name), tmp_path / name) for name in ("imagesTr", "labelsTr")
    )
    if missing:
        (labels / "case_0.nii.gz").unlink()
    before = {path: path.read_bytes() for path in labels.iterdir()}
    assert predict(trained, labels, "-f", "0", *flags, images=[images]) == 1
    assert re.search(r"labelsTr.case_\d.nii.gz has the name of a result", capsys.readouterr().err)
    assert {path: path.read_bytes() for path in labels.iterdir()} == before


@pytest.mark.parametrize("flags", [[], ["--continue_prediction"]])
@pytest.mark.parametrize("name", ["scan.nii.gz", "scan_0000.nii.gz"])
@pytest.mark.parametrize(
    ("images", "out"), [("scans", "scans"), ("scans/{name}", "scans"), ("scans/{name}", "scans/{name}")]
)
def test_no_image_is_overwritten(trained, tmp_path, capsys, monkeypatch, name, images, out, flags):
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    scan = Path("scans", name)
    shutil.copy(next(trained.images.glob("*.nii.gz")), scan)
    before = scan.read_bytes()
    if name == "scan_0000.nii.gz" and out == "scans":
        Path("scans/scan.nii.gz").write_bytes(before)  # as written by an earlier call
        images = "scans"
    assert predict(trained, out.format(name=name), "-f", "0", *flags, images=[images.format(name=name)]) == 1
    assert re.search("would overwrite .*scan.*Give another folder with -o", capsys.readouterr().err)
    assert scan.read_bytes() == before


def test_files_of_two_cases_are_not_predicted_as_one(trained, tmp_path, capsys):
    images = [tmp_path / "a_0000.nii.gz", tmp_path / "b_0001.nii.gz"]
    for image in images:
        shutil.copy(next(trained.images.glob("*.nii.gz")), image)
    assert predict(trained, tmp_path / "out.nii.gz", "-f", "0", images=images) == 1
    assert "a_0000.nii.gz and b_0001.nii.gz are of different cases" in capsys.readouterr().err
    assert not (tmp_path / "out.nii.gz").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-f", "4"], "no checkpoint_final.pth of fold 4. Folds with that file: 0, 1"),
        (["-chk", "checkpoint_latestt.pth"], "no checkpoint_latestt.pth of fold any"),
        (["-p", "nnUNetOtherPlans"], f"Trained models: .*{MODEL}"),
        (["-f", "0", "-part_id", "1"], "-part_id 1 is out of range for -num_parts 1. Give 0 to 0"),
        (["-f", "0", "--slices", "-1"], "-1 slices at a time are too few"),
        (["-f", "0", "-step_size", "2"], "step size 2.0 must be above 0 and at most 1"),
        (
            ["-f", "0", "--neighbours", "none"],
            "neighbours='none' is unknown. Choose one of own, repeat, shuffle",
        ),
        (["-f", "0", "-nps", "1"], "-npp 0 -nps 1: both must be at least 1, or both 0"),
        (
            ["-f", "0", "--boxes"],
            "--boxes needs probabilities, for the boxes' scores. Add --save_probabilities",
        ),
        (["-f", "0", "-i", "nowhere"], "no cases in .*, nowhere. Give a folder"),
        (["-device", "mps"], "device 'mps' is not available. Use -device cpu"),
    ],
)
def test_error_messages(trained, tmp_path, capsys, flags, message):
    assert predict(trained, tmp_path / "out", *flags) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flag", ["-m", "--bundle"])
@pytest.mark.parametrize(
    "ignored", ["-tr nnUNetTrainer", "-p nnUNetPlans", "-c 2d", "-chk checkpoint_best.pth"]
)
def test_flags_that_a_given_model_would_ignore_are_an_error(flag, ignored, trained, tmp_path, capsys):
    argv = ["predict", "-i", str(trained.images), "-o", str(tmp_path / "out"), flag, str(tmp_path / "model")]
    assert main([*argv, *ignored.split(), "-device", "cpu"]) == 1
    error = capsys.readouterr().err
    if (flag, ignored[:4]) == ("-m", "-chk"):
        assert "no checkpoint_best.pth of fold any" in error
    else:
        assert (
            f"{flag} {tmp_path}/model is one model, so {ignored} would have no effect. Leave that out"
            in error
        )


def test_a_model_folder_with_2d_plans_is_an_error(trained, tmp_path, capsys):
    folder = tmp_path / MODEL
    shutil.copytree(trained.folder, folder, ignore=shutil.ignore_patterns("validation", "fold_1"))
    plans = json.loads((folder / "plans.json").read_text())
    patch = plans["configurations"]["2d"]["patch_size"]
    del patch[0]
    (folder / "plans.json").write_text(json.dumps(plans))
    out = tmp_path / "out"
    assert (
        main(["predict", "-i", str(trained.images), "-o", str(out), "-m", str(folder), "-device", "cpu"]) == 1
    )
    assert f"plans.json has patch_size {patch}, but fold 0 was trained with [5, " in capsys.readouterr().err
    assert not out.exists()


def test_export_writes_the_trained_weights(trained, tmp_path, capsys):
    target = tmp_path / "tsfm.onnx"
    assert main(["export", "-d", trained.id, "-tr", TRAINER, "-f", "1", "-o", str(target)]) == 0
    assert "5 slices as channels, in-plane size" in capsys.readouterr().out
    network = load_predictor(trained.folder, [1], device="cpu").network.eval()
    x, valid = torch.randn(1, 5, 40, 40), torch.ones(1, 5, dtype=torch.bool)
    (got,) = onnxruntime.InferenceSession(target).run(None, {"x": x.numpy(), "valid": valid.numpy()})
    np.testing.assert_allclose(got, network(x, valid).detach().numpy(), atol=1e-3)
