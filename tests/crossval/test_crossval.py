"""The verb `crossval`, through nnU-Net's own training and on tiny data."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from nnunet_slice_attention import cli
from nnunet_slice_attention.crossval import preflight
from nnunet_slice_attention.crossval.crossval import crossvalidate, describe
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.plan import Plan
from nnunet_slice_attention.crossval.prediction import Prediction
from nnunet_slice_attention.crossval.training import Training
from nnunet_slice_attention.dataset_files import read_splits
from nnunet_slice_attention.jobs.slurm import _recorded
from nnunet_slice_attention.model_name import ModelName
from tests import tiny_models

OURS, STOCK = map(ModelName.parse, (tiny_models.OURS, tiny_models.STOCK))


@pytest.fixture(scope="module")
def crossval(nnunet_folders, tiny, tmp_path_factory):
    """The verb in a process and with a results folder of its own: exit status, output, and where things are."""
    root = tmp_path_factory.mktemp("crossval")
    env = os.environ | {"nnUNet_results": str(root / "results")}

    def run(*flags, models=(OURS, STOCK), folds=("0",)):
        command = [sys.executable, "-m", "nnunet_slice_attention", "crossval", "-d", str(tiny.id)]
        command += ["-m", *map(str, models), "-f", *folds, "-o", str(root / "out"), "-device", "cpu", *flags]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    run.out, run.models = root / "out", root / "results" / tiny.folder
    run.images = str(nnunet_folders / "raw" / tiny.folder / "imagesTs")
    return run


@pytest.fixture(scope="module")
def done(crossval):
    result = crossval("--npz", "-i", crossval.images, "--jobs", "2")
    assert result.returncode == 0, result.stderr
    return crossval


def trainings(crossval):
    """The logs of nnU-Net, one for each time that a training was begun."""
    return sorted(crossval.models.glob("*/fold_*/training_log_*.txt"))


def plan(dataset, tmp_path, **changes):
    known = {"models": [OURS], "folds": ["0"], "settings": Settings(device="cpu"), "output": tmp_path}
    return Plan(str(dataset.id), **(known | changes))


def known_split(monkeypatch):
    """Leave out the process that builds the trainers."""

    def check(dataset, *_):
        folder = Path(os.environ["nnUNet_preprocessed"], maybe_convert_to_dataset_name(dataset))
        return read_splits(folder / "splits_final.json")

    monkeypatch.setattr("nnunet_slice_attention.crossval.checks.check", check)


def test_one_fold_of_all_models_comes_before_the_next(tiny, tmp_path):
    described = describe(plan(tiny, tmp_path, models=[OURS, STOCK], folds=["3", "4"], repeats=2))
    assert described.splitlines() == [
        f"{model}, fold {fold}{repeat}: start"
        for repeat in ("", ", repeat 1")
        for fold in ("3", "4")
        for model in (OURS, STOCK)
    ]


def test_everything_is_trained_compared_and_predicted(done):
    for model in (OURS, STOCK):
        assert (done.models / str(model) / "fold_0" / "validation" / "summary.json").is_file()
        predicted = {path.name for path in (done.out / "predictions" / str(model)).glob("*.nii.gz")}
        assert predicted == {path.name.replace("_0000", "") for path in Path(done.images).iterdir()}
    report = (done.out / "comparison" / "report.md").read_text()
    assert "folds: 0" in report
    assert "Tiny_nnUNetTrainerSAUNet + Tiny_nnUNetTrainer" in report  # probabilities were kept


def test_a_model_that_starts_from_another_of_the_call_is_trained_after_it(tiny, tmp_path):
    after = STOCK._replace(trainer="Tiny_nnUNetTrainerVAUNet_From2D")
    launched = []

    def launch(jobs):
        launched.append([job.name for job in jobs])
        return ["not finished"] if len(launched) == 2 else []

    given = plan(tiny, tmp_path, models=[after, STOCK._replace(trainer="Tiny_nnUNetTrainerTSFMUNet")])
    assert crossvalidate(given, launch) == ["not finished"]
    assert launched == [
        ["Tiny_nnUNetTrainerTSFMUNet__nnUNetPlans__2d, fold 0"],
        ["Tiny_nnUNetTrainerVAUNet_From2D__nnUNetPlans__2d, fold 0"],
    ]


def test_the_same_call_again_does_nothing_and_a_dry_run_says_so(done):
    before = trainings(done)
    assert len(before) == 2
    predicted = {path: path.stat().st_mtime_ns for path in done.out.glob("predictions/*/*.nii.gz")}
    assert done("--npz", "-i", done.images).returncode == 0
    assert trainings(done) == before
    assert all(path.stat().st_mtime_ns == when for path, when in predicted.items())
    dry = done("--dry-run", "--npz", "-i", done.images).stdout.splitlines()
    assert [line.rsplit(" ", 1)[1] for line in dry] == 4 * ["done"]


def test_what_was_lost_or_damaged_is_made_again_and_nothing_else(done):
    shutil.rmtree(done.models / str(OURS) / "fold_0" / "validation")
    damaged = done.models / str(STOCK) / "fold_0"
    for name in ("validation/summary.json", "debug.json"):  # by a kill, or a full disk
        whole = (damaged / name).read_bytes()
        (damaged / name).write_bytes(whole[: len(whole) // 2])
    for cache in (done.out / "comparison" / "evaluated").iterdir():
        cache.write_bytes(b"")
    before = trainings(done)
    dry = done("--dry-run", "--npz")
    assert [line.rsplit(" ", 1)[1] for line in dry.stdout.splitlines()] == 2 * ["validate"], dry.stderr
    result = done("--npz", "--jobs", "2")
    assert result.returncode == 0, result.stderr
    again = [path for path in trainings(done) if path not in before]
    assert [path.parents[1].name for path in again] == sorted([str(OURS), str(STOCK)])
    assert not any("Epoch 0" in path.read_text() for path in again)  # validated only


def test_predictions_of_other_weights_or_images_are_made_again(done, tiny, monkeypatch, tmp_path):
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(done.models.parent))
    output = done.out / "predictions" / str(OURS)
    job = Prediction(
        dataset=str(tiny.id),
        model=OURS,
        folds=["0"],
        settings=Settings("cpu", npz=True),
        images=Path(done.images),
        output=output,
    )
    assert job.finished()
    for changed in (replace(job, folds=["0", "1"]), replace(job, settings=Settings("cpu"))):
        assert changed.finished() == (changed.folds == ["0"])
    images = shutil.copytree(done.images, tmp_path / "images")
    assert not replace(job, images=images).finished()
    next(Path(done.images).iterdir()).touch()
    assert not job.finished()
    job.prepare()
    assert not list(output.glob("*.nii.gz"))
    noted = (output / "made_from.json").read_text()
    (done.models / str(OURS) / "fold_0" / "checkpoint_final.pth").touch()
    job.prepare()
    assert (output / "made_from.json").read_text() != noted


def test_repeats_are_compared_one_by_one_and_together(train, tiny, nnunet_folders, tmp_path, monkeypatch):
    for model in (OURS, STOCK):
        train(tiny, model.trainer)
    results = shutil.copytree(nnunet_folders / "results" / tiny.folder, tmp_path / "results" / tiny.folder)
    again = shutil.copytree(results, tmp_path / "results" / "repeat_1" / tiny.folder)
    for path in again.rglob("checkpoint_final.pth"):  # of another training
        written = path.stat()
        path.write_bytes(path.read_bytes() + b" ")
        os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path / "results"))
    known_split(monkeypatch)
    given = plan(tiny, tmp_path / "out", models=[OURS, STOCK], repeats=2, ensembles=False)
    assert crossvalidate(given, lambda jobs: pytest.fail(f"{jobs} are done")) == []
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"comparison", "comparison_repeat_1", "comparison_all_repeats"}
    report = (tmp_path / "out" / "comparison_all_repeats" / "report.md").read_text()
    assert "- runs: 2: results; repeat_1\n" in report
    assert "## Each run" in report
    assert "- runs: 1\n" in (tmp_path / "out" / "comparison_repeat_1" / "report.md").read_text()


@pytest.mark.parametrize(
    ("model", "folds", "said"),
    [
        ("nnUNetTrainerCSANett__nnUNetPlans__2d", ["0"], "nnUNetTrainerCSANett"),
        ("nnUNetTrainerCSANet__nnUNetPlans__3d_fullres", ["0"], "3d_fullres"),
        (str(OURS), ["0", "7"], "fold 7 does not exist: .* has folds 0 to 4"),
        (str(OURS), ["00"], "fold 00 does not exist"),  # nnU-Net would train fold 0
        ("nnUNetTrainer__nnUNetPlansX__2d", ["0"], "nnUNetPlansX"),
    ],
)
def test_preflight_finds_what_would_fail_in_every_job(model, folds, said, nnunet_folders, tiny, tmp_path):
    with pytest.raises(Exception, match=said):
        preflight.main(str(tiny.id), [model], folds, str(tmp_path / "splits_final.json"))


@pytest.fixture
def copied(nnunet_folders, tiny, tmp_path, monkeypatch):
    """The preprocessed data set in a folder of its own."""
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    source = nnunet_folders / "preprocessed" / tiny.folder
    return Path(shutil.copytree(source, tmp_path / "preprocessed" / tiny.folder))


@pytest.mark.parametrize("content", ["", '{"labels": {', "[]", "{}", "[{}]", "\x00"])
@pytest.mark.parametrize("name", ["dataset.json", "splits_final.json", "nnUNetPlans.json"])
def test_a_damaged_file_of_the_data_set_is_named_with_the_next_step(name, content, copied, tiny, tmp_path):
    (copied / name).write_text(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged: .+\. Put .*back"):
        preflight.main(str(tiny.id), [str(OURS)], ["0"], str(tmp_path / "splits_final.json"))


@pytest.fixture
def call(nnunet_folders, tiny, tmp_path, monkeypatch, capsys):
    """The verb in this process, with an empty results folder: exit status, stdout, stderr."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))

    def run(*flags, models=(OURS, STOCK), folds=("3",)):
        argv = ["crossval", "-d", str(tiny.id), "-m", *map(str, models), "-f", *folds, "-device", "cpu"]
        status = cli.main([*argv, "-o", str(tmp_path / "out"), *flags])
        return status, *capsys.readouterr()

    return run


def test_a_dry_run_refuses_what_the_call_would_and_writes_nothing(
    call, copied, nnunet_folders, tiny, tmp_path
):
    (copied / "splits_final.json").unlink(missing_ok=True)
    before = sorted(tmp_path.rglob("*"))
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    status, out, err = call("--dry-run", "-i", str(images), "--group", "case_.", folds=("3", "4"))
    assert out.splitlines() == [
        *(f"{model}, fold {fold}: start" for fold in ("3", "4") for model in (OURS, STOCK)),
        *(f"{model}, prediction: start" for model in (OURS, STOCK)),
    ], err
    unknown = OURS._replace(trainer="nnUNetTrainerNobody", plans="nnUNetPlans")
    status, out, err = call("--dry-run", models=(unknown,))
    assert (status, out) == (1, "") and "nnUNetTrainerNobody" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_path_is_no_model():
    for name in ("../Tiny__nnUNetPlans__2d", "Tiny__a/nnUNetPlans__2d", r"C:\Tiny__nnUNetPlans__2d"):
        with pytest.raises(ValueError, match="is not TRAINER__PLANS__CONFIGURATION"):
            ModelName.parse(name)


def test_images_that_cannot_be_predicted_are_refused_before_anything_is_trained(
    call, nnunet_folders, tiny, tmp_path
):
    source = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    images = Path(shutil.copytree(source, tmp_path / "images"))
    first = next(images.iterdir())
    for channel in (0, 1):
        shutil.copy(first, images / f"second_{channel:04d}.nii.gz")
    first.write_bytes(b"")
    status, out, err = call("-i", str(images))
    assert (status, out) == (1, "")
    assert f"{first.name} cannot be read: the file is empty" in err
    assert "has 2 channels (second_0000.nii.gz, second_0001.nii.gz)" in err
    assert "Fix them, or take them out" in err
    assert not (tmp_path / "out").exists() and not (tmp_path / "results").exists()


def test_a_refusal_is_one_sentence_before_anything_is_trained(crossval):
    result = crossval(models=(ModelName("nnUNetTrainerCSANet_8head", "nnUNetPlans", "2d"),), folds=("3",))
    assert result.returncode == 1
    assert "_8head does not exist. Similar: _8heads" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(crossval.models.glob("*8head*"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": Path("nowhere")}, "no cases in nowhere"),
        ({"group": "(nobody)"}, "nobody"),
        ({"group": "(case)_"}, "fold 0 trains on volumes of case and validates on others of the same"),
        ({"output": Path(__file__) / "out"}, "is no folder that you may write to"),
    ],
)
def test_what_would_fail_after_the_trainings_is_refused_before_them(
    changes, said, tiny, tmp_path, monkeypatch, train
):
    train(tiny, OURS.trainer)  # writes the split
    known_split(monkeypatch)
    launched = []
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        crossvalidate(plan(tiny, tmp_path, **changes), launched.append)
    assert not launched


def test_a_reference_segmentation_that_is_missing_is_named_before_the_trainings(
    copied, tiny, tmp_path, monkeypatch
):
    known_split(monkeypatch)
    (copied / "splits_final.json").write_text(json.dumps([{"train": ["case_1"], "val": ["case_0"]}]))
    (copied / "gt_segmentations" / "case_0.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="no reference segmentation of case_0 in .*Preprocess"):
        crossvalidate(plan(tiny, tmp_path), lambda jobs: pytest.fail("began"))


def test_a_case_whose_segmentation_would_get_another_name_is_named_before_the_trainings(copied, call):
    (copied / "splits_final.json").write_text(json.dumps([{"train": ["case_1"], "val": ["x.nii"]}]))
    status, _, err = call()
    assert status == 1 and "ITK would write the segmentation of x.nii under another name" in err


@pytest.mark.parametrize("content", ["", '{"metric_per_case": [{"me', "[]", "{}", '{"metric_per_case": [3]}'])
def test_a_damaged_result_is_not_there(content, nnunet_folders, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path))
    training = Training(dataset=str(tiny.id), model=OURS, fold="0", settings=Settings())
    (training.folder / "validation").mkdir(parents=True)
    torch.save({}, training.folder / "checkpoint_final.pth")
    for name in ("validation/summary.json", "debug.json", "slurm_job.json"):
        (training.folder / name).write_text(content)
    assert training.state() == "validate" and training.command()[-1] == "--val"
    assert training.steps() == (0, None)
    assert _recorded(training) is None
    training.prepare()
    assert (training.folder / "validation" / "summary.before").read_text() == content


def write_probabilities(path):
    np.savez_compressed(path, probabilities=np.zeros((2, 1, 1, 1)))


def test_the_state_is_what_lies_on_disk(nnunet_folders, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path))
    settings = Settings(device="cpu", pretrained_weights=tmp_path / "w.pth")
    training = Training(dataset=str(tiny.id), model=OURS, fold="0", settings=settings)
    training.folder.mkdir(parents=True)
    assert training.state() == "start"
    assert training.command()[-2:] == ["-pretrained_weights", str(tmp_path / "w.pth")]
    (training.folder / "checkpoint_latest.pth").write_bytes(b"cut off")
    assert training.state() == "continue"
    assert training.command()[-1] == "--c"
    training.prepare()  # nnU-Net would fail on it at every call
    assert training.state() == "start"
    assert (training.folder / "checkpoint_latest.broken").read_bytes() == b"cut off"
    for name in ("latest", "best"):
        torch.save({}, training.folder / f"checkpoint_{name}.pth")
    os.utime(training.folder / "checkpoint_latest.pth", (1, 1))
    training.prepare()  # --c would take the older one
    assert [p.name for p in training.folder.glob("*.pth")] == ["checkpoint_best.pth"]
    (training.folder / "checkpoint_final.pth").write_bytes(b"cut off")
    training.prepare()
    assert training.state() == "continue"
    torch.save({}, training.folder / "checkpoint_final.pth")
    assert training.state() == "validate"
    validation = training.folder / "validation"
    validation.mkdir()
    (validation / "summary.json").write_text(json.dumps({"metric_per_case": 2 * [{"metrics": {}}]}))
    assert training.state() == "done"
    with_probabilities = replace(training, settings=Settings(npz=True))
    write_probabilities(validation / "case_0.npz")
    assert with_probabilities.state() == "validate"
    assert with_probabilities.command()[-2:] == ["--npz", "--val"]
    with_probabilities.prepare()
    (validation / "case_1.npz").write_bytes((validation / "case_0.npz").read_bytes()[:40])
    (validation / "summary.before").rename(validation / "summary.json")
    assert with_probabilities.state() == "validate"  # one was cut off
    with_probabilities.prepare()
    write_probabilities(validation / "case_1.npz")
    assert with_probabilities.state() == "validate"  # until nnU-Net has written its summary again
    (validation / "summary.before").rename(validation / "summary.json")
    assert with_probabilities.state() == "done"
    hours_ago = time.time() - 7200
    os.utime(
        validation / "case_1.npz", (hours_ago, hours_ago)
    )  # of an earlier training, and so is then the summary
    assert (training.state(), with_probabilities.state()) == ("done", "validate")
    os.utime(validation / "summary.json", (hours_ago, hours_ago))
    assert training.state() == "validate"
    (training.folder / "checkpoint_final.pth").unlink()
    training.prepare()
    assert not (validation / "summary.json").exists()
    assert replace(training, repeat=2).folder == tmp_path / "repeat_2" / training.folder.relative_to(tmp_path)
