"""What the cardiac tutorial says of the conversion of ACDC, and of the container's input, on a small imitation."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nnunetv2.dataset_conversion.Dataset027_ACDC import make_out_dirs

from examples.challenge.process import find_cases
from tests.docs.shell_blocks import ROOT, blocks_of, shell_blocks
from tests.tiny_data import write

PAGE = ROOT / "docs" / "getting-started" / "cardiac.md"
BLOCKS = shell_blocks([PAGE])


@pytest.fixture
def converted(tmp_path, monkeypatch):
    """The folder with the download and nnU-Net's folders, after the page's program."""
    volume = np.ones((2, 4, 4), np.uint8)
    for part, patients in (("training", range(1, 7)), ("testing", (101, 102))):
        for patient in patients:
            folder = tmp_path / "ACDC" / "database" / part / f"patient{patient:03d}"
            folder.mkdir(parents=True)
            (folder / "Info.cfg").write_text("ED: 1\nES: 12\n")
            for ending in ("4d", "frame01", "frame01_gt", "frame12", "frame12_gt"):
                write(volume, folder / f"{folder.name}_{ending}.nii.gz")
    for kind in ("raw", "preprocessed"):
        monkeypatch.setenv(f"nnUNet_{kind}", str(tmp_path / kind))
    monkeypatch.chdir(tmp_path)
    (code,) = (block.code for block in blocks_of(PAGE) if block.language == "python")
    # In another process: it sets a name of nnU-Net's module.
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    return tmp_path


def test_the_conversion_is_as_the_page_says(converted):
    raw = converted / "raw" / "Dataset027_ACDC"
    text = PAGE.read_text(encoding="utf-8")
    labels = json.loads((raw / "dataset.json").read_text())["labels"]
    assert all(f"`{name}`" in text for name in labels if name != "background")
    assert (raw / "imagesTr" / "patient001_frame01_0000.nii.gz").is_file()
    assert len(list((raw / "labelsTr").iterdir())) == len(list((raw / "imagesTr").iterdir())) == 12
    assert len(list((raw / "imagesTs").iterdir())) == 4 and not (raw / "labelsTs").exists()

    (group,) = set(re.findall(r"--group '(.+?)'", text))
    splits = json.loads((converted / "preprocessed" / raw.name / "splits_final.json").read_text())
    assert len(splits) == 5
    for split in splits:
        train, val = ({re.match(group, case)[1] for case in split[part]} for part in ("train", "val"))
        assert val and not train & val


def test_the_containers_program_finds_the_test_images(converted):
    (block,) = (block for block in BLOCKS if "--images" in block.code and "python" in block.code)
    copying, _, call = block.code.partition("python")
    subprocess.run(["bash", "-euc", copying], check=True, cwd=converted, env=os.environ)
    (channel,) = re.findall(r"--images (\S+)", call)
    found = find_cases([converted / "input" / "images" / channel])
    assert [[path.name for path in case] for case in found] == [
        [f"patient{patient}_frame01_0000.nii.gz"] for patient in (101, 102)
    ]


def test_the_dockerfile_has_the_names_and_the_time_limit_of_the_page():
    dockerfile = (ROOT / "examples" / "challenge" / "Dockerfile").read_text(encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    channel, output, seconds = re.findall(
        r'"--(?:images|segmentation|seconds)", *\\?\s*"([^"]+)"', dockerfile
    )
    assert f"`{channel}`" in text and f"`{output}`" in text and f"{seconds} seconds per case" in text
    (copied,) = re.findall(r"^cp (.+) submission$", text, re.MULTILINE)
    wanted = re.search(r"^COPY (\S+) (\S+) /opt/$", dockerfile, re.MULTILINE).groups()
    assert {Path(name).name for name in copied.split()} == {"Dockerfile", *wanted}


def test_nnunets_own_script_still_fails(monkeypatch, tmp_path):
    """If this fails, the page can name the script instead of its program."""
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    with pytest.raises(AttributeError, match="object has no attribute 'replace'"):
        make_out_dirs(27)
