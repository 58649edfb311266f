"""`predict` into a folder of earlier predictions: each is kept until it is replaced, and none passes for a new one."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from nnunetv2.inference import predict_from_raw_data

from nnunet_slice_attention.environment import OURS
from nnunet_slice_attention.inference.prediction_record import NNUNET_RECORD
from nnunet_slice_attention.inference.predictor import SlabPredictor
from tests.inference.continued_predictions import CASES, CONTINUE, FAST, predict, record, segmentations

EXTRA = ("--save_probabilities", "--boxes")


@pytest.fixture
def fail_at(monkeypatch):
    """A function that makes the network fail at every call from the n-th on, with this error."""

    def patch(n: int, error: BaseException) -> pytest.MonkeyPatch:
        logits, calls = SlabPredictor.predict_sliding_window_return_logits, []

        def failing(self, data):
            calls.append(data)
            if len(calls) >= n:
                raise error
            return logits(self, data)

        monkeypatch.setattr(SlabPredictor, "predict_sliding_window_return_logits", failing)
        return monkeypatch

    return patch


def all_files(folder) -> dict[str, bytes]:
    """Of the second case, with boxes."""
    stem = CASES[1].removesuffix(".nii.gz")
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob(f"{stem}*"))}


def test_an_interruption_loses_no_case_that_was_not_begun(predicted, tmp_path, fail_at, capsys):
    out = tmp_path / "out"
    assert predict(predicted, out, FAST, *EXTRA) == 0
    first, second = segmentations(out)[CASES[0]], all_files(out)
    assert len(second) == 4
    interrupted = fail_at(2, KeyboardInterrupt())
    assert predict(predicted, out, FAST, *EXTRA, folds=("1",)) == 130
    interrupted.undo()
    assert segmentations(out)[CASES[0]] != first and all_files(out) == second
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[:1]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES[1:]

    capsys.readouterr()
    assert predict(predicted, out, FAST, *EXTRA, CONTINUE) == 1  # the first is of fold 1
    assert f"{out / CASES[0]} was predicted with other settings: folds 1, now 0" in capsys.readouterr().err
    begun = segmentations(out)[CASES[0]]
    assert predict(predicted, out, FAST, *EXTRA, CONTINUE, folds=("1",)) == 0
    assert segmentations(out)[CASES[0]] == begun and all_files(out) != second
    assert record(out)["cases"] == CASES and not {"earlier", "to_replace"} & set(record(out))


def test_predictions_that_were_not_replaced_are_continued_by_their_own_model(predicted, out, fail_at):
    before = segmentations(out)
    interrupted = fail_at(2, KeyboardInterrupt())
    assert predict(predicted, out, FAST, folds=("1",)) == 130
    interrupted.undo()
    (out / CASES[0]).unlink()
    assert predict(predicted, out, FAST, CONTINUE) == 0
    assert segmentations(out)[CASES[1]] == before[CASES[1]]
    assert segmentations(out)[CASES[0]][0] == before[CASES[0]][0]


def test_predictions_without_a_record_do_not_pass_for_those_of_the_interrupted_call(predicted, out, fail_at):
    content = json.loads((out / NNUNET_RECORD).read_text())
    del content[OURS]
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    before = segmentations(out)
    interrupted = fail_at(1, KeyboardInterrupt())
    assert predict(predicted, out, FAST, folds=("1",)) == 130
    interrupted.undo()
    assert segmentations(out) == before
    assert predict(predicted, out, FAST, CONTINUE, folds=("1",)) == 0
    assert all(segmentations(out)[case][1] != before[case][1] for case in CASES)
    assert record(out)["cases"] == CASES


def test_a_case_is_continued_once_its_image_is_repaired(predicted, out, tmp_path):
    images = Path(shutil.copytree(predicted.images, tmp_path / "images"))
    image = next(images.glob("test_5*"))
    content, before = image.read_bytes(), segmentations(out)
    image.write_bytes(content[:100])
    assert predict(predicted, out, FAST, images=images, folds=("1",)) == 1
    assert segmentations(out)[CASES[1]] == before[CASES[1]]
    image.write_bytes(content)
    assert predict(predicted, out, FAST, CONTINUE, images=images, folds=("1",)) == 0
    assert segmentations(out)[CASES[1]][1] != before[CASES[1]][1] and record(out)["cases"] == CASES


def test_a_call_in_which_every_case_fails_loses_nothing_and_says_so(predicted, out, fail_at, capsys):
    before = segmentations(out)
    failing = fail_at(1, RuntimeError("no kernel image."))
    assert predict(predicted, out, FAST, folds=("1",)) == 1
    failing.undo()
    assert segmentations(out) == before
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 2
    for line, case in zip(failed, CASES, strict=True):
        assert line.endswith(f": no kernel image; the earlier {case} is kept")
    assert predict(predicted, out, FAST, CONTINUE, folds=("1",)) == 0
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_a_case_that_fails_while_it_is_written_leaves_nothing_that_looks_predicted(
    predicted, out, capsys, monkeypatch
):
    def half(logits, properties, configuration, plans, dataset_json, output, *_):
        with open(f"{output}.nii.gz", "wb") as file:
            file.write(b"half of it")
        raise RuntimeError("killed")

    monkeypatch.setattr(predict_from_raw_data, "export_prediction_from_logits", half)
    assert predict(predicted, out, FAST, folds=("1",)) == 1
    assert segmentations(out) == {}
    assert "kept" not in capsys.readouterr().err


def test_a_full_disk_leaves_the_predictions_that_have_no_replacement(predicted, out, capsys, monkeypatch):
    before = segmentations(out)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(predict_from_raw_data, "export_prediction_from_logits", full)
        assert predict(predicted, out, FAST, folds=("1",)) == 1
    assert (
        f"2 cases are left: {', '.join(CASES)}. Free space, or make the folder writable, then"
        in capsys.readouterr().err
    )
    assert segmentations(out) == {CASES[1]: before[CASES[1]]}
    assert predict(predicted, out, FAST, CONTINUE, folds=("1",)) == 0
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_several_processes_replace_each_case_by_its_own_result(predicted, out, tmp_path):
    """The first has most slices, so that the second is preprocessed before it."""
    assert predict(predicted, tmp_path / "alone", FAST, folds=("1",)) == 0
    assert predict(predicted, out, FAST, "-npp", "2", "-nps", "2", folds=("1",)) == 0
    alone, now = segmentations(tmp_path / "alone"), segmentations(out)
    assert {case: content for case, (content, _) in now.items()} == {
        case: content for case, (content, _) in alone.items()
    }
    assert record(out)["cases"] == CASES and not {"earlier", "to_replace"} & set(record(out))
