"""Predicting a folder of images with a cross-validated model, its folds averaged, as a job."""

import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed

from ..dataset_files import find_reader, read_description
from ..files import file_signature, read_json_or_empty, same_place, write_text
from ..inference.cases import Case, is_finished, remove_results
from ..inference.find_cases import find_cases
from ..inference.prediction_record import has_these_images, recorded_cases
from ..model_name import FINAL
from .model_job import ModelJob


@dataclass(frozen=True, kw_only=True)
class PredictionJob(ModelJob):
    """Predicts a folder of images.

    Attributes:
        folds: whose probabilities are averaged.
        images: folder, with file names as nnU-Net expects them.
        output: folder for the segmentations of this model.
    """

    folds: Sequence[str]
    images: Path
    output: Path

    @property
    def name(self) -> str:
        return self.job_name("prediction")

    @property
    def folder(self) -> Path:
        return self.output

    def prepare(self) -> None:
        """Remove predictions of other weights or images; the command `predict` replaces partial ones."""
        if not self.is_current():
            self.check_output()
            for case in (*self._outdated_cases(), *self._cases_without_images()):
                remove_results(case)
            write_text(self._sources_file, json.dumps(self._sources()))

    def check_output(self) -> None:
        """Raise ValueError if the output has predictions of another folder of images, which would be removed."""
        earlier = read_json_or_empty(self._sources_file).get("images")
        if earlier and not same_place(earlier, self.images):
            raise ValueError(
                f"{self.output} has predictions of {earlier}, which those of {self.images} would replace. Choose "
                "another -o, or remove that folder."
            )

    @property
    def _sources_file(self) -> Path:
        return self.output / "made_from.json"

    def _sources(self) -> dict:
        """Identifies the checkpoints, and the images by case; changes when one of them is replaced."""
        return {
            "images": str(self.images.resolve()),
            "checkpoints": [_signature(self.fold_folder(fold) / FINAL) for fold in self.folds],
            "cases": {case.output.name: list(map(_signature, case.inputs)) for case in self.cases},
        }

    def _noted_sources(self) -> dict:
        """Of the call that made the predictions; {} before the first."""
        noted, now = read_json_or_empty(self._sources_file), self._sources()
        if "files" not in noted:
            return noted
        # Of an earlier version: checkpoints, images and files of spacings in one list.
        files = noted.pop("files")
        noted["checkpoints"] = files[: len(self.folds)]
        every = [*now["checkpoints"], *itertools.chain.from_iterable(now["cases"].values())]
        if sorted(map(str, files)) == sorted(map(str, every)):
            noted["cases"] = now["cases"]
        return noted

    def _outdated_cases(self) -> list[Case]:
        """Those whose predictions are of other weights or images, as far as they exist."""
        noted, now = self._noted_sources(), self._sources()
        if noted.get("checkpoints") != now["checkpoints"]:
            return list(self.cases)
        seen = noted.get("cases", {})
        changed = [
            case for case in self.cases if seen.get(case.output.name) != now["cases"][case.output.name]
        ]
        # Files that were only copied or touched have the content that the predictions record.
        return [case for case in changed if not has_these_images(self.output, case)]

    def _cases_without_images(self) -> list[Case]:
        """Cases of an earlier call whose images have been removed from the folder."""
        ending = self._description()["file_ending"]
        others = recorded_cases(self.output) - {case.output.name for case in self.cases}
        return [Case((), self.output / name, ending) for name in sorted(others)]

    def is_current(self) -> bool:
        """Whether the output was started with these weights and images, which were then checked."""
        return self._noted_sources() == self._sources()

    def command(self) -> list[str]:
        model = self.model
        command = [sys.executable, "-m", "nnunet_slice_attention", "predict", "-d", self.dataset]
        command += ["-tr", model.trainer, "-p", model.plans, "-c", model.configuration, "-f", *self.folds]
        command += ["-i", str(self.images), "-o", str(self.output), "-device", self.settings.device]
        if self.settings.device == "cpu":  # the network is what takes long
            command += ["-npp", "1", "-nps", "1"]
        return command + ["--continue_prediction"] + ["--save_probabilities"] * self.settings.npz

    def finished(self) -> bool:
        if not self.is_current():
            return False
        plans = Path(str(nnUNet_preprocessed), self.dataset_name, f"{self.model.plans}.json")
        reader = find_reader(self._description(), self.cases[0].images[0], plans)()
        return all(is_finished(case, reader, self.settings.npz) for case in self.cases)

    def steps(self) -> tuple[int, int | None]:
        return sum(case.output.is_file() for case in self.cases), len(self.cases)

    def _description(self) -> dict:
        return read_description(Path(str(nnUNet_preprocessed), self.dataset_name, "dataset.json"))

    @cached_property
    def cases(self) -> list[Case]:
        """Raise FileNotFoundError if the folder contains none."""
        return find_cases([self.images], self.output, self._description()["file_ending"])


def _signature(path: Path) -> list | None:
    """As JSON returns it; None if there is no such file."""
    return list(file_signature(path)) if path.is_file() else None
