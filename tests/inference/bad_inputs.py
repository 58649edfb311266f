"""Over 200 invalid or unusual images, generated from a good one with a fixed seed."""

import gzip
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK

ENDING = "_0000.nii.gz"
PIXDIM, SFORM_X = 76, 280  # offsets in a NIfTI-1 header
NOT_SPACING = [
    *range(PIXDIM),
    *range(108, 252),
    *range(328, 348),
]  # changed spacings only make images large and slow


def write_bad_inputs(good: Path, folder: Path, seed: int = 0) -> None:
    """One case per file, named after its fault."""
    image, whole = SimpleITK.ReadImage(str(good)), good.read_bytes()
    plain, rng = gzip.decompress(whole), np.random.default_rng(seed)
    for kinds in (_damaged_files, _other_files):
        for name, content in kinds(whole, plain, rng):
            (folder / f"{name}{ENDING}").write_bytes(content)
    for name, make in _odd_images(image, rng):
        SimpleITK.WriteImage(make(), str(folder / f"{name}{ENDING}"))
    (folder / f"a_folder{ENDING}").mkdir()
    (folder / f"a_dead_link{ENDING}").symlink_to(folder / "nowhere.nii.gz")
    (folder / "only_second_channel_0001.nii.gz").write_bytes(whole)
    for channel in range(3):
        (folder / f"three_channels_{channel:04d}.nii.gz").write_bytes(whole)
    (folder / "no_channel.nii.gz").write_bytes(whole)
    (folder / "x.nii.gz").write_bytes(whole)


def _damaged_files(whole: bytes, plain: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for i, size in enumerate(rng.integers(1, len(whole) - 1, 40)):
        yield f"cut_off_{i}", whole[:size]
    for i, place in enumerate(rng.integers(10, len(whole), 40)):
        yield f"flipped_bit_{i}", whole[:place] + bytes([whole[place] ^ (1 << (i % 8))]) + whole[place + 1 :]
    for i, size in enumerate(rng.integers(1, len(plain) - 1, 20)):
        yield f"cut_before_compression_{i}", gzip.compress(plain[:size])
    for i in range(60):
        header = bytearray(plain)
        for place in rng.choice(NOT_SPACING, 1 + i % 4):
            header[place] = rng.integers(256)
        yield f"damaged_header_{i}", gzip.compress(bytes(header))
    for name, value in (("zero", 0.0), ("negative", -3.0), ("nan", np.nan), ("inf", np.inf), ("huge", 1e30)):
        for axis in range(3):
            header = bytearray(plain)
            struct.pack_into("<f", header, PIXDIM + 4 * (1 + axis), value)
            struct.pack_into("<f", header, SFORM_X + 16 * axis + 4 * axis, value)
            yield f"{name}_spacing_{axis}", gzip.compress(bytes(header))


def _other_files(whole: bytes, plain: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "empty_gzip", gzip.compress(b"")
    yield "text", b"these are not voxels"
    yield "text_in_gzip", gzip.compress(b"these are not voxels")
    yield "not_compressed", plain
    yield "twice_compressed", gzip.compress(whole)
    yield "noise", rng.bytes(5000)
    yield "noise_in_gzip", gzip.compress(rng.bytes(5000))
    yield "png", b"\x89PNG\r\n\x1a\n" + rng.bytes(500)
    yield "html", b"<!doctype html><title>Sign in</title>"


def _odd_images(
    image: SimpleITK.Image, rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[], SimpleITK.Image]]]:
    array = SimpleITK.GetArrayFromImage(image).astype(np.float32)

    def make(values: np.ndarray, vector: bool = False) -> Callable[[], SimpleITK.Image]:
        return lambda: SimpleITK.GetImageFromArray(values, isVector=vector)

    for i, share in enumerate((1e-9, 0.01, 0.5, 1.0)):
        for bad in (np.nan, np.inf, -np.inf):
            values = array.copy()
            values.flat[rng.choice(values.size, max(1, int(share * values.size)), replace=False)] = bad
            yield f"{bad}_{i}", make(values)
    for kind in "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split():
        yield f"type_{kind}", make(array.astype(kind))
    yield "type_complex", make(array.astype(np.complex64))
    yield "rgb", make(np.stack([array] * 3, -1).astype(np.uint8), vector=True)
    yield "vector_of_two", make(np.stack([array] * 2, -1), vector=True)
    yield "two_dimensions", make(array[0])
    yield "four_dimensions", make(np.stack([array] * 3))
    yield "one_voxel", make(array[:1, :1, :1])
    yield "one_row", make(array[:1, :1])
    yield "one_column_of_slices", make(array[:, :1, :1])
    yield "constant", make(np.zeros_like(array))
    yield "huge_values", make(array * 1e37)
    for i in range(10):  # any orientation is fine
        flips = np.diag(rng.choice((-1.0, 1.0), 3))
        direction = np.eye(3)[rng.permutation(3)] @ flips
        turned = SimpleITK.Image(image)
        turned.SetDirection(direction.ravel())
        yield f"orientation_{i}", (lambda turned=turned: turned)
    yield "name with spaces (and, signs)", (lambda: image)
    yield "naïve_名前", (lambda: image)
