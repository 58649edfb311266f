"""`predict` on images with and without faults: each faulty one is named, and all others are predicted."""

import gzip
import shutil

import numpy as np
import SimpleITK

from nnunet_slice_attention.inference.predictor import SlabPredictor
from tests.inference.tiny_model import predict, predict_with, segmentation_of
from tests.tiny_data import SPACING, read


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


def test_files_that_nnunet_reads_are_predicted_and_damaged_ones_named(model, patients, tmp_path, capsys):
    images, plain = tmp_path / "images", patients.one.read_bytes()
    images.mkdir()
    for name, content in {
        "plain": plain,
        "behind": gzip.compress(plain) + b"\1" * 64,
        "cut": gzip.compress(plain)[:-2000],
        "short": plain[:-2000],
    }.items():
        (images / f"{name}_0000.nii.gz").write_bytes(content)
    shutil.copy(patients.two, images / "other_0000.nii")
    shutil.copy(images / "behind_0000.nii.gz", images / "loud_0000.NII.GZ")
    assert predict_with(model, tmp_path / "out", images) == 1
    whole = segmentation_of(model, patients.one, tmp_path)
    for name in ("plain", "behind"):
        assert np.array_equal(read(tmp_path / "out" / f"{name}.nii.gz"), whole)
    assert {p.name for p in (tmp_path / "out").glob("*.nii*")} == {"plain.nii.gz", "behind.nii.gz"}
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    for name, problem in {
        "cut_0000.nii.gz": "the file is cut off",
        "short_0000.nii.gz": "the file is cut off: ",
        "other_0000.nii": "the model's images are .nii.gz files",
        "loud_0000.NII.GZ": "the model's images are .nii.gz files",
    }.items():
        assert any(f"/{name}: " in line and problem in line for line in failed), (name, failed)
    assert len(failed) == 4


def test_spacing_in_another_unit_is_named_and_the_other_cases_are_predicted(
    model, patients, tmp_path, capsys
):
    images = tmp_path / "images"
    images.mkdir()
    for name, source, factor in (
        ("a", patients.one, 1000.0),
        ("b", patients.one, 1.0),
        ("c", patients.two, 1.0),
    ):
        image = SimpleITK.ReadImage(str(source))
        image.SetSpacing([factor * s for s in SPACING])
        SimpleITK.WriteImage(image, str(images / f"{name}_0000.nii.gz"))
    assert predict_with(model, tmp_path / "out", images) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED"))
    assert "spacing (6000, 1000, 1000) (slices first), but the model was trained on (6, 1, 1), in mm" in line
    assert {p.name for p in (tmp_path / "out").glob("*.nii.gz")} == {"b.nii.gz", "c.nii.gz"}


def test_images_that_would_silently_be_segmented_as_empty_are_named_and_the_others_predicted(
    model, patients, tmp_path, capsys, monkeypatch
):
    images, compute = tmp_path / "images", SlabPredictor._predict
    images.mkdir()
    for name, source, padding in (("good", patients.one, 0), ("padded", patients.one, -3.4e38)):
        image = SimpleITK.ReadImage(str(source))
        image[:5] = padding
        SimpleITK.WriteImage(image, str(images / f"{name}_0000.nii.gz"))
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(patients.two)), str(images / "nan_0000.nii.gz"))
    monkeypatch.setattr(
        SlabPredictor,
        "_predict",
        lambda self, network, volume, *rest: (
            compute(self, network, volume, *rest) + (np.nan if volume.shape[1] == 5 else 0)
        ),
    )
    assert predict_with(model, tmp_path / "out", images) == 1
    failed = sorted(line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED"))
    assert [path.name for path in (tmp_path / "out").glob("*.nii.gz")] == ["good.nii.gz"]
    assert len(failed) == 2 and "nan_0000.nii.gz: the network's output is NaN or infinite" in failed[0]
    assert "padded_0000.nii.gz: padded_0000.nii.gz: a voxel has the value -3.4e+38" in failed[1]
