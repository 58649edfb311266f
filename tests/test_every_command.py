"""Every verb over damaged files: one sentence that names the file, exit status 1, and no traceback unless asked."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnunet_slice_attention.cli import build_parser, main

TRAINER = "Tiny_nnUNetTrainerTSFMUNet_ShortSlabs"
MODEL = f"{TRAINER}__nnUNetPlans__2d"
CUT = '{"labels": {"background'


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    train(tiny, TRAINER)
    return nnunet_folders


@pytest.fixture
def copied(trained, tiny, tmp_path, monkeypatch):
    """nnU-Net's folders, copied, to be damaged: `raw`, `preprocessed`, `model`, and `out` for what is written."""
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
READS = {  # what of a model and its data each of them reads
    "results/plans.json": ("predict", "export", "export ", "find-best"),
    "results/dataset.json": ("predict", "export", "export ", "find-best"),
    "results/fold_0/checkpoint_final.pth": ("predict", "export", "export "),
    "preprocessed/nnUNetPlans.json": ("crossval", "cost", "doctor", "plan-compact", "import-weights"),
    "preprocessed/dataset.json": ("compare", "crossval", "cost", "import-weights"),
    "preprocessed/splits_final.json": ("compare", "crossval"),
    "raw/imagesTs": ("predict", "crossval"),
    "preprocessed/gt_segmentations": ("compare",),
    "results/fold_0/validation": ("compare",),
}


def test_no_verb_is_left_out():
    (verbs,) = (action.choices for action in build_parser()._subparsers._group_actions)
    assert {*verbs} - {"phantom", "trainers-path"} == {verb.strip() for verb in COMMANDS}


@pytest.mark.parametrize(("file", "verb"), [(file, verb) for file, verbs in READS.items() for verb in verbs])
def test_a_damaged_file_is_named(file, verb, copied, capsys):
    kind, _, inside = file.partition("/")
    path = (copied.model if kind == "results" else getattr(copied, kind)) / inside
    if path.is_dir():
        validated = {p.name for p in (copied.model / "fold_0" / "validation").iterdir()}
        path = min(p for p in path.glob("*.nii.gz") if p.name in validated or file == "raw/imagesTs")
    content = path.read_bytes()
    path.unlink()  # of a hard link, so that the others keep what it held
    path.write_bytes(CUT.encode() if path.suffix == ".json" else content[: len(content) // 2])
    flags = COMMANDS[verb].format(id=copied.id, tr=TRAINER, model=MODEL, raw=copied.raw, out=copied.out)
    assert main([verb.strip(), *flags.split()]) == 1
    said = "".join(capsys.readouterr())
    assert path.name in said and "Traceback" not in said and "This was not foreseen" not in said, said[-2000:]
    if verb == "predict" and kind == "raw":
        good = {p.name.replace("_0000", "") for p in path.parent.iterdir()} - {path.name.replace("_0000", "")}
        assert {p.name for p in Path(copied.out).glob("*.nii.gz")} == good
