"""Whatever is in the folder: no crash, no hang, good cases are predicted, all others named."""

import shutil
import time
from pathlib import Path

import numpy as np

from nnunet_slice_attention.cli import main
from tests.inference.bad_inputs import ENDING, write_bad_inputs
from tests.tiny_data import read


def predict(model: Path, images: Path, out: Path) -> int:
    argv = ["predict", "-m", str(model), "-f", "0", "-i", str(images), "-o", str(out), "-device", "cpu"]
    return main([*argv, "-npp", "1", "-nps", "1", "--disable_progress_bar", "--disable_tta"])


def test_over_two_hundred_bad_inputs_among_good_ones(model, nnunet_folders, tiny, tmp_path, capsys):
    good = sorted((nnunet_folders / "raw" / tiny.folder / "imagesTs").glob("*.nii.gz"))
    alone, images = tmp_path / "alone", tmp_path / "images"
    for folder in (alone, images):
        folder.mkdir()
        for path in good:
            shutil.copy(path, folder / f"good_{path.name}")
    write_bad_inputs(good[-1], images)
    assert predict(model, alone, tmp_path / "alone_out") == 0
    capsys.readouterr()
    started = time.monotonic()

    assert predict(model, images, tmp_path / "out") == 1

    assert time.monotonic() - started < 300
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    for path in (tmp_path / "alone_out").glob("*.nii.gz"):
        assert np.array_equal(read(path), read(tmp_path / "out" / path.name))
    given = {path.name.removesuffix(".nii.gz")[:-5] for path in images.glob(f"*{ENDING}")}
    bad = {name for name in given if not name.startswith("good_")}
    assert len(bad) > 200
    named = {name for name in bad if any(f"/{name}{ENDING}" in line for line in failed)}
    predicted = {path.name.removesuffix(".nii.gz") for path in (tmp_path / "out").glob("*.nii.gz")} & bad
    print(f"{len(bad)} bad inputs: {len(named)} named, {len(predicted)} predicted")
    assert named | predicted == bad
    assert not named & predicted
    for name in predicted:
        assert read(tmp_path / "out" / f"{name}.nii.gz").ndim in (2, 3)
    for fine in ("type_uint8", "type_float64", "orientation_3", "one_voxel", "constant", "naïve_名前"):
        assert fine in predicted
    for wrong in (
        "cut_off_3",
        "flipped_bit_3",
        "empty",
        "text",
        "rgb",
        "a_folder",
        "a_dead_link",
    ):
        assert wrong in named
    assert not any(name.startswith(("huge_spacing", "cut_off_", "flipped_bit_")) for name in predicted)
