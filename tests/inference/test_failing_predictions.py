"""Errors while cases are predicted: all failures and the cases that are left are named, and no result is lost."""

import errno
import os

import pytest
import SimpleITK
from nnunetv2.inference import predict_from_raw_data
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_slice_attention.inference.bisection import predict_or_bisect
from nnunet_slice_attention.inference.cases import Case
from nnunet_slice_attention.inference.predictor import SlabPredictor
from tests.inference.tiny_model import predict_with


def test_a_case_that_kills_the_workers_is_isolated_with_few_calls(tmp_path):
    cases = [Case((), tmp_path / f"{i}.nii.gz", ".nii.gz") for i in range(32)]
    done, calls = [], []

    def predict_batch(batch: list[Case]) -> None:
        calls.append(len(batch))
        for case in batch:
            if case in (cases[0], cases[20]):
                raise RuntimeError("a worker died")
            done.append(case)

    failures, left, _ = predict_or_bisect(
        predict_batch, cases, done.__contains__, lambda case: None, tmp_path
    )
    assert not left and failures == {cases[0]: "a worker died", cases[20]: "a worker died"}
    assert sorted(done, key=cases.index) == [case for case in cases if case not in failures]
    assert len(calls) < 20  # one by one it would be 33


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_ends_the_prediction_and_names_what_is_left(
    code, model, patients, tmp_path, capsys, monkeypatch
):
    images, out, export = (
        tmp_path / "images",
        tmp_path / "out",
        predict_from_raw_data.export_prediction_from_logits,
    )
    images.mkdir()
    for i in range(5):
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(patients.one)), str(images / f"{i}_0000.nii.gz"))
    (images / "1_0000.nii.gz").write_bytes(b"")
    calls = []

    def full_after_two(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            (out / "3.nii.gz").write_bytes(b"half of it")
            raise OSError(code, os.strerror(code))
        export(*arguments)

    monkeypatch.setattr(predict_from_raw_data, "export_prediction_from_logits", full_after_two)
    assert predict_with(model, out, images) == 1
    assert len(calls) == 3
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 2 and "1_0000.nii.gz cannot be read: the file is empty" in failed[0]
    assert (
        f"FAILED {out}: [Errno {code}] {os.strerror(code)}; 2 cases are left: 3.nii.gz, 4.nii.gz. "
        in failed[1]
    )
    assert sorted(path.name for path in out.glob("*.nii.gz")) == ["0.nii.gz", "2.nii.gz"]
    (images / "1_0000.nii.gz").unlink()
    assert predict_with(model, out, images, flags=["--continue_prediction"]) == 0
    assert len(calls) == 5


def test_a_record_that_cannot_be_written_does_not_hide_the_failures(
    model, patients, tmp_path, capsys, monkeypatch
):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nnunet_slice_attention.inference.predict.write_record", fail)
    monkeypatch.setattr(
        SlabPredictor, "_manage_input_and_output_lists", nnUNetPredictor._manage_input_and_output_lists
    )
    (patients.folder / "one_0000.nii.gz").write_bytes(b"")
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(patients.two)), str(patients.folder / "two_0000.nii.gz"))
    assert predict_with(model, tmp_path / "out", patients.folder) == 1
    error = capsys.readouterr().err
    assert "one_0000.nii.gz: one_0000.nii.gz cannot be read: the file is empty" in error
    assert "predict_from_raw_data_args.json: cannot be written: [Errno 28] No space left on device" in error
    assert (tmp_path / "out" / "two.nii.gz").is_file()


def test_messages_that_nobody_reads_any_more_are_no_failure(tmp_path, monkeypatch):
    cases = [Case((), tmp_path / f"{i}.nii.gz", ".nii.gz") for i in range(3)]
    done, gone = [], [True]

    def predict_batch(batch: list[Case]) -> None:
        done.append(batch[0])
        if gone:
            raise BrokenPipeError
        done.extend(batch[1:])

    monkeypatch.setattr(
        "nnunet_slice_attention.inference.bisection.reader_is_gone", lambda: bool(gone and gone.pop())
    )
    outcome = predict_or_bisect(predict_batch, cases, done.__contains__, lambda case: None, tmp_path)
    assert outcome.failures == {}
    assert done == cases
