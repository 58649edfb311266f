"""A tiny data set, planned and preprocessed by nnU-Net, and trainers with a few iterations."""

import json
import multiprocessing
import os
import shutil
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["nnUNet_n_proc_DA"] = "1"
os.environ["nnUNet_def_n_proc"] = "1"
os.environ["nnUNet_compile"] = "f"

import pytest

from tests.tiny_data import TinyDataset, narrow, write_raw
from tests.wheels import build_wheel

TESTS = Path(__file__).parent
TINY_TRAINERS = TESTS / "tiny_trainers"
LONG = [  # half a minute and more
    "docs", "crossval", "trainers", "inference", "bundle", "comparison", "cost", "experiments", "networks", "jobs",
    "report", "shim", "examples", "test_every_command.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with long tests, so that none runs alone at the end; `make test` keeps this order."""
    folders = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: folders.get(item.path.relative_to(TESTS).parts[0], len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """On a CPU nnU-Net uses one thread per core; parallel test processes that do so slow each other down."""
    import torch  # not above: the process that only hands out tests reads this file too

    torch.set_num_threads(1)
    torch.set_num_threads = lambda number: None


@pytest.fixture(scope="session")
def nnunet_folders(tmp_path_factory) -> Path:
    """nnU-Net's three folders, and nnUNet_extTrainer with this package's trainers and the tiny ones."""
    from nnunet_slice_attention import shim

    root = tmp_path_factory.mktemp("nnunet")
    for kind in ("raw", "preprocessed", "results"):
        (root / kind).mkdir()
        os.environ[f"nnUNet_{kind}"] = str(root / kind)
    os.environ["nnUNet_extTrainer"] = os.pathsep.join([shim.__path__[0], str(TINY_TRAINERS)])
    _import_once()
    _draw_few_intensities()
    return root


def _import_once() -> None:
    """Fork the workers of nnU-Net's pools from a clean process that has already imported nnU-Net.

    Otherwise each of the hundred or so workers that nnU-Net spawns takes six seconds to import it.
    """
    get_context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: get_context(
        "forkserver" if method == "spawn" else method
    )
    multiprocessing.set_forkserver_preload(
        ["nnunetv2.training.nnUNetTrainer.nnUNetTrainer", "nnunet_slice_attention.inference.predict"]
    )


def _draw_few_intensities() -> None:
    """nnU-Net draws 10^8 foreground voxels per channel, with replacement: ten seconds for the smallest images."""
    from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import (
        DatasetFingerprintExtractor as Extractor,
    )

    create = Extractor.__init__

    def create_with_few(self, *arguments, **named) -> None:
        create(self, *arguments, **named)
        self.num_foreground_voxels_for_intensitystats = 1e5

    Extractor.__init__ = create_with_few


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Path:
    """A copy to build from, because setuptools leaves `build` and `egg-info` folders beside setup.py."""
    repository, folder = TESTS.parent, tmp_path_factory.mktemp("sources")
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md"):
        shutil.copy(repository / name, folder)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "nnunet_slice_attention", folder / "nnunet_slice_attention", ignore=ignore)
    for name in ("tests", "experiments", "benchmark_results"):  # which no wheel may hold
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    return folder


@pytest.fixture(scope="session")
def wheel(sources, tmp_path_factory) -> Path:
    return build_wheel(sources, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def wheel_metadata(wheel) -> PathDistribution:
    """The metadata of the sources; those of an editable install are as old as the install."""
    (info,) = (path for path in zipfile.Path(wheel).iterdir() if path.name.endswith(".dist-info"))
    return PathDistribution(info)


@pytest.fixture(scope="session")
def run_nnunet(nnunet_folders):
    """Call one of nnU-Net's console entry points in this process, e.g. run_nnunet("nnUNetv2_train", "1", "2d")."""
    from importlib.metadata import entry_points

    scripts = {e.name: e for e in entry_points(group="console_scripts")}

    def run(command: str, *arguments: object) -> None:
        before, sys.argv = sys.argv, [command, *map(str, arguments)]
        try:
            scripts[command].load()()
        finally:
            sys.argv = before

    return run


@pytest.fixture(scope="session")
def train(run_nnunet):
    """Train on a CPU, with --npz, unless already trained: train(dataset, trainer, *folds)."""
    done = set()

    def once(dataset: TinyDataset, trainer: str, *folds: int) -> None:
        for fold in folds or (0,):
            if (dataset.id, trainer, fold) not in done:
                run_nnunet(
                    "nnUNetv2_train", dataset.id, "2d", fold, "-tr", trainer, "-device", "cpu", "--npz"
                )
                done.add((dataset.id, trainer, fold))

    return once


def _planned(run_nnunet, root: Path, dataset: TinyDataset) -> TinyDataset:
    write_raw(root / "raw", dataset)
    run_nnunet(
        "nnUNetv2_plan_and_preprocess", "-d", dataset.id, "-c", "2d", "3d_fullres", "-np", 1, "-npfp", 1
    )
    plans = root / "preprocessed" / dataset.folder / "nnUNetPlans.json"
    plans.write_text(json.dumps(narrow(json.loads(plans.read_text()))))
    return dataset


@pytest.fixture(scope="session")
def tiny(run_nnunet, nnunet_folders) -> TinyDataset:
    """One channel, two classes; volumes of 1, 2, 5, 6, 7 and 7 slices."""
    return _planned(run_nnunet, nnunet_folders, TinyDataset(701, "Tiny"))


@pytest.fixture(scope="session")
def tiny_regions(run_nnunet, nnunet_folders) -> TinyDataset:
    """Two channels, overlapping regions and an ignore label."""
    return _planned(run_nnunet, nnunet_folders, TinyDataset(702, "TinyRegions", channels=2, regions=True))
