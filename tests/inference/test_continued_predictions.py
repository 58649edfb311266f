"""`predict --continue_prediction` skips results of the same settings and weights only, and the record of settings
next to predictions is true of each case that it lists."""

import functools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nnunet_slice_attention.cli import main
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
from tests.tiny_data import read, write

TRAINER = "Tiny_nnUNetTrainerTSFMUNet_ShortSlabs"
FINAL = "checkpoint_final.pth"
FAST = "--disable_tta"
CONTINUE = "--continue_prediction"
CASES = ["test_0.nii.gz", "test_5.nii.gz"]  # of 7 slices, and of 1


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny, tmp_path_factory):
    """A model of two folds, images of two cases, and their predictions with fold 0."""
    train(tiny, TRAINER, 0, 1)
    root = tmp_path_factory.mktemp("continued")
    for name in CASES:
        source = nnunet_folders / "raw" / tiny.folder / "imagesTs" / name.replace(".nii", "_0000.nii")
        (root / "images").mkdir(exist_ok=True)
        shutil.copy(source, root / "images")
    found = SimpleNamespace(
        folder=nnunet_folders / "results" / tiny.folder / f"{TRAINER}__nnUNetPlans__2d",
        images=root / "images",
        predictions=root / "predictions",
        id=str(tiny.id),
    )
    assert predict(found, found.predictions, FAST) == 0
    return found


@pytest.fixture
def out(trained, tmp_path) -> Path:
    return shutil.copytree(trained.predictions, tmp_path / "out")


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    """A copy of the model's folder."""
    ignored = shutil.ignore_patterns("validation", "checkpoint_best.pth")
    return shutil.copytree(trained.folder, tmp_path / "copy" / trained.folder.name, ignore=ignored)


def predict(trained, out: Path, *flags, model=None, images=None, folds=("0",)) -> int:
    argv = [
        "predict",
        "-m",
        str(model or trained.folder),
        "-i",
        str(images or trained.images),
        "-o",
        str(out),
    ]
    argv += ["-device", "cpu", "-npp", "0", "-nps", "0", "--disable_progress_bar"]
    return main([*argv, *(["-f", *folds] if folds else []), *flags])


def change(checkpoint: Path, to: Path | None = None, **entries) -> None:
    """Other weights, as after further training, or other entries."""
    content = torch.load(checkpoint, weights_only=False)
    content |= entries
    if not entries:
        content["network_weights"] = {k: v + 1e-3 for k, v in content["network_weights"].items()}
    torch.save(content, to or checkpoint)


def record(folder: Path) -> dict:
    return json.loads((folder / NNUNET_RECORD).read_text())[OURS]


def segmentations(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("*.nii.gz")}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("flags", "folds", "messages"),
    [
        ([FAST], ("1",), ["folds 0, now 1; weights_sha256 "]),
        ([FAST], ("0", "1"), ["folds 0, now 0 1; folds_averaged 1, now 2; weights_sha256 "]),
        ([], ("0",), ["other settings: mirroring_axes none, now 1 2. "]),
        ([FAST, "-step_size", "0.25"], ("0",), ["other settings: tile_step_size 0.5, now 0.25. "]),
        (
            [FAST, "-step_size", "1", "--neighbours", "repeat"],
            ("0",),
            ["tile_step_size 0.5, now 1.0; neighbours own, now repeat. "],
        ),
    ],
    ids=["fold", "folds", "mirroring", "step", "step_and_neighbours"],
)
def test_other_settings_are_refused(trained, out, capsys, flags, folds, messages):
    (out / CASES[1]).unlink()
    before = files(out)
    assert predict(trained, out, CONTINUE, *flags, folds=folds) == 1
    error = capsys.readouterr().err
    for message in messages:
        assert message in error
    assert f"{out / CASES[0]} was predicted with other settings: " in error
    assert "Predict without --continue_prediction to predict all cases again, or choose another -o." in error
    assert files(out) == before


def test_weights_that_were_trained_further_are_refused(trained, out, copy, tmp_path, capsys):
    change(copy / "fold_0" / FINAL)
    before = files(out)
    assert predict(trained, out, CONTINUE, FAST, model=copy) == 1
    error = capsys.readouterr().err
    assert f"model {trained.folder}, now {copy}; " in error
    assert predict(trained, tmp_path / "other", FAST, model=copy) == 0
    then, now = (record(folder)["weights_sha256"][0][:12] for folder in (out, tmp_path / "other"))
    assert f"weights_sha256 {then}, now {now}. " in error
    assert files(out) == before


def test_another_checkpoint_is_named(trained, out, copy, capsys):
    change(copy / "fold_0" / FINAL, to=copy / "fold_0" / "checkpoint_other.pth")
    assert predict(trained, out, CONTINUE, FAST, "-chk", "checkpoint_other.pth", model=copy) == 1
    assert f"checkpoint {FINAL}, now checkpoint_other.pth; weights_sha256 " in capsys.readouterr().err


def test_another_network_with_the_same_weights_is_refused(trained, out, copy, capsys):
    other = f"{TRAINER}_RepeatCentre"
    change(copy / "fold_0" / FINAL, trainer_name=other)
    assert predict(trained, out, CONTINUE, FAST, model=copy) == 1
    assert f"other settings: trainer {TRAINER}, now {other}. " in capsys.readouterr().err


def test_what_does_not_change_the_result_is_not_compared(trained, out, copy):
    before = segmentations(out)
    assert predict(trained, out, CONTINUE, FAST, "--slices", "2", "--not_on_device", model=copy) == 0
    content = torch.load(copy / "fold_0" / FINAL, weights_only=False)
    torch.save(content | {"optimizer_state": None}, copy / "fold_0" / "checkpoint_slim.pth")
    assert predict(trained, out, CONTINUE, FAST, "-chk", "checkpoint_slim.pth", model=copy) == 0
    assert segmentations(out) == before


def test_a_case_whose_image_was_replaced_is_predicted_again(trained, out, tmp_path):
    images = Path(shutil.copytree(trained.images, tmp_path / "images"))
    before = segmentations(out)
    assert predict(trained, out, CONTINUE, FAST, images=images) == 0
    assert segmentations(out) == before  # the same files elsewhere
    write(read(next(images.glob("test_0*"))) * 0 + 1, next(images.glob("test_0*")))
    noted = record(out)["images_sha256"]
    assert predict(trained, out, CONTINUE, FAST, images=images) == 0
    assert segmentations(out)[CASES[0]] != before[CASES[0]]
    assert segmentations(out)[CASES[1]] == before[CASES[1]]
    now = record(out)["images_sha256"]
    assert now[CASES[0]] != noted[CASES[0]] and now[CASES[1]] == noted[CASES[1]]
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_the_order_of_folds_is_not_compared(trained, tmp_path):
    assert predict(trained, tmp_path / "out", FAST, folds=("0", "1")) == 0
    assert predict(trained, tmp_path / "out", CONTINUE, FAST, folds=("1", "0")) == 0


def test_a_bundle_continues_what_its_checkpoints_began(trained, out, tmp_path, capsys):
    export = ["export", "--format", "bundle", "-d", trained.id, "-tr", TRAINER]
    before = segmentations(out)
    for fold, status in (("0", 0), ("1", 1)):
        bundle = str(tmp_path / f"{fold}.zip")
        assert main([*export, "-f", fold, "-o", bundle]) == 0
        argv = ["predict", "--bundle", bundle, "-i", str(trained.images), "-o", str(out), "-device", "cpu"]
        assert main([*argv, "-npp", "0", "-nps", "0", FAST, CONTINUE]) == status
    assert "folds 0, now 1; " in capsys.readouterr().err
    assert segmentations(out) == before


def test_settings_are_recorded_before_the_first_case(trained, tmp_path, capsys, monkeypatch):
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
        with pytest.raises(KeyboardInterrupt):
            predict(trained, out, FAST)
    assert seen[0]["tile_step_size"] == 0.5 and seen[0]["cases"] == CASES
    begun = segmentations(out)
    assert list(begun) == CASES[:1]
    capsys.readouterr()
    assert predict(trained, out, CONTINUE, FAST, folds=("1",)) == 1
    assert "folds 0, now 1" in capsys.readouterr().err
    assert segmentations(out) == begun
    assert predict(trained, out, CONTINUE, FAST) == 0
    assert segmentations(out)[CASES[0]] == begun[CASES[0]] and sorted(segmentations(out)) == CASES
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_all_is_predicted_again_without_continuing_and_the_record_replaced(trained, out, capsys):
    assert predict(trained, out, FAST, folds=("1",)) == 0
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES and "earlier" not in record(out)
    assert predict(trained, out, CONTINUE, FAST, folds=("1",)) == 0
    assert predict(trained, out, CONTINUE, FAST, folds=("0",)) == 1
    assert "folds 1, now 0" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [[], [CONTINUE]])
def test_predictions_of_several_settings_in_one_folder_are_told_apart(trained, out, tmp_path, capsys, flags):
    """One case is predicted into the folder with other settings, as with -o for single files."""
    image = next(trained.images.glob("test_0*"))
    target = out / "with_fold_1.nii.gz"
    assert predict(trained, target, FAST, *flags, images=image, folds=("1",)) == 0
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == [target.name]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES
    assert predict(trained, out, CONTINUE, FAST, folds=("1",)) == 1
    assert "folds 0, now 1" in capsys.readouterr().err
    assert predict(trained, out, CONTINUE, FAST) == 0
    assert predict(trained, target, CONTINUE, FAST, images=image) == 1
    assert "folds 1, now 0" in capsys.readouterr().err


def test_a_prediction_that_is_kept_keeps_its_record(trained, out, tmp_path):
    images = shutil.copytree(trained.images, tmp_path / "images")
    next(images.glob("test_0*")).write_bytes(b"")
    assert predict(trained, out, FAST, images=images, folds=("1",)) == 1
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[1:]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES[:1]


def test_parts_are_continued_with_the_same_settings_only(trained, tmp_path, capsys):
    out, parts = tmp_path / "out", ("-num_parts", "2", "-part_id")
    assert predict(trained, out, FAST, *parts, "1") == 0
    assert record(out)["cases"] == CASES[1:]
    assert predict(trained, out, FAST, *parts, "0", CONTINUE, folds=("1",)) == 1
    assert "folds 0, now 1" in capsys.readouterr().err
    assert predict(trained, out, FAST, *parts, "0") == 0
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_a_parallel_call_that_writes_its_record_at_the_same_time_does_not_prevail(trained, out, monkeypatch):
    former, logits = (out / NNUNET_RECORD).read_text(), SlabPredictor.predict_logits_from_preprocessed_data

    def overtaken(self, data):
        (out / NNUNET_RECORD).write_text(former)
        return logits(self, data)

    monkeypatch.setattr(SlabPredictor, "predict_logits_from_preprocessed_data", overtaken)
    assert predict(trained, out, FAST, "-num_parts", "2", "-part_id", "0", folds=("1",)) == 0
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[:1]
    (earlier,) = record(out)["earlier"]
    assert earlier["folds"] == ["0"] and earlier["cases"] == CASES[1:]


def test_a_part_that_is_predicted_in_halves_after_an_error_keeps_the_record_of_another(
    trained, out, tmp_path, monkeypatch
):
    images = shutil.copytree(trained.images, tmp_path / "images")
    shutil.copy(images / "test_0_0000.nii.gz", images / "test_9_0000.nii.gz")  # in the part of the first case
    together, failed = SlabPredictor.predict_from_files_sequential, []

    @functools.wraps(together)  # nnU-Net reads the names of its parameters
    def fails_once(self, *args):
        if failed:
            return together(self, *args)
        failed.append(True)
        write_record(
            out, with_cases(recorded(out), settings_of(self), dict.fromkeys(CASES[1:], ""))
        )  # of a parallel call
        raise RuntimeError("once")

    monkeypatch.setattr(SlabPredictor, "predict_from_files_sequential", fails_once)
    parts = ("-num_parts", "2", "-part_id", "0")
    assert predict(trained, out, FAST, *parts, images=images, folds=("1",)) == 0
    assert failed and record(out)["folds"] == ["1"]
    assert record(out)["cases"] == [*CASES, "test_9.nii.gz"] and "earlier" not in record(out)


def test_predictions_without_a_record_are_kept_and_not_claimed(trained, out):
    """As `nnUNetv2_predict` and parallel calls leave them."""
    content = json.loads((out / NNUNET_RECORD).read_text())
    del content[OURS]
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    before = segmentations(out)
    assert predict(trained, out, CONTINUE, FAST, folds=("1",)) == 0
    assert segmentations(out) == before
    assert OURS not in json.loads((out / NNUNET_RECORD).read_text())
    (out / CASES[1]).unlink()
    assert predict(trained, out, CONTINUE, FAST, folds=("1",)) == 0
    assert segmentations(out)[CASES[0]] == before[CASES[0]]
    assert record(out)["folds"] == ["1"] and record(out)["cases"] == CASES[1:]


def test_a_record_of_an_earlier_version_is_compared_as_far_as_it_goes(trained, out, capsys):
    content = json.loads((out / NNUNET_RECORD).read_text())
    for key in ("cases", "weights_sha256", "images_sha256", "model", "folds", "checkpoint"):
        del content[OURS][key]
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    (out / CASES[1]).unlink()
    assert predict(trained, out, CONTINUE, FAST, folds=("0", "1")) == 1
    assert "other settings: folds_averaged 1, now 2. " in capsys.readouterr().err
    assert predict(trained, out, CONTINUE, FAST, folds=("1",)) == 0
    assert record(out)["cases"] == CASES[1:] and record(out)["earlier"] == [content[OURS]]


def test_other_versions_are_recorded_but_not_refused(trained, out):
    content = json.loads((out / NNUNET_RECORD).read_text())
    content[OURS]["versions"] = "nnunetv2 2.7"
    (out / NNUNET_RECORD).write_text(json.dumps(content))
    (out / CASES[1]).unlink()
    assert predict(trained, out, CONTINUE, FAST) == 0
    (earlier,) = record(out)["earlier"]
    assert (earlier["versions"], earlier["cases"]) == ("nnunetv2 2.7", CASES[:1])
    assert record(out)["cases"] == CASES[1:]


def test_a_predictor_that_is_used_again_leaves_the_record_as_it_is(trained, out, tmp_path):
    predictor = load_predictor(trained.folder, ["0"], device="cpu", use_mirroring=False, allow_tqdm=False)
    image = next(trained.images.glob("test_5*"))
    assert predict_files(predictor, [image], out, n_preprocessing=0, n_export=0) == []
    before = (out / NNUNET_RECORD).stat().st_mtime_ns
    predictor.predict_from_files_sequential([[str(image)]], [str(tmp_path / "nnunet")])
    assert (tmp_path / "nnunet.nii.gz").is_file()
    assert OURS not in json.loads((tmp_path / NNUNET_RECORD).read_text())
    assert (out / NNUNET_RECORD).stat().st_mtime_ns == before
