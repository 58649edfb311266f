"""Trained on every third slice, tested on every second, third, fourth and sixth. Resumable.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    python make_data.py --source FOLDER/Dataset004_Hippocampus
    nnUNetv2_plan_and_preprocess -d 504 -c 2d 3d_fullres
    nnunet-slice-attention plan-compact -d 504 --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans
    python run.py [MODEL...]
    python report.py

The trainings are those of ../thick_hippocampus on fold 0, all or the named, done here if they were not there; the test
volumes are of the fold's validation, which decides nothing in a training. All models predict with `nnUNetv2_predict`,
without mirroring.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from make_data import NAME, TESTED

from nnunet_slice_attention.model_name import ModelName

HERE = Path(__file__).parent
LISTS = [HERE.parent / "thick_hippocampus" / f"{name}.txt" for name in ("models", "fewer_blocks")]
RAW = Path(os.environ["nnUNet_raw"], NAME)
RESULTS = Path(os.environ["nnUNet_results"], "seed0")  # where ../run.py puts them
OUT = RESULTS / NAME


def main() -> None:
    names = sys.argv[1:] or [name for file in LISTS for name in file.read_text(encoding="utf-8").split()]
    models = [ModelName.parse(name) for name in names]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as trainers:
        trainers.write("\n".join(names))
        trainers.flush()
        train = [sys.executable, str(HERE.parent / "run.py"), "--dataset", NAME, "--precision", "single"]
        call([*train, "--trainers", trainers.name])
    check_split()
    os.environ["nnUNet_results"] = str(RESULTS)
    for model in models:
        remove_older(output(model), than=OUT / str(model) / "fold_0" / "checkpoint_final.pth")
        command = ["nnUNetv2_predict", "-d", NAME, "-c", model.configuration, "-f", "0", "-tr", model.trainer]
        command += ["-p", model.plans, "-device", "cpu", "--disable_tta"]
        command += ["-i", str(RAW / "imagesTs"), "-o", str(output(model))]
        call([*command, "--continue_prediction", "-npp", "1", "-nps", "1"])
    folders = [f"{model}={output(model)}" for model in models]
    compare = [
        "nnunet-slice-attention",
        "compare",
        "--predictions",
        *folders,
        "--truth",
        str(RAW / "labelsTs"),
    ]
    compare += ["--images", str(RAW / "imagesTs"), "--group", r"(hippocampus_\d+)_"]
    call([*compare, "-o", str(OUT / "comparison"), "--title", "Hippocampus: other slice spacings"])


def output(model: ModelName) -> Path:
    return OUT / "predicted" / str(model)


def call(command: list[str]) -> None:
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)


def remove_older(folder: Path, than: Path) -> None:
    """Predictions of an earlier training are not those of this one."""
    for path in folder.glob("*"):
        if path.stat().st_mtime < than.stat().st_mtime:
            path.unlink()


def check_split() -> None:
    """The tested volumes must be those that fold 0 was not trained on."""
    splits = Path(os.environ["nnUNet_preprocessed"], NAME, "splits_final.json")
    held_out = json.loads(splits.read_text())[0]["val"]
    expected = {f"{case}_every{k}.nii.gz" for case in held_out for k in TESTED}
    if expected != {path.name for path in (RAW / "labelsTs").iterdir()}:
        raise SystemExit(
            f"{splits} is not nnU-Net's own split: the test volumes were trained on. Delete it and train again."
        )


if __name__ == "__main__":
    main()
