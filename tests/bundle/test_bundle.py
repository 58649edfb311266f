"""Export as a bundle, and prediction from it: the same segmentations, and no code in a bundle is run."""

import hashlib
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from nnunet_slice_attention.bundle.archive import FORMAT, MANIFEST, write_archive
from nnunet_slice_attention.bundle.load import load_bundle
from nnunet_slice_attention.cli import main
from tests.tiny_data import read

TRAINERS = ("Tiny_nnUNetTrainerCSANet", "Tiny_nnUNetTrainer")


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    train(tiny, TRAINERS[0], 0, 1)
    train(tiny, TRAINERS[1], 0)
    return nnunet_folders / "results" / tiny.folder


def export(tiny, path: Path, *flags, trainer=TRAINERS[0]) -> Path:
    assert (
        main(["export", "--format", "bundle", "-d", str(tiny.id), "-tr", trainer, "-o", str(path), *flags])
        == 0
    )
    return path


def predict(images: Path, out: Path, *model) -> int:
    argv = ["predict", "-i", str(images), "-o", str(out), "-device", "cpu", "-npp", "1", "-nps", "1", *model]
    return main([*argv, "--disable_progress_bar", "--save_probabilities"])


@pytest.mark.parametrize(
    ("trainer", "name"), [(TRAINERS[0], "b.zip"), (TRAINERS[0], "b"), (TRAINERS[1], "b.zip")]
)
def test_a_bundle_predicts_the_same_as_its_checkpoints(
    trainer, name, trained, tiny, nnunet_folders, tmp_path
):
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    bundle = export(tiny, tmp_path / name, trainer=trainer)
    assert predict(images, tmp_path / "checkpoint", "-d", str(tiny.id), "-tr", trainer) == 0
    assert predict(images, tmp_path / "bundle", "--bundle", str(bundle)) == 0
    made = sorted((tmp_path / "checkpoint").glob("*.nii.gz"))
    assert len(made) == len(list(images.iterdir()))
    for path in made:
        assert np.array_equal(read(path), read(tmp_path / "bundle" / path.name))
        stem = path.name.removesuffix(".nii.gz")
        ours, theirs = (
            np.load(tmp_path / kind / f"{stem}.npz")["probabilities"] for kind in ("bundle", "checkpoint")
        )
        assert np.array_equal(ours, theirs)


def test_loading_unpickles_nothing(trained, tiny, tmp_path, monkeypatch):
    bundle = export(tiny, tmp_path / "b.zip")

    def forbidden(*args, **kwargs):
        raise AssertionError("something was unpickled")

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, forbidden)
    assert len(load_bundle(bundle, "cpu").list_of_parameters) == 2


def test_content_of_a_bundle(trained, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "1")
    assert {path.name for path in bundle.iterdir()} == {
        "bundle.json", "plans.json", "dataset.json", "dataset_fingerprint.json", "fold_1.safetensors", "MODEL_CARD.md",
    }  # fmt: skip
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "each slice is segmented with 1 neighbours on each side, about 6 mm" in card
    assert "fold 1: mean validation Dice per label" in card
    other = (
        export(tiny, tmp_path / "o", "-f", "1", "-chk", "checkpoint_best.pth") / "MODEL_CARD.md"
    ).read_text()
    assert "checkpoint_best.pth" in other and "- not validated with these weights" in other
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert manifest["format"] == FORMAT
    assert manifest["checkpoint"] == "checkpoint_final.pth"
    assert manifest["trainer"] == TRAINERS[0]
    checkpoint = trained / f"{TRAINERS[0]}__nnUNetPlans__2d" / "fold_1" / "checkpoint_final.pth"
    # Without the optimiser and duplicates.
    assert (bundle / "fold_1.safetensors").stat().st_size < checkpoint.stat().st_size


def test_a_damaged_summary_is_an_error_with_the_next_step(trained, tiny, tmp_path, capsys):
    summary = trained / f"{TRAINERS[1]}__nnUNetPlans__2d" / "fold_0" / "validation" / "summary.json"
    content = summary.read_bytes()
    try:
        summary.write_bytes(content[:-9])
        argv = [
            "export",
            "--format",
            "bundle",
            "-d",
            str(tiny.id),
            "-tr",
            TRAINERS[1],
            "-o",
            str(tmp_path / "b"),
        ]
        assert main(argv) == 1
    finally:
        summary.write_bytes(content)
    error = capsys.readouterr().err
    assert "summary.json is damaged" in error and "Validate fold 0 again" in error


def test_nothing_is_overwritten(trained, tiny, tmp_path, capsys):
    bundle = export(tiny, tmp_path / "b.zip")
    before = bundle.read_bytes()
    argv = ["export", "--format", "bundle", "-d", str(tiny.id), "-tr", TRAINERS[0], "-o", str(bundle)]
    assert main(argv) == 1
    assert "b.zip exists" in capsys.readouterr().err
    assert bundle.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def edit(bundle: Path, name: str, change, new_checksum: bool = False) -> None:
    """Change a file of a folder, optionally with a matching checksum, as an attacker would."""
    content = change((bundle / name).read_bytes())
    (bundle / name).write_bytes(content)
    if new_checksum:
        manifest = json.loads((bundle / MANIFEST).read_text())
        manifest["files"][name] = hashlib.sha256(content).hexdigest()
        (bundle / MANIFEST).write_text(json.dumps(manifest))


def zipped(bundle: Path, **extra: str) -> Path:
    path = bundle.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as out:
        for file in bundle.iterdir():
            out.write(file, file.name)
        for name, content in extra.items():
            out.writestr(name, content)
    return path


def flip_a_byte(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.fixture
def refused(trained, tiny, tmp_path, nnunet_folders, capsys):
    """Check that `predict` refuses a bundle with a message and writes nothing."""
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"

    def check(bundle: Path, said: str) -> None:
        assert predict(images, tmp_path / "out", "--bundle", str(bundle)) == 1
        assert said in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    return check


@pytest.mark.parametrize("name", ["fold_0.safetensors", "plans.json", "dataset.json", "MODEL_CARD.md"])
def test_a_changed_file_is_refused(name, refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    edit(bundle, name, flip_a_byte)
    refused(bundle, f"{name} was changed or damaged")
    refused(zipped(bundle), f"{name} was changed or damaged")


def test_a_truncated_zip_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b.zip", "-f", "0")
    os.truncate(bundle, bundle.stat().st_size // 2)
    refused(bundle, "is not a bundle, or is truncated")


def test_other_files_are_refused(refused, tmp_path):
    refused(tmp_path / "nowhere.zip", "does not exist")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is not a bundle, or is truncated")


def test_another_format_version_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps(manifest | {"format": FORMAT + 1}))
    refused(bundle, f"format version {FORMAT + 1}")


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "folder/inside", "..\\outside", "extra.pth"])
def test_unexpected_files_and_paths_are_refused(name, refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    refused(zipped(bundle, **{name: "x"}), "has unexpected files")
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["files"][name] = "0" * 64
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    if "/" in name or "\\" in name:
        refused(zipped(bundle, **{name: "x"}), "has unexpected files")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("architecture", "network_class_name"), "subprocess.Popen"),
        (("architecture", "arch_kwargs", "conv_op"), "os.system"),
        (("architecture", "arch_kwargs", "nonlin"), "torch.nn.parallel.distributed.os.system"),
        (("architecture", "network_class_name"), "torch.nn.functional.importlib.import_module"),
        (("resampling_fn_data",), "system"),
        (("preprocessor_name",), "Popen"),
        (("normalization_schemes",), ["Popen"]),
    ],
)
def test_plans_that_name_other_code_are_refused(keys, value, refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")

    def change(content: bytes) -> bytes:
        plans = json.loads(content)
        place = plans["configurations"]["2d"]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return json.dumps(plans).encode()

    edit(bundle, "plans.json", change, new_checksum=True)
    refused(bundle, "the bundle's plans name")


@pytest.mark.parametrize(
    "change",
    [
        {"trainer": None},
        {"trainer": "np"},
        {"folds": []},
        {"folds": ["../0"]},
        {"configuration": ["2d"]},
        {"mirroring_axes": 3},
    ],
    ids=str,
)
def test_an_invalid_manifest_is_refused(change, refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps(manifest | change))
    refused(bundle, "nnunet-slice-attention predict: ")


def test_nothing_outside_is_read(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    outside = tmp_path / "plans.json"
    (bundle / "plans.json").replace(outside)
    (bundle / "plans.json").symlink_to(outside)
    refused(bundle, "plans.json is missing or a link")
    (bundle / "plans.json").unlink()
    (bundle / "plans.json").touch()
    edit(bundle, "plans.json", lambda _: json.dumps(str(outside)).encode(), new_checksum=True)
    refused(bundle, "plans.json is not a JSON object")


def test_a_compressed_zip_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for file in bundle.iterdir():
            out.write(file, file.name)
    refused(tmp_path / "b.zip", "is compressed")


def test_weights_of_another_network_are_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    other = export(tiny, tmp_path / "other", "-f", "0", trainer=TRAINERS[1])
    content = (other / "fold_0.safetensors").read_bytes()
    edit(bundle, "fold_0.safetensors", lambda _: content, new_checksum=True)
    refused(bundle, "another network")
    edit(bundle, "fold_0.safetensors", lambda _: b"x" * 100, new_checksum=True)
    refused(bundle, "not in safetensors format")


def test_the_error_for_an_unknown_trainer_names_it(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps(manifest | {"trainer": "nnUNetTrainerOfNobody"}))
    refused(bundle, "nnUNetTrainerOfNobody")


def test_a_failed_export_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_archive(tmp_path / "b", {}, {"a": b"1", "b": None})
    assert list(tmp_path.iterdir()) == []
