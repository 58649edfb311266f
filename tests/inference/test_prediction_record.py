"""The record of settings next to predictions is true of each case that it lists."""

import functools
import json
import shutil

import pytest

from nnunet_slice_attention.environment import OURS
from nnunet_slice_attention.inference.predict import predict_files
from nnunet_slice_attention.inference.prediction_record import (
    NNUNET_RECORD,
    recorded,
    settings_of,
    with_cases,
    write_record,
)
from nnunet_slice_attention.inference.predictor import SlabPredictor
from nnunet_slice_attention.inference.trained_model import load_predictor
from tests.inference.continued_predictions import CASES, CONTINUE, FAST, predict, record, segmentations


def test_settings_are_recorded_before_the_first_case(predicted, tmp_path, capsys, monkeypatch):
    """Killed while it predicts the second case, it can be continued with the same settings only."""
    out, logits = tmp_path / "out", SlabPredictor.predict_logits_from_preprocessed_data
    calls, seen = [], []

    def killed(self, data):
        seen.append(record(out))
        calls.append(data)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return logits(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(SlabPredictor, "predict_logits_from_preprocessed_data", killed)
        assert predict(predicted, out, FAST) == 130
    assert seen[0]["tile_step_size"] == 0.5 and seen[0]["cases"] == CASES
    begun = segmentations(out)
    assert list(begun) == CASES[:1]
    capsys.readouterr()
    assert predict(predicted, out, CONTINUE, FAST, folds=("1",)) == 1
    assert "folds 0, now 1" in capsys.readouterr().err
    assert segmentations(out) == begun
    assert predict(predicted, out, CONTINUE, FAST) == 0
    assert segmentations(out)[CASES[0]] == begun[CASES[0]] and sorted(segmentations(out)) == CASES
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_all_is_predicted_again_without_continuing_and_the_record_replaced(predicted, out, capsys):
    assert predict(predicted, out, FAST, folds=("1",)) == 0
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES and "earlier" not in record(out)
    assert predict(predicted, out, CONTINUE, FAST, folds=("1",)) == 0
    assert predict(predicted, out, CONTINUE, FAST, folds=("0",)) == 1
    assert "folds 1, now 0" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [[], [CONTINUE]])
def test_predictions_of_several_settings_in_one_folder_are_told_apart(
    predicted, out, tmp_path, capsys, flags
):
    """One case is predicted into the folder with other settings, as with -o for single files."""
    image = next(predicted.images.glob("test_0*"))
    target = out / "with_fold_1.nii.gz"
    assert predict(predicted, target, FAST, *flags, images=image, folds=("1",)) == 0
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == [target.name]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES
    assert predict(predicted, out, CONTINUE, FAST, folds=("1",)) == 1
    assert "folds 0, now 1" in capsys.readouterr().err
    assert predict(predicted, out, CONTINUE, FAST) == 0
    assert predict(predicted, target, CONTINUE, FAST, images=image) == 1
    assert "folds 1, now 0" in capsys.readouterr().err


def test_a_prediction_that_is_kept_keeps_its_record(predicted, out, tmp_path):
    images = shutil.copytree(predicted.images, tmp_path / "images")
    next(images.glob("test_0*")).write_bytes(b"")
    assert predict(predicted, out, FAST, images=images, folds=("1",)) == 1
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[1:]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES[:1]


def test_parts_are_continued_with_the_same_settings_only(predicted, tmp_path, capsys):
    out, parts = tmp_path / "out", ("-num_parts", "2", "-part_id")
    assert predict(predicted, out, FAST, *parts, "1") == 0
    assert record(out)["cases"] == CASES[1:]
    assert predict(predicted, out, FAST, *parts, "0", CONTINUE, folds=("1",)) == 1
    assert "folds 0, now 1" in capsys.readouterr().err
    assert predict(predicted, out, FAST, *parts, "0") == 0
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_a_parallel_call_that_writes_its_record_at_the_same_time_does_not_prevail(
    predicted, out, monkeypatch
):
    former, logits = (out / NNUNET_RECORD).read_text(), SlabPredictor.predict_logits_from_preprocessed_data

    def overtaken(self, data):
        (out / NNUNET_RECORD).write_text(former)
        return logits(self, data)

    monkeypatch.setattr(SlabPredictor, "predict_logits_from_preprocessed_data", overtaken)
    assert predict(predicted, out, FAST, "-num_parts", "2", "-part_id", "0", folds=("1",)) == 0
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[:1]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES[1:]


def test_a_part_that_is_predicted_in_halves_after_an_error_keeps_the_record_of_another(
    predicted, out, tmp_path, monkeypatch
):
    images = shutil.copytree(predicted.images, tmp_path / "images")
    shutil.copy(images / "test_0_0000.nii.gz", images / "test_9_0000.nii.gz")  # in the part of the first case
    together, failed = SlabPredictor.predict_from_files_sequential, []

    @functools.wraps(together)  # nnU-Net reads the names of its parameters
    def fails_once(self, *args):
        if failed:
            return together(self, *args)
        failed.append(True)
        # Of a parallel call.
        write_record(out, with_cases(recorded(out), settings_of(self), dict.fromkeys(CASES[1:], "")))
        raise RuntimeError("once")

    monkeypatch.setattr(SlabPredictor, "predict_from_files_sequential", fails_once)
    parts = ("-num_parts", "2", "-part_id", "0")
    assert predict(predicted, out, FAST, *parts, images=images, folds=("1",)) == 0
    assert failed and record(out)["folds"] == ["1"]
    assert record(out)["cases"] == [*CASES, "test_9.nii.gz"] and "earlier" not in record(out)


def test_predictions_without_a_record_are_kept_and_not_claimed(predicted, out):
    """As `nnUNetv2_predict` and parallel calls leave them."""
    content = json.loads((out / NNUNET_RECORD).read_text())
    del content[OURS]
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    before = segmentations(out)
    assert predict(predicted, out, CONTINUE, FAST, folds=("1",)) == 0
    assert segmentations(out) == before
    assert OURS not in json.loads((out / NNUNET_RECORD).read_text())
    (out / CASES[1]).unlink()
    assert predict(predicted, out, CONTINUE, FAST, folds=("1",)) == 0
    assert segmentations(out)[CASES[0]] == before[CASES[0]]
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[1:]


def test_a_record_of_an_earlier_version_is_compared_as_far_as_it_goes(predicted, out, capsys):
    content = json.loads((out / NNUNET_RECORD).read_text())
    for key in ("cases", "weights_sha256", "images_sha256", "model", "folds", "checkpoint"):
        del content[OURS][key]
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    (out / CASES[1]).unlink()
    assert predict(predicted, out, CONTINUE, FAST, folds=("0", "1")) == 1
    assert "other settings: folds_averaged 1, now 2. " in capsys.readouterr().err
    assert predict(predicted, out, CONTINUE, FAST, folds=("1",)) == 0
    assert record(out)["cases"] == CASES[1:] and record(out)["earlier"] == [content[OURS]]


def test_other_versions_are_recorded_but_not_refused(predicted, out):
    content = json.loads((out / NNUNET_RECORD).read_text())
    content[OURS]["versions"] = "nnunetv2 2.7"
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    (out / CASES[1]).unlink()
    assert predict(predicted, out, CONTINUE, FAST) == 0
    (earlier,) = record(out)["earlier"]
    assert (earlier["versions"], earlier["cases"]) == ("nnunetv2 2.7", CASES[:1])
    assert record(out)["cases"] == CASES[1:]


def test_a_predictor_that_is_used_again_leaves_the_record_as_it_is(predicted, out, tmp_path):
    predictor = load_predictor(predicted.folder, ["0"], device="cpu", use_mirroring=False, allow_tqdm=False)
    image = next(predicted.images.glob("test_5*"))
    assert predict_files(predictor, [image], out, n_preprocessing=0, n_export=0) == []
    before = (out / NNUNET_RECORD).stat().st_mtime_ns
    predictor.predict_from_files_sequential([[str(image)]], [str(tmp_path / "nnunet")])
    assert (tmp_path / "nnunet.nii.gz").is_file()
    assert OURS not in json.loads((tmp_path / NNUNET_RECORD).read_text())
    assert (out / NNUNET_RECORD).stat().st_mtime_ns == before
