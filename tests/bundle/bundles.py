"""Exporting bundles of the tiny models, predicting with them, and changing them by hand."""

import hashlib
import json
import zipfile
from pathlib import Path

from nnunet_slice_attention.bundle.archive import MANIFEST
from nnunet_slice_attention.cli import main

OURS, STOCK = "Tiny_nnUNetTrainerCSANet", "Tiny_nnUNetTrainer"


def export(tiny, path: Path, *flags, trainer=OURS) -> Path:
    """Export the tiny model as a bundle to `path`; a folder unless it ends in .zip."""
    command = ["export", "--format", "bundle", "-d", str(tiny.id), "-tr", trainer, "-o", str(path)]
    assert main([*command, *flags]) == 0
    return path


def predict(images: Path, out: Path, *model) -> int:
    argv = ["predict", "-i", str(images), "-o", str(out), "-device", "cpu", "-npp", "0", "-nps", "0", *model]
    return main([*argv, "--disable_progress_bar", "--save_probabilities"])


def edit(bundle: Path, name: str, change, new_checksum: bool = False) -> None:
    """Change a file of a bundle; `new_checksum` also updates its checksum, as an attacker would."""
    content = change((bundle / name).read_bytes())
    (bundle / name).write_bytes(content)
    if new_checksum:
        manifest = json.loads((bundle / MANIFEST).read_text())
        manifest["files"][name] = hashlib.sha256(content).hexdigest()
        (bundle / MANIFEST).write_text(json.dumps(manifest))


def edit_manifest(bundle: Path, **changes) -> None:
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps(manifest | changes))


def zipped(bundle: Path, **extra: str) -> Path:
    path = bundle.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as out:
        for file in bundle.iterdir():
            out.write(file, file.name)
        for name, content in extra.items():
            out.writestr(name, content)
    return path
