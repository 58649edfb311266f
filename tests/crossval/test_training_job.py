"""What is left of a run follows from its files: truncated, outdated or missing."""

import gzip
import json
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.training import TrainingJob
from nnunet_slice_attention.jobs.slurm import recorded_id
from tests.crossval.tiny_crossval import OURS
from tests.tiny_data import TinyDataset, draw_volume, write


@pytest.fixture
def job(nnunet_folders, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path))
    job = TrainingJob(dataset=str(tiny.id), model=OURS, fold="0", settings=Settings(device="cpu"))
    job.folder.mkdir(parents=True)
    return job


def save_checkpoint(job, name):
    torch.save({}, job.folder / f"checkpoint_{name}.pth")


@pytest.fixture
def validated(job):
    """A run that is done: two cases are validated with the final checkpoint."""
    save_checkpoint(job, "final")
    validation = job.folder / "validation"
    validation.mkdir()
    listed = [{"prediction_file": str(validation / f"case_{i}.nii.gz"), "metrics": {}} for i in range(2)]
    (validation / "summary.json").write_text(json.dumps({"metric_per_case": listed}))
    return job


def test_a_new_run_starts_from_pretrained_weights(job, tmp_path):
    job = replace(job, settings=Settings(pretrained_weights=tmp_path / "w.pth"))
    assert job.state() == "start"
    assert job.command()[-2:] == ["-pretrained_weights", str(tmp_path / "w.pth")]
    save_checkpoint(job, "latest")
    assert job.state() == "continue"
    assert job.command()[-1] == "--c"


@pytest.mark.parametrize("name", ["latest", "best", "final"])
def test_a_truncated_checkpoint_is_put_aside(name, job):
    checkpoint = job.folder / f"checkpoint_{name}.pth"
    checkpoint.write_bytes(b"truncated")  # nnU-Net would fail on it at every call
    job.prepare()
    assert job.state() == "start"
    assert checkpoint.with_suffix(".broken").read_bytes() == b"truncated"


def test_the_newer_checkpoint_is_continued(job):
    save_checkpoint(job, "latest")
    save_checkpoint(job, "best")
    os.utime(job.folder / "checkpoint_latest.pth", (1, 1))
    job.prepare()  # --c would take the older one
    assert [path.name for path in job.folder.glob("*.pth")] == ["checkpoint_best.pth"]
    (job.folder / "checkpoint_final.pth").write_bytes(b"truncated")
    job.prepare()
    assert job.state() == "continue" and job.checkpoint.name == "checkpoint_best.pth"


def test_a_copy_that_did_not_keep_times_is_continued_from_its_last_epoch(job):
    made_with = {"plans": {}, "configuration": "2d", "dataset_json": {}}
    for name, epochs in {"latest": 950, "best": 120}.items():
        found = {"init_args": made_with, "trainer_name": "T", "current_epoch": epochs, "network_weights": {}}
        torch.save(found, job.folder / f"checkpoint_{name}.pth")
    os.utime(job.folder / "checkpoint_latest.pth", (1, 1))
    job.prepare()
    assert (job.folder / "checkpoint_latest.pth").is_file()
    found["current_epoch"] = 960
    torch.save(found, job.folder / "checkpoint_best.pth")
    job.prepare()
    assert [path.name for path in job.folder.glob("*.pth")] == ["checkpoint_best.pth"]


def test_a_run_is_done_once_it_is_validated_with_the_final_checkpoint(validated):
    summary = validated.folder / "validation" / "summary.json"
    assert validated.state() == "done"
    hours_ago = time.time() - 7200
    os.utime(summary, (hours_ago, hours_ago))  # of an earlier run
    assert validated.state() == "validate" and validated.command()[-1] == "--val"
    (validated.folder / "checkpoint_final.pth").unlink()
    validated.prepare()
    assert validated.state() == "start"
    assert not summary.exists()


@pytest.mark.parametrize("content", ["", '{"metric_per_case": [{"me', "[]", "{}", '{"metric_per_case": [3]}'])
def test_a_damaged_result_counts_as_missing(content, validated):
    for name in ("validation/summary.json", "debug.json", "slurm_job.json"):
        (validated.folder / name).write_text(content)
    assert validated.state() == "validate" and validated.command()[-1] == "--val"
    assert validated.steps() == (0, None)
    assert recorded_id(validated) is None
    validated.prepare()
    assert (validated.folder / "validation" / "summary.before").read_text() == content


def test_with_npz_a_run_is_done_once_all_probabilities_are_complete_and_newer_than_the_checkpoint(validated):
    job, validation = replace(validated, settings=Settings(npz=True)), validated.folder / "validation"
    first, second = validation / "case_0.npz", validation / "case_1.npz"
    np.savez_compressed(first, probabilities=np.zeros((2, 1, 1, 1)))
    assert job.state() == "validate"
    assert job.command()[-2:] == ["--npz", "--val"]
    second.write_bytes(first.read_bytes()[:40])  # truncated
    assert job.state() == "validate"
    second.write_bytes(first.read_bytes())
    assert job.state() == "done"
    hours_ago = time.time() - 7200
    os.utime(second, (hours_ago, hours_ago))  # of an earlier run
    assert (validated.state(), job.state()) == ("done", "validate")
    np.savez_compressed(
        validation / "left.npz", probabilities=np.zeros(1)
    )  # cannot stand in for one of the cases
    assert job.state() == "validate"
    job.prepare()  # the summary must not make the pending validation look done
    os.utime(second)
    assert job.state() == "validate"


def test_each_repeat_has_its_own_results_folder(job, tmp_path):
    assert replace(job, repeat=2).folder == tmp_path / "repeat_2" / job.folder.relative_to(tmp_path)


SPLITS = [{"train": ["a", "b"], "val": ["c"]}, {"train": ["b", "c"], "val": ["a"]}]


@pytest.fixture
def preprocessed(job, monkeypatch, tmp_path):
    """A data set of three cases and two folds."""
    folder = tmp_path / "preprocessed" / job.dataset_name
    (folder / "gt_segmentations").mkdir(parents=True)
    for seed, case in enumerate("abc"):
        write_label(folder, case, seed)
    (folder / "dataset.json").write_text(json.dumps(TinyDataset(701, "Tiny").dataset_json))
    (folder / "splits_final.json").write_text(json.dumps(SPLITS))
    monkeypatch.setattr("nnunet_slice_attention.crossval.training.nnUNet_preprocessed", str(folder.parent))
    return folder


def write_label(folder, case, seed):
    _, labels = draw_volume(3, seed, channels=1, with_ignore=False)
    write(labels, folder / "gt_segmentations" / f"{case}.nii.gz")


def test_a_training_is_not_continued_or_validated_on_another_split(job, preprocessed):
    job.prepare()
    job.check_record(SPLITS[::-1])  # nothing is trained yet
    for name in ("latest", "final"):
        save_checkpoint(job, name)
        job.check_record([{"train": ["b", "a"], "val": ["c", "d"]}])
        with pytest.raises(
            ValueError, match=r"another split .*: 1 of its training cases are validation cases now"
        ):
            job.check_record(SPLITS[::-1])
    (job.folder / "split.json").unlink()  # trained by nnUNetv2_train
    job.check_record(SPLITS[::-1])


@pytest.mark.parametrize("fold", ["0", "all"])
def test_a_training_is_not_continued_validated_or_done_with_other_labels(fold, job, preprocessed):
    job = replace(job, fold=fold)
    job.folder.mkdir(exist_ok=True)
    job.prepare()
    save_checkpoint(job, "final")
    job.check_record(SPLITS)
    label = preprocessed / "gt_segmentations" / "b.nii.gz"
    label.write_bytes(gzip.compress(gzip.decompress(label.read_bytes()), 1))  # the same voxels
    job.check_record(SPLITS)
    write_label(preprocessed, "b", 9)
    with pytest.raises(
        ValueError, match=rf"fold {fold} was trained with other labels of 1 cases .*: b\. Restore"
    ):
        job.check_record(SPLITS)


def test_without_a_record_the_numbers_of_cases_in_the_log_tell_another_split(job, preprocessed):
    moved = [{"train": ["a"], "val": ["c", "b"]}]  # "b" was learned from
    log = "now: This split has 2 training and 1 validation cases. \nnow: Epoch 0 \n"
    (job.folder / "training_log_2026_1_1_10_00_00.txt").write_text(log)
    for name in ("latest", "final"):  # to be continued; to be validated
        save_checkpoint(job, name)
        job.check_record(SPLITS)
        with pytest.raises(
            ValueError, match=r"fold 0 was trained on 2 training and 1 .* has 1 and 2: .*leakage"
        ):
            job.check_record(moved)
    (job.folder / "split.json").write_text(json.dumps({"train": ["a"], "val": ["c", "b"]}))
    job.check_record(moved)  # the record is more exact


@pytest.mark.parametrize("trained", [False, True])
def test_predictions_left_from_an_earlier_split_are_named_before_training_or_validation(
    trained, job, preprocessed
):
    """Validation would leave them, and its summary would list them: it would never look done."""
    (job.folder / "validation").mkdir()
    for name in ("c.nii.gz", "left.nii.gz", "._c.nii.gz"):
        (job.folder / "validation" / name).touch()
    if trained:
        save_checkpoint(job, "final")
    with pytest.raises(
        ValueError, match=r"fold 0: left not in this fold .* remove them from .*validation, also"
    ):
        job.check_record(SPLITS)
    replace(job, fold="all").check_record(SPLITS)
    (job.folder / "validation" / "left.nii.gz").unlink()
    job.check_record(SPLITS)


def test_labels_of_validation_cases_may_change(job, preprocessed):
    job.prepare()
    save_checkpoint(job, "final")
    write_label(preprocessed, "c", 9)
    job.check_record(SPLITS)


def test_other_pretrained_weights_than_those_of_the_start_are_refused(job, preprocessed, tmp_path):
    weights, others = tmp_path / "w.pth", tmp_path / "others.pth"
    weights.write_text("weights")
    others.write_text("others")

    def given(path):
        return replace(job, settings=Settings(device="cpu", pretrained_weights=path))

    given(weights).prepare()
    save_checkpoint(job, "latest")
    given(weights).check_record(SPLITS, others_start=True)
    job.check_record(SPLITS)
    with pytest.raises(
        ValueError, match=r"fold 0 began from .*, but this call starts without -pretrained_weights"
    ):
        job.check_record(
            SPLITS, others_start=True
        )  # of one model, some folds with the weights and some without
    with pytest.raises(
        ValueError, match=r"began from weights with .*, but this call starts from weights with .*-f"
    ):
        given(others).check_record(SPLITS)
    (job.folder / "checkpoint_latest.pth").unlink()
    job.prepare()  # starts without weights
    save_checkpoint(job, "latest")
    with pytest.raises(
        ValueError, match="began without -pretrained_weights, but this call starts from weights"
    ):
        given(weights).check_record(SPLITS)
    (job.folder / "split.json").unlink()  # not known
    given(weights).check_record(SPLITS, others_start=True)
