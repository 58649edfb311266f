"""Runs `trainer_checks.py` in a process of its own, whose `nnUNet_results` is a scratch folder."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..dataset_files import Split, read_splits
from .from_2d_start import StartFrom2D

MARK = "CHECK FAILED: "  # before an error, in the process's output


@dataclass(frozen=True)
class CheckRequest:
    """What the process is to check.

    Attributes:
        dataset, models, folds: as in a `CrossValidation`.
        images: folder to be predicted, of which every image is read; None skips them.
        write_split: False does not write a missing split.
        begun: by model the checkpoints of its folds that have begun.
        starting: models of which a fold will start.
        pretrained_weights: which they start from.
        from_2d: trainings that will start from a 2D model.
        num_gpus: GPUs per training.
    """

    dataset: str
    models: Sequence[str]
    folds: Sequence[str]
    images: Path | None = None
    write_split: bool = True
    begun: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    starting: Sequence[str] = ()
    pretrained_weights: Path | None = None
    from_2d: Sequence[StartFrom2D] = ()
    num_gpus: int = 1

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "CheckRequest":
        values = json.loads(text)
        for name in ("images", "pretrained_weights"):
            values[name] = values[name] and Path(values[name])
        begun = {model: [Path(file) for file in files] for model, files in values["begun"].items()}
        return cls(
            **values | {"begun": begun, "from_2d": [StartFrom2D(**start) for start in values["from_2d"]]}
        )


def check_trainers_in_process(request: CheckRequest) -> list[Split]:
    """The data set's split, if all trainers can be built and all images predicted; empty for fold all of few cases.

    Without a split, nnU-Net's own is written now: jobs that start at the same time would all write it.

    Raises:
        ValueError: with the first error, or all images that cannot be predicted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        splits = Path(scratch, "splits_final.json")
        command = [sys.executable, "-m", f"{__package__}.trainer_checks", request.to_json(), str(splits)]
        env = os.environ | {"nnUNet_results": scratch}  # nnU-Net creates a folder there for every trainer
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
            reason = f"\n{done.stderr[-2000:]}"
            if done.returncode < 0:
                reason = f" signal {-done.returncode} ended the process that builds them; out of memory?"
            raise ValueError(errors[-1] if errors else f"the trainers cannot be built:{reason}")
        return read_splits(splits) if splits.is_file() else []
