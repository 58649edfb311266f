"""The files of a bundle: a folder or zip of plain files, with their checksums in `bundle.json`.

Nothing is extracted or unpickled: files are read into memory by the names in `bundle.json`. Checksums detect damage,
not malice: whoever changes a file can change its checksum too. The worst that such a bundle can do is a wrong
segmentation, see `trusted_names`.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FORMAT = 1
MANIFEST = "bundle.json"
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, OSError, ValueError)
PLAIN_NAME = r"\w[\w.-]*"  # no folders


@dataclass(frozen=True)
class Archive:
    """A bundle, checked when opened, see `read_archive`.

    Attributes:
        path: folder or zip.
        manifest: content of `bundle.json`.
    """

    path: Path
    manifest: Mapping

    def read(self, name: str) -> bytes:
        """Content of a file listed in `bundle.json`; raise ValueError if its checksum does not match."""
        if name not in self.manifest["files"]:
            raise ValueError(f"{self.path} has no {name}. Export it again.")
        try:
            content = _read(self.path, name)
        except DAMAGE as error:
            raise ValueError(
                f"{self.path}: {name} cannot be read: {error}. Copy or export it again."
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.manifest["files"][name]:
            raise ValueError(
                f"{self.path}: {name} was changed or damaged (SHA-256 {found}). Copy or export it again."
            )
        return content

    def json(self, name: str) -> dict:
        content = json.loads(self.read(name))
        if not isinstance(content, dict):
            raise ValueError(f"{self.path}: {name} is not a JSON object. Do not use this bundle.")
        return content


def write_archive(path: Path, manifest: Mapping, files: Mapping[str, bytes]) -> None:
    """Write a zip if `path` ends in .zip, else a folder; it appears only when it is complete.

    Raises:
        FileExistsError: `path` exists.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists. Remove it, or choose another name with -o.")
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    head = json.dumps({"format": FORMAT, **manifest, "files": checksums}, indent=2).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        complete = Path(scratch, path.name)
        if path.suffix == ".zip":
            with zipfile.ZipFile(complete, "w") as out:
                for name, content in {MANIFEST: head, **files}.items():
                    out.writestr(name, content)
        else:
            complete.mkdir()
            for name, content in {MANIFEST: head, **files}.items():
                (complete / name).write_bytes(content)
        os.replace(complete, path) if path.suffix == ".zip" else shutil.move(complete, path)


def read_archive(path: Path) -> Archive:
    """Open a bundle and check all of its files.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError: it is not a bundle, has another format version, has unexpected or missing files, or is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist. Give a folder or zip made by `export --format bundle` with --bundle."
        )
    try:
        names, manifest = _names(path), json.loads(_read(path, MANIFEST))
        version, listed = manifest["format"], {MANIFEST, *dict(manifest["files"])}
    except DAMAGE as error:
        raise ValueError(
            f"{path} is not a bundle, or is truncated: {error}. Copy or export it again."
        ) from error
    if version != FORMAT:
        raise ValueError(
            f"{path} has format version {version!r}; this version of the package reads {FORMAT}. Update the "
            "package, or export the model again."
        )
    if unexpected := [name for name in names if name not in listed or not re.fullmatch(PLAIN_NAME, name)]:
        raise ValueError(f"{path} has unexpected files: {', '.join(unexpected)}. Do not use it.")
    if sorted(names) != sorted(listed):
        raise ValueError(
            f"{path} has a missing or duplicate file among {', '.join(sorted(listed))}. Export it again."
        )
    archive = Archive(path, manifest)
    for name in manifest["files"]:
        archive.read(name)
    return archive


def _names(path: Path) -> list[str]:
    """Without a folder's hidden files, such as macOS adds: no bundle lists one, so none is read."""
    if path.is_dir():
        return [one.name for one in path.iterdir() if not one.name.startswith(".")]
    with zipfile.ZipFile(path) as file:
        return file.namelist()


def _read(path: Path, name: str) -> bytes:
    if path.is_dir():
        if (path / name).is_symlink() or not (path / name).is_file():
            raise ValueError(f"{name} is missing or a link")
        return (path / name).read_bytes()
    with zipfile.ZipFile(path) as file:
        if file.getinfo(name).compress_type != zipfile.ZIP_STORED:  # could be a zip bomb
            raise ValueError(f"{name} is compressed, but files of a bundle are not")
        return file.read(name)
