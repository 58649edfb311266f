"""What would fail in every job fails here, before the first: unknown names, data that is not preprocessed, bad images.

`python -m nnunet_slice_attention.crossval.preflight OPTIONS` (JSON, see `main`) builds each trainer once, in a process
with another `nnUNet_results`: nnU-Net makes a folder there for every trainer it builds.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..dataset_files import read_description, read_plans, read_splits
from ..image_files import is_renamed
from ..model_name import ModelName

MARK = "PREFLIGHT: "
SHOWN = 10  # images with a problem
THREADS = 4  # that read images


def check(
    dataset: str,
    models: Sequence[ModelName],
    folds: Sequence[str],
    images: Path | None = None,
    write_split: bool = True,
) -> list[dict]:
    """The data's split, if all jobs can be built and all images predicted; else raise ValueError with what is wrong.

    The split is nnU-Net's own; were it left to the jobs, those that begin together would write it together.

    Args:
        dataset, models, folds: as in a `Plan`.
        images: to be predicted, all of them are read; None looks at none.
        write_split: False leaves a data set that has no split yet without one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        splits = Path(scratch, "splits_final.json")
        options = {
            "dataset": dataset,
            "models": list(map(str, models)),
            "folds": list(folds),
            "splits": str(splits),
        }
        options |= {"images": images and str(images), "write_split": write_split}
        command = [sys.executable, "-m", __spec__.name, json.dumps(options)]
        env = os.environ | {"nnUNet_results": scratch}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
            raise ValueError(said[-1] if said else f"the trainers cannot be built:\n{done.stderr[-2000:]}")
        return read_splits(splits)


def main(
    dataset: str,
    models: Sequence[str],
    folds: Sequence[str],
    splits: str,
    images: str | None = None,
    write_split: bool = True,
) -> None:
    """Write the data's split to the file `splits`; raise if something is wrong."""
    import torch
    from nnunetv2.paths import nnUNet_preprocessed
    from nnunetv2.run.run_training import get_trainer_from_args
    from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

    planned, copy = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(dataset)), Path(splits)
    if (planned / copy.name).is_file():
        read_splits(planned / copy.name)
        shutil.copyfile(planned / copy.name, copy)
    if (planned / "dataset.json").is_file():
        read_description(planned / "dataset.json")
    trainers = []
    for model in map(ModelName.parse, models):
        if (planned / f"{model.plans}.json").is_file():
            read_plans(planned / f"{model.plans}.json")
        names = (dataset, model.configuration, 0, model.trainer, model.plans)
        trainer = get_trainer_from_args(*names, device=torch.device("cpu"))
        data = Path(trainer.preprocessed_dataset_folder)
        for needed in (data, planned / "gt_segmentations"):
            if not needed.is_dir():
                raise FileNotFoundError(
                    f"{needed} does not exist: {model} is planned, but not preprocessed. Run: nnUNetv2_preprocess "
                    f"-d {dataset} -plans_name {model.plans} -c {model.configuration}"
                )
        trainer.preprocessed_dataset_folder_base = str(
            copy.parent
        )  # where it looks for a split, or writes one
        trainer.do_split()
        trainers.append(trainer)
    found = read_splits(copy)
    ending = trainers[0].dataset_json["file_ending"]
    if renamed := sorted({case for fold in found for case in fold["val"] if is_renamed(case, ending)}):
        raise ValueError(
            f"ITK would write the segmentation of {renamed[0]} under another name. Rename the case and plan again."
        )
    numbers = [str(fold) for fold in range(len(found))]
    if beyond := [fold for fold in folds if fold not in (*numbers, "all")]:
        raise ValueError(
            f"fold {', '.join(beyond)} does not exist: {planned / copy.name} has folds 0 to {numbers[-1]}."
        )
    if images:
        check_images(Path(images), trainers, copy.parent)
    if write_split and not (planned / copy.name).is_file():
        partial = planned / f"{copy.name}.partial"
        shutil.copyfile(copy, partial)
        partial.replace(planned / copy.name)


def check_images(folder: Path, trainers: Sequence, scratch: Path) -> None:
    """Raise ValueError with the images that a model of these trainers could not predict, see `find_problems`."""
    from ..inference.cases import find_cases
    from ..inference.image_checks import Expected, find_problems

    found: dict[str, None] = {}
    kinds = {}
    for trainer in trainers:
        expected = Expected.from_plans(trainer.plans_manager, trainer.dataset_json)
        kinds[expected.n_channels, expected.spacing, type(expected.reader_writer)] = expected
    # What lies in the real output folders is looked at where these are known.
    cases = find_cases([folder], scratch / "predictions", trainers[0].dataset_json["file_ending"])
    for expected in kinds.values():
        for case, problem in find_problems(cases, expected, THREADS).items():
            found[f"{case.images[0].name}: {problem}"] = None
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ValueError(
            f"-i {folder}: {'; '.join(list(found)[:SHOWN])}{more}. Fix them, or take them out of the folder."
        )


if __name__ == "__main__":
    try:
        main(**json.loads(sys.argv[1]))
    except Exception as error:
        print(MARK + " ".join(str(error).split()), flush=True)
        raise SystemExit(1) from error
