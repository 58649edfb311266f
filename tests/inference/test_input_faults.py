"""`predict` on faulty files: no result is lost, and none is silently wrong."""

import errno
import gzip
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK
from nnunetv2.inference import predict_from_raw_data
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference.bisection import predict_or_bisect
from nnunet_slice_attention.inference.cases import Case
from nnunet_slice_attention.inference.predictor import SlabPredictor
from nnunet_slice_attention.plans.differences import (
    DECISIVE_PLANS,
    INTENSITIES,
    decisive_plans,
    first_difference,
)
from tests.tiny_data import SPACING, draw_volume, read, write

TRAINER, STOCK = "Tiny_nnUNetTrainerTSFMUNet_ShortSlabs", "Tiny_nnUNetTrainer"


@pytest.fixture(scope="module")
def results(train, nnunet_folders, tiny) -> Path:
    train(tiny, TRAINER)
    return nnunet_folders / "results" / tiny.folder


@pytest.fixture
def model(results) -> Path:
    return results / f"{TRAINER}__nnUNetPlans__2d"


@pytest.fixture
def patients(tmp_path):
    """Two valid images."""
    folder = tmp_path / "patients"
    folder.mkdir()
    found = SimpleNamespace(folder=folder)
    for name, depth in (("one", 4), ("two", 5)):
        image, _ = draw_volume(depth, depth, 1, False)
        setattr(found, name, folder / f"{name}.nii")
        write(image[0], getattr(found, name))
    return found


def predict(model: Path, out: Path, *images: Path, flags=()) -> int:
    argv = ["predict", "-m", str(model), "-f", "0", "-i", *map(str, images), "-o", str(out), "-device", "cpu"]
    return main([*argv, "-npp", "0", "-nps", "0", "--disable_progress_bar", "--disable_tta", *flags])


def expected(model: Path, image: Path, folder: Path) -> np.ndarray:
    target = folder / f"expected_{image.name}.mha"
    assert predict(model, target, image) == 0
    return read(target)


def test_a_name_that_itk_would_change_does_not_overwrite_another_result(model, patients, tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    for name, source in (("x.nii", patients.one), ("x", patients.two)):
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(source)), str(images / f"{name}_0000.nii.gz"))
    assert predict(model, tmp_path / "out", images) == 1
    assert np.array_equal(
        read(tmp_path / "out" / "x.nii.gz"), expected(model, images / "x_0000.nii.gz", tmp_path)
    )
    assert [p.name for p in (tmp_path / "out").glob("*.nii*")] == ["x.nii.gz"]
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1 and "x.nii_0000.nii.gz: the case name x.nii" in failed[0]


def test_a_users_own_file_next_to_the_image_is_kept(model, patients, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(patients.folder)
    own = patients.folder / "one.nii.gz"
    shutil.copy(patients.two, own)
    before = own.read_bytes()
    assert predict(model, Path("."), Path("one.nii")) == 1
    assert (
        "one.nii.gz has the name of a result. Without predict_from_raw_data_args.json"
        in capsys.readouterr().err
    )
    assert own.read_bytes() == before and sorted(p.name for p in patients.folder.iterdir()) == [
        "one.nii",
        "one.nii.gz",
        "two.nii",
    ]


@pytest.mark.parametrize("name", ["seg.nii", "seg.mha", "seg.nrrd", "seg.nii.gz"])
def test_one_case_is_written_to_the_given_file(name, model, patients, tmp_path):
    assert predict(model, tmp_path / name, patients.one) == 0
    assert (tmp_path / name).is_file()
    assert read(tmp_path / name).shape == read(patients.one).shape
    assert json.loads((tmp_path / "dataset.json").read_text())["file_ending"] == name[3:]


def test_an_output_format_that_the_model_cannot_write_is_an_error(model, patients, tmp_path, capsys):
    assert predict(model, tmp_path / "seg.png", patients.one) == 1
    assert "-o seg.png: the model can write .nii.gz, .nrrd, .mha, .gipl, .nii" in capsys.readouterr().err
    assert not (tmp_path / "seg.png").exists()


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
    assert predict(model, tmp_path / "out", images) == 1
    whole = expected(model, patients.one, tmp_path)
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
    assert predict(model, tmp_path / "out", images) == 1
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
    assert predict(model, tmp_path / "out", images) == 1
    failed = sorted(line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED"))
    assert [path.name for path in (tmp_path / "out").glob("*.nii.gz")] == ["good.nii.gz"]
    assert len(failed) == 2 and "nan_0000.nii.gz: the network's output is NaN or infinite" in failed[0]
    assert "padded_0000.nii.gz: padded_0000.nii.gz: a voxel has the value -3.4e+38" in failed[1]


def test_a_case_that_kills_the_workers_is_isolated_with_few_calls(tmp_path):
    cases = [Case((), tmp_path / f"{i}.nii.gz", ".nii.gz") for i in range(32)]
    done, calls = [], []

    def predict_batch(batch: list[Case]) -> None:
        calls.append(len(batch))
        for case in batch:
            if case in (cases[0], cases[20]):
                raise RuntimeError("a worker died")
            done.append(case)

    failures, left, _ = predict_or_bisect(predict_batch, cases, done.__contains__, tmp_path)
    assert not left and failures == {cases[0]: "a worker died", cases[20]: "a worker died"}
    assert sorted(done, key=cases.index) == [case for case in cases if case not in failures]
    assert len(calls) < 20  # one by one it would be 33


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_ends_the_prediction_and_names_what_is_left(
    code, model, patients, tmp_path, capsys, monkeypatch
):
    images, out, export = (
        tmp_path / "images",
        tmp_path / "out",
        predict_from_raw_data.export_prediction_from_logits,
    )
    images.mkdir()
    for i in range(5):
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(patients.one)), str(images / f"{i}_0000.nii.gz"))
    (images / "1_0000.nii.gz").write_bytes(b"")
    calls = []

    def full_after_two(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            (out / "3.nii.gz").write_bytes(b"half of it")
            raise OSError(code, os.strerror(code))
        export(*arguments)

    monkeypatch.setattr(predict_from_raw_data, "export_prediction_from_logits", full_after_two)
    assert predict(model, out, images) == 1
    assert len(calls) == 3
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 2 and "1_0000.nii.gz cannot be read: the file is empty" in failed[0]
    assert (
        f"FAILED {out}: [Errno {code}] {os.strerror(code)}; 2 cases are left: 3.nii.gz, 4.nii.gz. "
        in failed[1]
    )
    assert sorted(path.name for path in out.glob("*.nii.gz")) == ["0.nii.gz", "2.nii.gz"]
    (images / "1_0000.nii.gz").unlink()
    assert predict(model, out, images, flags=["--continue_prediction"]) == 0
    assert len(calls) == 5


def test_a_record_that_cannot_be_written_does_not_hide_the_failures(
    model, patients, tmp_path, capsys, monkeypatch
):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nnunet_slice_attention.inference.predict.write_record", fail)
    monkeypatch.setattr(
        SlabPredictor, "_manage_input_and_output_lists", nnUNetPredictor._manage_input_and_output_lists
    )
    (patients.folder / "one_0000.nii.gz").write_bytes(b"")
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(patients.two)), str(patients.folder / "two_0000.nii.gz"))
    assert predict(model, tmp_path / "out", patients.folder) == 1
    error = capsys.readouterr().err
    assert "one_0000.nii.gz: one_0000.nii.gz cannot be read: the file is empty" in error
    assert "predict_from_raw_data_args.json: cannot be written: [Errno 28] No space left on device" in error
    assert (tmp_path / "out" / "two.nii.gz").is_file()


def test_messages_that_nobody_reads_any_more_are_no_failure(tmp_path, monkeypatch):
    cases = [Case((), tmp_path / f"{i}.nii.gz", ".nii.gz") for i in range(3)]
    done, gone = [], [True]

    def predict_batch(batch: list[Case]) -> None:
        done.append(batch[0])
        if gone:
            raise BrokenPipeError
        done.extend(batch[1:])

    monkeypatch.setattr(
        "nnunet_slice_attention.inference.bisection.reader_is_gone", lambda: bool(gone and gone.pop())
    )
    assert predict_or_bisect(predict_batch, cases, done.__contains__, tmp_path).failures == {}
    assert done == cases


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("plans.json", lambda p: p["configurations"]["2d"].update(spacing=[2.0, 2.0]), "spacing [2.0, 2.0], but"),
        ("plans.json", lambda p: p["configurations"]["2d"].update(patch_size=[5, 8, 8]), "patch_size [5, 8, 8], but"),
        ("plans.json", lambda p: p.update(transpose_forward=[1, 0, 2]), "transpose_forward [1, 0, 2], but"),
        ("dataset.json", lambda d: d["labels"].update(disc=2, core=1), "labels.disc 2, but fold 0 was trained with 1"),
    ],
)  # fmt: skip
def test_plans_and_dataset_json_that_differ_from_training_are_errors(
    file, change, message, model, patients, tmp_path, capsys
):
    copy = tmp_path / model.name
    shutil.copytree(model, copy, ignore=shutil.ignore_patterns("validation"))
    entries = json.loads((copy / file).read_text())
    change(entries)
    (copy / file).write_text(json.dumps(entries))
    assert predict(copy, tmp_path / "out", patients.one) == 1
    assert f"{file} has {message}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_plans_may_differ_where_predictions_do_not_depend_on_them(model, patients, tmp_path):
    copy = tmp_path / model.name
    shutil.copytree(model, copy, ignore=shutil.ignore_patterns("validation"))
    plans = json.loads((copy / "plans.json").read_text())
    plans["configurations"]["2d"]["batch_size"] = 99
    plans["configurations"]["2d"]["resampling_fn_probabilities_kwargs"]["order"] = 0
    plans["foreground_intensity_properties_per_channel"]["0"]["mean"] = 0.0  # not used by ZScoreNormalization
    del plans["configurations"]["3d_fullres"]
    (copy / "plans.json").write_text(json.dumps(plans))
    description = (copy / "dataset.json").read_text().replace('"disc"', '"Disc"').replace('"MR0"', '"T2"')
    (copy / "dataset.json").write_text(description)
    assert predict(copy, tmp_path / "out", patients.one) == 0


def test_intensities_used_by_the_normalisation_must_be_equal():
    plans = {"configurations": {"2d": {"normalization_schemes": ["CTNormalization"], "architecture": {}}}}
    plans |= {key: None for key in DECISIVE_PLANS} | {INTENSITIES: {"0": {"mean": 1.0, "std": float("nan")}}}
    changed = json.loads(json.dumps(plans))
    assert first_difference(decisive_plans(plans, "2d"), decisive_plans(changed, "2d")) is None
    changed[INTENSITIES]["0"]["mean"] = 2.0
    differs = first_difference(decisive_plans(plans, "2d"), decisive_plans(changed, "2d"))
    assert differs == (f"{INTENSITIES}.0.mean", 1.0, 2.0)


def test_an_earlier_prediction_is_kept_if_the_case_can_no_longer_be_predicted(model, patients, tmp_path):
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for name in ("one", "two"):
        image = SimpleITK.ReadImage(str(getattr(patients, name)))
        SimpleITK.WriteImage(image, str(images / f"{name}_0000.nii.gz"))
    assert predict(model, out, images) == 0
    before = (out / "one.nii.gz").read_bytes()
    (images / "one_0000.nii.gz").write_bytes(b"")
    assert predict(model, out, images) == 1
    assert (out / "one.nii.gz").read_bytes() == before


def test_a_truncated_checkpoint_is_named(model, patients, tmp_path, capsys):
    copy = tmp_path / model.name
    shutil.copytree(model, copy, ignore=shutil.ignore_patterns("validation"))
    weights = copy / "fold_0" / "checkpoint_final.pth"
    weights.write_bytes(weights.read_bytes()[:-5000])
    assert predict(copy, tmp_path / "out", patients.one) == 1
    error = capsys.readouterr().err
    assert f"{weights} cannot be read: " in error and "Traceback" not in error


def test_nnunets_own_model_predicts_2d_images_as_nnunet_does(
    train, run_nnunet, results, tiny, patients, tmp_path
):
    train(tiny, STOCK)
    images = tmp_path / "images"
    images.mkdir()
    flat = SimpleITK.GetImageFromArray(read(patients.one)[0])
    flat.SetSpacing((1.5, 1.5))
    SimpleITK.WriteImage(flat, str(images / "flat_0000.nii.gz"))
    assert predict(results / f"{STOCK}__nnUNetPlans__2d", tmp_path / "ours", images) == 0
    run_nnunet(
        "nnUNetv2_predict", "-i", images, "-o", tmp_path / "stock", "-d", tiny.id, "-c", "2d", "-f", 0,
        "-tr", STOCK, "-device", "cpu", "-npp", 1, "-nps", 1, "--disable_tta",
    )  # fmt: skip
    ours, stock = (read(tmp_path / kind / "flat.nii.gz") for kind in ("ours", "stock"))
    assert ours.shape == (40, 36) and np.array_equal(ours, stock)
