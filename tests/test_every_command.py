"""Every command with damaged files: one message that names the file, exit status 1, and no traceback."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnunet_slice_attention.cli import build_parser, main
from tests.crossval.replaced_trainer_checks import check_trainers_here

TRAINER = "Tiny_nnUNetTrainerTSFMUNet_ShortSlabs"
MODEL = f"{TRAINER}__nnUNetPlans__2d"
CUT = '{"labels": {"background'


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    train(tiny, TRAINER)
    return nnunet_folders


@pytest.fixture
def copied(trained, tiny, tmp_path, monkeypatch):
    """A copy of nnU-Net's folders to damage: `raw`, `preprocessed`, `model`, and `out` for output."""
    check_trainers_here(monkeypatch)
    for kind in ("raw", "preprocessed", "results"):
        shutil.copytree(trained / kind / tiny.folder, tmp_path / kind / tiny.folder, copy_function=os.link)
        monkeypatch.setenv(f"nnUNet_{kind}", str(tmp_path / kind))
    found = {kind: tmp_path / kind / tiny.folder for kind in ("raw", "preprocessed", "results")}
    return SimpleNamespace(**found, model=found["results"] / MODEL, out=tmp_path / "out", id=str(tiny.id))


COMMANDS = {
    "predict": "-d {id} -tr {tr} -f 0 -i {raw}/imagesTs -o {out} -device cpu -npp 1 -nps 1 --disable_tta",
    "compare": "-d {id} -m {model} -f 0 -o {out} -np 1",
    "crossval": "-d {id} -m {model} -f 0 -o {out} -device cpu --dry-run -i {raw}/imagesTs",
    "find-best": "-d {id} -m {model} -f 0 -np 1",
    "export": "--format bundle -d {id} -tr {tr} -f 0 -o {out}/bundle.zip",
    "export ": "--format onnx -d {id} -tr {tr} -f 0 -o {out}/net.onnx",
    "cost": "-d {id} -m {model} -o {out} -device cpu --repeats 1 --iterations 1",
    "doctor": "-d {id} -tr nnUNetTrainerCSANet",
    "plan-compact": "-d {id}",
    "import-weights": "-d {id} -o {out}.pth -tr nnUNetTrainerCSANet_R50ViT",
}
READS = {  # which commands read a file
    "results/plans.json": ("predict", "export", "export ", "find-best"),
    "results/dataset.json": ("predict", "export", "export ", "find-best"),
    "results/fold_0/checkpoint_final.pth": ("predict", "export", "export "),
    "preprocessed/nnUNetPlans.json": ("crossval", "cost", "doctor", "plan-compact", "import-weights"),
    "preprocessed/dataset.json": ("compare", "crossval", "cost", "import-weights"),
    "preprocessed/splits_final.json": ("compare", "crossval", "doctor"),
    "raw/imagesTs": ("predict", "crossval"),
    "preprocessed/gt_segmentations": ("compare",),
    "results/fold_0/validation": ("compare",),
}


def test_all_commands_are_tested():
    (commands,) = (action.choices for action in build_parser()._subparsers._group_actions)
    assert {*commands} - {"phantom", "trainers-path"} == {command.strip() for command in COMMANDS}


@pytest.mark.parametrize(
    ("file", "command"), [(f, command) for f, commands in READS.items() for command in commands]
)
def test_a_damaged_file_is_named(file, command, copied, capsys):
    kind, _, inside = file.partition("/")
    path = (copied.model if kind == "results" else getattr(copied, kind)) / inside
    if path.is_dir():
        validated = {p.name for p in (copied.model / "fold_0" / "validation").iterdir()}
        path = min(p for p in path.glob("*.nii.gz") if p.name in validated or file == "raw/imagesTs")
    content = path.read_bytes()
    path.unlink()  # it is a hard link
    path.write_bytes(CUT.encode() if path.suffix == ".json" else content[: len(content) // 2])
    flags = COMMANDS[command].format(id=copied.id, tr=TRAINER, model=MODEL, raw=copied.raw, out=copied.out)
    assert main([command.strip(), *flags.split()]) == 1
    output = "".join(capsys.readouterr())
    assert path.name in output and "Traceback" not in output and "Unexpected error" not in output, output[
        -2000:
    ]
    if command == "predict" and kind == "raw":
        good = {p.name.replace("_0000", "") for p in path.parent.iterdir()} - {path.name.replace("_0000", "")}
        assert {p.name for p in Path(copied.out).glob("*.nii.gz")} == good
