"""The container's program under the container's conditions: another user, no network, read-only folders."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nnunet_slice_attention.cli import main
from tests.tiny_data import read

PROGRAM = Path(__file__).parents[2] / "examples" / "challenge" / "process.py"
TRAINER = "Tiny_nnUNetTrainerCSANet"
NOBODY = 65534
AS_CONTAINER = [
    "unshare", "--net", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
]  # fmt: skip


@pytest.fixture(scope="module")
def bundle(train, nnunet_folders, tiny, tmp_path_factory):
    train(tiny, TRAINER)
    path = tmp_path_factory.mktemp("bundle") / "model.zip"
    argv = ["export", "--format", "bundle", "-d", str(tiny.id), "-tr", TRAINER, "-f", "0", "-o", str(path)]
    assert main(argv) == 0
    return path


@pytest.fixture
def box(bundle, nnunet_folders, tiny):
    """A challenge's folders, accessible to every user."""
    root = Path(tempfile.mkdtemp(prefix="challenge_"))
    root.chmod(0o755)
    shutil.copy(bundle, root / "model.zip")
    inputs = root / "input" / "images" / "mri"
    inputs.mkdir(parents=True)
    for i, path in enumerate(sorted((nnunet_folders / "raw" / tiny.folder / "imagesTs").iterdir())):
        image = SimpleITK.ReadImage(str(path))
        image.SetOrigin((1.23456789, -7.0, 11.5))
        name = path.name.replace("_0000.nii.gz", ".mha" if i % 2 else ".nii.gz")
        SimpleITK.WriteImage(image, str(inputs / name))
    for folder in ("output", "scratch"):
        (root / folder).mkdir()
        os.chown(root / folder, NOBODY if os.geteuid() == 0 else -1, -1)
    yield root
    shutil.rmtree(root)


def command_line(box: Path, *flags: str) -> list[str]:
    command = [str(PROGRAM), "--bundle", str(box / "model.zip")]
    command += ["--input", str(box / "input"), "--output", str(box / "output"), "--device", "cpu"]
    return [*command, "--images", "mri", "--segmentation", "heart", *flags]


def process_here(box: Path, monkeypatch, program: dict, *flags: str) -> int:
    """The program, as `runpy` loads it, in this process."""
    monkeypatch.setattr(sys, "argv", command_line(box, *flags))
    return program["main"]()


def process(box: Path, *, prefix=()) -> subprocess.CompletedProcess:
    command = [*prefix, sys.executable, *command_line(box)]
    variables = {"HOME", "TMPDIR", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR"}
    env = {k: v for k, v in os.environ.items() if not k.startswith("nnUNet_") or k == "nnUNet_extTrainer"}
    env |= dict.fromkeys(variables, str(box / "scratch")) | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=env, cwd=box, capture_output=True, text=True, check=False)


def why_not() -> str:
    """Why the container's conditions cannot be reproduced here; "" if they can."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))):
        return "needs root, unshare and setpriv to disable the network and change the user"
    everything = [
        *AS_CONTAINER,
        sys.executable,
        "-c",
        f"import nnunet_slice_attention; open({str(PROGRAM)!r})",
    ]
    done = subprocess.run(everything, capture_output=True, text=True, check=False, cwd="/")
    return (
        ""
        if done.returncode == 0
        else f"another user cannot run this: {done.stderr.strip().splitlines()[-1]}"
    )


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_another_user_without_network_gets_the_results_of_predict(
    box, bundle, nnunet_folders, tiny, tmp_path
):
    no_network = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    offline = subprocess.run(
        [*AS_CONTAINER, sys.executable, "-c", no_network], capture_output=True, text=True, check=False
    )
    assert "unreachable" in offline.stderr
    done = process(box, prefix=AS_CONTAINER)
    assert done.returncode == 0, done.stdout + done.stderr
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    argv = ["predict", "--bundle", str(bundle), "-i", str(images), "-o", str(tmp_path), "-device", "cpu"]
    assert main([*argv, "-npp", "0", "-nps", "0"]) == 0
    results = {result["case"]: result for result in json.loads((box / "output" / "results.json").read_text())}
    given = sorted((box / "input" / "images" / "mri").iterdir())
    assert set(results) == {path.name for path in given}
    for path in given:
        made = box / "output" / "images" / "heart" / path.name
        expected = tmp_path / f"{path.name.removesuffix('.mha').removesuffix('.nii.gz')}.nii.gz"
        assert results[path.name]["error"] is None
        assert read(made).shape == read(expected).shape
        # With another number of threads sums round differently, so classes of equal probability may swap.
        assert np.mean(read(made) != read(expected)) < 0.001
        image, segmentation = SimpleITK.ReadImage(str(path)), SimpleITK.ReadImage(str(made))
        assert segmentation.GetOrigin() == image.GetOrigin()
        assert segmentation.GetSpacing() == image.GetSpacing()
        assert segmentation.GetDirection() == image.GetDirection()


def test_a_bad_case_is_named_and_the_others_are_segmented(box):
    bad = box / "input" / "images" / "mri" / "a_broken.mha"
    bad.write_bytes(b"not an image")
    whole = SimpleITK.ReadImage(str(next(bad.parent.glob("*.nii.gz"))))
    values = SimpleITK.GetArrayFromImage(whole).astype("f4")
    values[0, 0, 0] = float("nan")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(bad.with_name("a_nan.mha")))
    content = next(bad.parent.glob("*.nii.gz")).read_bytes()
    bad.with_name("a_cut.nii.gz").write_bytes(content[: len(content) // 2])  # which ITK fills up
    SimpleITK.WriteImage(whole, str(bad.with_name("a_flipped.mha")), useCompression=True)
    content = bytearray(bad.with_name("a_flipped.mha").read_bytes())
    content[-500] ^= 1
    bad.with_name("a_flipped.mha").write_bytes(content)
    done = process(box)
    assert done.returncode == 1
    results = json.loads((box / "output" / "results.json").read_text())
    errors = {result["case"]: result["error"] for result in results}
    assert errors.pop("a_broken.mha")
    assert "a_nan.mha has voxels that are NaN or infinite" in errors.pop("a_nan.mha")
    assert "a_cut.nii.gz cannot be read: the file is cut off" in errors.pop("a_cut.nii.gz")
    assert "a_flipped.mha cannot be read: the file is damaged" in errors.pop("a_flipped.mha")
    assert len(errors) >= 2
    assert not any(errors.values())
    made = {path.name for path in (box / "output" / "images" / "heart").iterdir()}
    assert made == set(errors)


def test_channels_are_matched_by_name_unless_each_folder_has_one_file(tmp_path):
    find_cases = runpy.run_path(str(PROGRAM))["find_cases"]
    t2, adc = tmp_path / "t2", tmp_path / "adc"
    for path in (t2 / "3f2a.mha", adc / "99b1.mha"):
        path.parent.mkdir()
        path.touch()
    assert find_cases([t2, adc]) == [[t2 / "3f2a.mha", adc / "99b1.mha"]]
    for name in ("a.mha", "b.mha"):
        (t2 / name).touch()
    (adc / "a.mha").touch()
    for path in (t2 / "3f2a.mha", adc / "99b1.mha"):
        path.unlink()
    assert find_cases([t2, adc]) == [[t2 / "a.mha", adc / "a.mha"], [t2 / "b.mha", adc / "b.mha"]]


def test_no_image_is_an_error(box, monkeypatch):
    shutil.rmtree(box / "input")
    assert process_here(box, monkeypatch, runpy.run_path(str(PROGRAM))) == 1
    assert "no image" in (box / "output" / "results.json").read_text()


def test_a_case_that_exceeds_the_time_limit_is_stopped_and_the_next_starts(box, monkeypatch):
    program = runpy.run_path(str(PROGRAM))
    started_cases = []

    def slow(predictor, channels, output):
        started_cases.append(channels[0].name)
        time.sleep(20 if len(started_cases) == 1 else 0)

    monkeypatch.setitem(program["main"].__globals__, "segment", slow)
    started = time.monotonic()
    assert process_here(box, monkeypatch, program, "--seconds", "1") == 1
    assert time.monotonic() - started < 15
    results = json.loads((box / "output" / "results.json").read_text())
    assert [result["error"] for result in results] == ["the time limit per case was exceeded"] + [None] * (
        len(started_cases) - 1
    )
    assert len(started_cases) >= 2
