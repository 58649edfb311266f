"""Bundles that are damaged, of another format, or no bundles are refused."""

import os
import zipfile

import pytest

from nnunet_slice_attention.bundle.archive import FORMAT
from nnunet_slice_attention.bundle.load import load_bundle
from tests.bundle.bundles import STOCK, edit, edit_manifest, export, zipped


def flip_a_byte(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize("name", ["fold_0.safetensors", "plans.json", "dataset.json", "MODEL_CARD.md"])
def test_a_changed_file_is_refused(name, refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    edit(bundle, name, flip_a_byte)
    refused(bundle, f"{name} was changed or damaged")
    refused(zipped(bundle), f"{name} was changed or damaged")


def test_hidden_files_of_macos_in_a_folder_are_ignored(trained, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    for name in (".DS_Store", "._plans.json"):
        (bundle / name).write_bytes(b"\0\5\x16\7")
    assert len(load_bundle(bundle, "cpu").list_of_parameters) == 1
    (bundle / "plans.json.orig").touch()
    with pytest.raises(ValueError, match=r"has unexpected files: plans\.json\.orig\. Do not use it"):
        load_bundle(bundle, "cpu")


def test_a_hidden_file_that_a_bundle_lists_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    (bundle / ".hidden").write_text("{}")
    edit(bundle, ".hidden", lambda content: content, new_checksum=True)
    refused(bundle, "has a missing or duplicate file among")


def test_a_truncated_zip_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b.zip", "-f", "0")
    os.truncate(bundle, bundle.stat().st_size // 2)
    refused(bundle, "is not a bundle, or is truncated")


def test_other_paths_are_refused(refused, tmp_path):
    refused(tmp_path / "nowhere.zip", "does not exist")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is not a bundle, or is truncated")


def test_another_format_version_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    edit_manifest(bundle, format=FORMAT + 1)
    refused(bundle, f"format version {FORMAT + 1}")


def test_a_compressed_zip_is_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for file in bundle.iterdir():
            out.write(file, file.name)
    refused(tmp_path / "b.zip", "is compressed")


def test_weights_of_another_network_are_refused(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    other = export(tiny, tmp_path / "other", "-f", "0", trainer=STOCK)
    content = (other / "fold_0.safetensors").read_bytes()
    edit(bundle, "fold_0.safetensors", lambda _: content, new_checksum=True)
    refused(bundle, "another network")
    edit(bundle, "fold_0.safetensors", lambda _: b"x" * 100, new_checksum=True)
    refused(bundle, "not in safetensors format")
