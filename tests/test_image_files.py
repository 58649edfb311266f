"""Damaged images are detected in all formats, and files that nnU-Net reads are accepted."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import tifffile
from skimage import io

from nnunet_slice_attention.image_files import check_complete, check_ends, image_ending

RNG = np.random.default_rng(0)
VOLUME = (RNG.normal(0, 50, (6, 20, 18)) + 100).astype(np.int16)


def read_with_itk(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


def written(folder: Path, kind: str) -> tuple[Path, np.ndarray]:
    """A file of a kind like ".nii" or ".mha compressed", and its content."""
    ending, _, compressed = kind.partition(" ")
    path, array = folder / f"whole{ending}", VOLUME
    if ending == ".tif":
        tifffile.imwrite(path, array, compression="zlib" if compressed else None)
    elif ending in (".png", ".bmp"):
        array = VOLUME[0].astype(np.uint8)
        io.imsave(path, array, check_contrast=False)
    else:
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path), bool(compressed))
    return path, array


def read(path: Path) -> np.ndarray:
    if path.suffix == ".tif":
        return tifffile.imread(path)
    return io.imread(path) if path.suffix in (".png", ".bmp") else read_with_itk(path)


def read_if_complete(path: Path) -> np.ndarray | None:
    try:
        check_complete(path)
        return read(path)
    except Exception:  # any error will do, silence will not
        return None


KINDS = [
    ".nii.gz", ".nii", ".mha", ".mha compressed", ".nrrd", ".nrrd compressed", ".gipl", ".gipl.gz", ".tif",
    ".tif compressed", ".png", ".bmp",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_truncated_file_is_read_as_another_image(kind, tmp_path):
    path, array = written(tmp_path, kind)
    whole, cut = path.read_bytes(), tmp_path / f"cut{kind.split()[0]}"
    assert np.array_equal(read_if_complete(path), array)
    for size in [0, 1, *RNG.integers(2, len(whole), 30), len(whole) - 9, len(whole) - 1]:
        cut.write_bytes(whole[:size])
        found = read_if_complete(cut)
        assert found is None or np.array_equal(found, array), (size, len(whole))


@pytest.mark.parametrize("kind", [".nii.gz", ".mha compressed", ".nrrd compressed", ".gipl.gz", ".png"])
def test_flipped_bits_are_detected_by_checksums(kind, tmp_path):
    path, array = written(tmp_path, kind)
    whole, flipped = path.read_bytes(), tmp_path / f"flipped{kind.split()[0]}"
    for place in RNG.integers(len(whole) // 3, len(whole), 40):  # in the data; headers have no checksum
        flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        found = read_if_complete(flipped)
        assert found is None or np.array_equal(found, array), (place, len(whole))


def test_files_that_nnunet_reads_are_accepted(tmp_path):
    plain = written(tmp_path, ".nii")[0].read_bytes()
    half = len(plain) // 2
    for name, content in {
        "not_compressed": plain,
        "zeros_behind": gzip.compress(plain) + bytes(64),
        "bytes_behind": gzip.compress(plain) + b"something else",
        "two_members": gzip.compress(plain[:half]) + gzip.compress(plain[half:]),
        "behind_the_voxels": gzip.compress(plain + bytes(10)),
    }.items():
        path = tmp_path / f"{name}.nii.gz"
        path.write_bytes(content)
        check_complete(path)
        assert np.array_equal(read_with_itk(path), VOLUME), name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (gzip.compress(bytes(1000))[:-9], "the file is cut off"),
        (gzip.compress(bytes(1000))[:-5] + b"12345", "the file is damaged: .*check"),
    ],
    ids=["empty", "cut", "checksum"],  # gzip's bytes carry the time: workers would collect different tests
)
def test_error_messages(content, message, tmp_path):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(content)
    with pytest.raises(OSError, match=message):
        check_complete(path)


def test_the_error_for_a_volume_truncated_before_compression_gives_both_sizes(tmp_path):
    plain = written(tmp_path, ".nii")[0].read_bytes()
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(plain[:-100]))
    with pytest.raises(OSError, match=f"cut off: {len(plain) - 100} bytes of {len(plain)}"):
        check_complete(path)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.nii.gz", ".nii.gz"),
        ("a.NII.GZ", ".NII.GZ"),
        ("a.nii", ".nii"),
        ("a.b.png", ".png"),
        ("a.gz", ""),
        ("nii", ""),
    ],
)
def test_image_ending(name, ending):
    assert image_ending(name) == ending


@pytest.mark.parametrize("kind", [".nii.gz", ".nii", ".gipl.gz", ".gipl"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1])
def test_the_ends_of_a_file_tell_whether_it_was_copied_to_its_end(kind, share, tmp_path):
    path, _ = written(tmp_path, kind)
    check_ends(path)
    whole = path.read_bytes()
    kept = whole[: min(int(share * len(whole)), len(whole) - 1)]
    path.write_bytes(kept)
    with pytest.raises(OSError, match="the file is"):
        check_ends(path)
    path.write_bytes(kept + bytes(len(whole) - len(kept)))  # a copy whose size is set before
    if kind.endswith(".gz") and path.read_bytes() != whole:
        with pytest.raises(OSError, match="the file is"):
            check_ends(path)


def test_the_middle_of_a_compressed_nifti_file_is_not_read(tmp_path, monkeypatch):
    path, _ = written(tmp_path, ".nii.gz")
    monkeypatch.setattr("nnunet_slice_attention.image_files.check_complete", lambda path: pytest.fail("read"))
    check_ends(path)
