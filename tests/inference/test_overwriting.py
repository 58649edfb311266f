"""`predict` overwrites predictions only, and those only by a result of the same case."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.inference.tiny_model import predict, predict_with, segmentation_of
from tests.tiny_data import read


@pytest.mark.parametrize("file", ["attention/seg.csv", "boxes/seg.json"])
def test_files_that_are_not_of_a_prediction_are_kept(trained, tmp_path, capsys, file):
    own = tmp_path / file
    own.parent.mkdir()
    own.write_text("mine")
    case = sorted(trained.images.glob("*.nii.gz"))[0]
    assert predict(trained, tmp_path / "seg.nii.gz", "-f", "0", images=[case]) == 1
    assert f"{own} has the name of a result" in capsys.readouterr().err
    assert own.read_text() == "mine"


# `find_cases` refuses both before the flags matter; its own tests have all the ways to give images and output.
@pytest.mark.parametrize(
    ("flags", "missing"), [([], False), (["--continue_prediction", "--save_probabilities"], True)]
)
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


@pytest.mark.parametrize(
    ("name", "images", "out", "flags"),
    [
        ("scan.nii.gz", "scans/scan.nii.gz", "scans", ["--continue_prediction"]),
        ("scan_0000.nii.gz", "scans/scan_0000.nii.gz", "scans/scan_0000.nii.gz", []),
    ],
)
def test_no_image_is_overwritten(trained, tmp_path, capsys, monkeypatch, name, images, out, flags):
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    scan = Path("scans", name)
    shutil.copy(next(trained.images.glob("*.nii.gz")), scan)
    before = scan.read_bytes()
    assert predict(trained, out, "-f", "0", *flags, images=[images]) == 1
    assert re.search("would overwrite .*scan.*Give another folder with -o", capsys.readouterr().err)
    assert scan.read_bytes() == before


def test_a_name_that_itk_would_change_does_not_overwrite_another_result(model, patients, tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    for name, source in (("x.nii", patients.one), ("x", patients.two)):
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(source)), str(images / f"{name}_0000.nii.gz"))
    assert predict_with(model, tmp_path / "out", images) == 1
    assert np.array_equal(
        read(tmp_path / "out" / "x.nii.gz"), segmentation_of(model, images / "x_0000.nii.gz", tmp_path)
    )
    assert [p.name for p in (tmp_path / "out").glob("*.nii*")] == ["x.nii.gz"]
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1 and "x.nii_0000.nii.gz: the case name x.nii" in failed[0]


def test_a_users_own_file_next_to_the_image_is_kept(model, patients, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(patients.folder)
    own = patients.folder / "one.nii.gz"
    shutil.copy(patients.two, own)
    before = own.read_bytes()
    assert predict_with(model, Path("."), Path("one.nii")) == 1
    assert (
        "one.nii.gz has the name of a result. Without predict_from_raw_data_args.json"
        in capsys.readouterr().err
    )
    assert own.read_bytes() == before and sorted(p.name for p in patients.folder.iterdir()) == [
        "one.nii",
        "one.nii.gz",
        "two.nii",
    ]


def test_an_earlier_prediction_is_kept_if_the_case_can_no_longer_be_predicted(model, patients, tmp_path):
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for name in ("one", "two"):
        image = SimpleITK.ReadImage(str(getattr(patients, name)))
        SimpleITK.WriteImage(image, str(images / f"{name}_0000.nii.gz"))
    assert predict_with(model, out, images) == 0
    before = (out / "one.nii.gz").read_bytes()
    (images / "one_0000.nii.gz").write_bytes(b"")
    assert predict_with(model, out, images) == 1
    assert (out / "one.nii.gz").read_bytes() == before
