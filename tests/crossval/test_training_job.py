"""What is left of a run follows from its files: truncated, outdated or missing."""

import json
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.fold_validation import noted_checkpoint
from nnunet_slice_attention.jobs.slurm import recorded_id
from tests.crossval.tiny_crossval import save_checkpoint

SPLIT = {"train": ["case_2"], "val": ["case_0", "case_1"]}


@pytest.fixture
def validated(job):
    """A run that is done: two cases are validated with the final checkpoint."""
    save_checkpoint(job, "final")
    validation = job.folder / "validation"
    validation.mkdir()
    predictions = [validation / f"case_{i}.nii.gz" for i in range(2)]
    for path in predictions:
        path.touch()
    listed = [{"prediction_file": str(path), "metrics": {}} for path in predictions]
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


def test_a_validation_with_the_best_checkpoint_is_repeated_with_the_final_one(validated):
    with noted_checkpoint(validated.folder, "checkpoint_best.pth"):
        pass
    assert validated.state() == "validate" and validated.command()[-1] == "--val"
    with noted_checkpoint(validated.folder, "checkpoint_final.pth"):
        pass
    assert validated.state() == "done"


def test_a_run_whose_predictions_are_gone_is_validated_again_unless_it_is_not_compared(validated):
    """An exported model has the summary only; the comparison after all trainings would find no predictions."""
    fold_all = replace(validated, fold="all")
    validated.folder.rename(fold_all.folder)
    prediction = fold_all.folder / "validation" / "case_1.nii.gz"
    prediction.unlink()
    assert fold_all.state() == "done"
    fold_all.folder.rename(validated.folder)
    assert validated.state() == "validate" and validated.command()[-1] == "--val"
    (validated.folder / "validation" / "case_1.nii.gz").touch()
    assert validated.state() == "done"


def test_a_finished_training_that_was_started_again_is_neither_taken_nor_continued(validated):
    save_checkpoint(validated, "latest")
    final = validated.folder / "checkpoint_final.pth"
    os.utime(final, (1, 1))
    with pytest.raises(ValueError, match=r"checkpoint_latest.pth is newer than .*To keep .*; to continue"):
        validated.check_record([SPLIT])
    final.rename(final.with_suffix(".first"))
    validated.check_record([SPLIT])
    assert validated.state() == "continue"


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
    # Cannot stand in for one of the cases.
    np.savez_compressed(validation / "left.npz", probabilities=np.zeros(1))
    assert job.state() == "validate"
    job.prepare()  # the summary must not make the pending validation look done
    os.utime(second)
    assert job.state() == "validate"


def test_each_repeat_has_its_own_results_folder(job, results):
    assert replace(job, repeat=2).folder == results / "repeat_2" / job.folder.relative_to(results)
