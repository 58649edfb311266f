"""What would fail in every job fails here, before the first: unknown names, data that is not preprocessed.

`python -m nnunet_slice_attention.crossval.preflight DATASET FOLD,FOLD TRAINER__PLANS__CONFIGURATION...` builds each
trainer once, in a process with another `nnUNet_results`: nnU-Net makes a folder there for every trainer it builds.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..model_name import ModelName

MARK = "PREFLIGHT: "


def check(dataset: str, models: Sequence[ModelName], folds: Sequence[str]) -> None:
    """Raise ValueError with what is wrong; else all jobs can be built, and the data's split is written.

    The split is nnU-Net's own; were it left to the jobs, those that begin together would write it together.
    """
    command = [sys.executable, "-m", __spec__.name, dataset, ",".join(folds), *map(str, models)]
    with tempfile.TemporaryDirectory() as scratch:
        env = os.environ | {"nnUNet_results": scratch}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
        raise ValueError(said[-1] if said else f"the trainers cannot be built:\n{done.stderr[-2000:]}")


def main(dataset: str, folds: Sequence[str], models: Sequence[ModelName]) -> None:
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    for model in models:
        names = (dataset, model.configuration, 0, model.trainer, model.plans)
        trainer = get_trainer_from_args(*names, device=torch.device("cpu"))
        data = Path(trainer.preprocessed_dataset_folder)
        if not data.is_dir():
            raise FileNotFoundError(
                f"{data} does not exist: {model} is planned, but not preprocessed. Run: nnUNetv2_preprocess "
                f"-d {dataset} -plans_name {model.plans} -c {model.configuration}"
            )
        trainer.do_split()
    splits = Path(trainer.preprocessed_dataset_folder_base, "splits_final.json")
    n = len(json.loads(splits.read_text()))
    if beyond := [fold for fold in folds if fold != "all" and not (fold.isdigit() and int(fold) < n)]:
        raise ValueError(f"fold {', '.join(beyond)} does not exist: {splits} has folds 0 to {n - 1}.")


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2].split(","), [ModelName.parse(text) for text in sys.argv[3:]])
    except Exception as error:
        print(MARK + " ".join(str(error).split()), flush=True)
        raise SystemExit(1) from error
