"""Image files: extensions and checks for damage.

The readers do not detect all damage: ITK silently fills up truncated NIfTI and GIPL files and verifies no checksum in
MetaImage and NRRD, and tifffile silently omits missing strips.
"""

import math
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import nibabel
from nibabel.spatialimages import HeaderDataError

# Longest first.
VOLUMES = (".nii.gz", ".gipl.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".hdr", ".img", ".dcm")
IMAGES = (*VOLUMES, ".tiff", ".tif", ".png", ".bmp", ".jpeg", ".jpg")
PIECE = 1 << 20  # bytes read at a time
HEAD = 1 << 12  # bytes, more than any binary header has
GZIP, ZLIB_OR_GZIP = 31, 47  # zlib's `wbits`
GIPL_HEADER = 256
GIPL_VOXEL = {1: 1, 7: 1, 8: 1, 15: 2, 16: 2, 31: 4, 32: 4, 64: 4, 65: 8}  # bytes by type code


def image_ending(name: str) -> str:
    """The extension of an image file, case preserved, e.g. ".nii.gz" or ".NII"; "" if it is not one of an image."""
    return next((name[-len(e) :] for e in IMAGES if name.lower().endswith(e)), "")


def is_renamed(case: str, ending: str) -> bool:
    """Whether ITK writes the result of a case under another name: x.nii.nii.gz as x.nii.gz, the result of case x."""
    return ".nii" in ending and bool(re.search(r"\.(nii|hdr|img|nia)(\.gz)?$", case, re.IGNORECASE))


def check_complete(path: Path) -> None:
    """Raise OSError if an image file is empty, truncated or damaged, as far as its format shows.

    Like nnU-Net's readers it accepts an uncompressed `.nii.gz` and ignores data after the compressed stream. Whether
    the file is an image at all is left to the reader.
    """
    name = path.name.lower()
    if path.stat().st_size == 0:
        raise OSError("the file is empty")
    with path.open("rb") as file:
        if name.endswith((".nii", ".nii.gz", ".gipl", ".gipl.gz")):
            head, length = _head_and_length(file)
            expected = (_nifti_length if ".nii" in name[-7:] else _gipl_length)(head)
            if expected is not None and length < expected:
                raise OSError(f"the file is cut off: {length} bytes of {expected}")
        elif name.endswith((".mha", ".nrrd")) and _seek_compressed_data(file, name.endswith(".nrrd")):
            for _ in _decompressed(file, ZLIB_OR_GZIP):
                pass
    if name.endswith((".tif", ".tiff")):
        _check_strips(path)


def check_ends(path: Path) -> None:
    """Like `check_complete`, but fast for compressed NIfTI and GIPL: of a file that ends as its header says it should,
    the middle is not read, where flipped bits would not be noticed.
    """
    name = path.name.lower()
    if not (name.endswith((".nii.gz", ".gipl.gz")) and _has_expected_trailer(path, ".nii" in name[-7:])):
        check_complete(path)


def _has_expected_trailer(path: Path, is_nifti: bool) -> bool:
    """Whether a gzip file's last four bytes, its length modulo 2^32, agree with the header of the image in it."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return False
        file.seek(0)
        try:
            head = next(_decompressed(file, GZIP))[:HEAD]
        except OSError:
            return False
        file.seek(-4, 2)
        expected = (_nifti_length if is_nifti else _gipl_length)(head)
        return expected is not None and int.from_bytes(file.read(4), "little") == expected % (1 << 32)


def _head_and_length(file: BinaryIO) -> tuple[bytes, int]:
    """The first bytes of the uncompressed content, and its length."""
    if file.read(2) != b"\x1f\x8b":
        length = file.seek(0, 2)
        file.seek(0)
        return file.read(HEAD), length
    file.seek(0)
    head, length = b"", 0
    for piece in _decompressed(file, GZIP):
        head += piece[: HEAD - len(head)]
        length += len(piece)
    return head, length


def _decompressed(file: BinaryIO, wbits: int) -> Iterator[bytes]:
    """Decompress from the current position, piece by piece; trailing data is ignored, as gzip does."""
    pending, first = file.read(PIECE), True
    while first or pending[:2] == b"\x1f\x8b":
        stream, first = zlib.decompressobj(wbits), False
        while not stream.eof:
            given = pending or file.read(PIECE)
            try:
                piece = stream.decompress(given, PIECE)
            except zlib.error as error:
                raise OSError(f"the file is damaged: {error}") from error
            if not (given or piece or stream.eof):
                raise OSError("the file is cut off")
            yield piece
            pending = stream.unconsumed_tail
        pending = stream.unused_data if len(stream.unused_data) > 1 else stream.unused_data + file.read(PIECE)


def _nifti_length(head: bytes) -> int | None:
    """Expected bytes of a NIfTI file; None if this is not its header."""
    sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    kind = nibabel.Nifti2Header if 540 in sizes else nibabel.Nifti1Header if 348 in sizes else None
    if kind is None:
        return None
    if len(head) < kind.sizeof_hdr:
        return kind.sizeof_hdr
    try:
        header = kind.from_fileobj(BytesIO(head), check=False)
        voxels = math.prod(header.get_data_shape())
        return header.get_data_offset() + voxels * header.get_data_dtype().itemsize
    except (HeaderDataError, ValueError, OverflowError):  # so damaged that the reader will fail
        return None


def _gipl_length(head: bytes) -> int | None:
    size, kind = ([int.from_bytes(head[i : i + 2], "big") for i in places] for places in ((0, 2, 4, 6), (8,)))
    voxel = GIPL_VOXEL.get(kind[0])
    return voxel and GIPL_HEADER + voxel * math.prod(max(1, n) for n in size)


def _seek_compressed_data(file: BinaryIO, ends_blank: bool) -> bool:
    """Move to the data of a MetaImage or NRRD file; False if they are not compressed, or in another file.

    Args:
        ends_blank: the header ends with a blank line, as in NRRD; otherwise with the line ElementDataFile.
    """
    header = b""
    for line in islice(iter(lambda: file.readline(HEAD), b""), 1000):
        header += line
        if (not line.strip()) if ends_blank else line.startswith(b"ElementDataFile"):
            compressed = rb"(?im)^(CompressedData *= *True|encoding: *gz(ip)?)\s*$"
            elsewhere = rb"(?im)^(data ?file:|ElementDataFile *=(?! *LOCAL\s*$))"
            return bool(re.search(compressed, header)) and not re.search(elsewhere, header)
    return False


def _check_strips(path: Path) -> None:
    """Raise OSError if a part of a TIFF image is beyond the end of the file."""
    import tifffile

    size = path.stat().st_size
    try:
        with tifffile.TiffFile(path) as file:
            pages = [(page.dataoffsets, page.databytecounts) for page in file.pages]
    except Exception as error:  # tifffile can raise anything
        raise OSError(f"the file is damaged: {error}") from error
    end = max((o + n for offsets, counts in pages for o, n in zip(offsets, counts, strict=True)), default=0)
    if size < end:
        raise OSError(f"the file is cut off: {size} bytes of {end}")
