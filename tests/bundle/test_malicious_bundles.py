"""Bundles made to run code, or to read or write files outside, are refused."""

import json

import pytest

from nnunet_slice_attention.bundle.archive import MANIFEST
from tests.bundle.bundles import edit, edit_manifest, export, zipped


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "folder/inside", "..\\outside", "extra.pth"])
def test_unexpected_paths_and_files_are_refused(name, refused, tiny, tmp_path):
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
def test_a_manifest_with_unexpected_values_is_refused(change, refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    edit_manifest(bundle, **change)
    refused(bundle, "nnunet-slice-attention predict: ")


def test_files_outside_the_bundle_are_not_read(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    outside = tmp_path / "plans.json"
    (bundle / "plans.json").replace(outside)
    (bundle / "plans.json").symlink_to(outside)
    refused(bundle, "plans.json is missing or a link")
    (bundle / "plans.json").unlink()
    (bundle / "plans.json").touch()
    edit(bundle, "plans.json", lambda _: json.dumps(str(outside)).encode(), new_checksum=True)
    refused(bundle, "plans.json is not a JSON object")


def test_an_unknown_trainer_is_named(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    edit_manifest(bundle, trainer="nnUNetTrainerOfNobody")
    refused(bundle, "nnUNetTrainerOfNobody")
