"""Small images with random values, and what the checks say of a case of them."""

from pathlib import Path

import numpy as np
import SimpleITK
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_slice_attention.inference.cases import Case
from nnunet_slice_attention.inference.image_checks import Expected, find_problems

SPACING = (1.0, 1.0, 6.0)  # x, y, z


def write(path: Path, shape=(5, 20, 18), **geometry) -> Path:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    image = SimpleITK.GetImageFromArray(values, isVector=False)
    for name, value in ({"spacing": SPACING} | geometry).items():
        getattr(image, f"Set{name.capitalize()}")(value)
    SimpleITK.WriteImage(image, str(path))
    return path


def problem(*images: Path, channels=1, trained_on=(6.0, 1.0, 1.0), reader=SimpleITKIO, clipped=()) -> str:
    case = Case(images, images[0].with_name("x.nii.gz"), ".nii.gz")
    expected = Expected(channels, trained_on, reader(), frozenset(clipped))
    return find_problems([case], expected).get(case, "")
