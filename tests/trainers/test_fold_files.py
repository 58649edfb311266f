"""A training that starts keeps an earlier one in its folder; one that continues has the plans, labels and split of its
beginning.
"""

import json
import re
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from nnunet_slice_attention.fold_split import check_trained_split, read_fold_record
from nnunet_slice_attention.fold_validation import validated_checkpoint
from nnunet_slice_attention.plans.slice_directions import SLICE_DIRECTIONS, slice_directions
from nnunet_slice_attention.trainers import base
from nnunet_slice_attention.trainers.checkpoint import read_checkpoint
from nnunet_slice_attention.trainers.fold_files import put_aside

TRAINER = "Tiny_nnUNetTrainerSAUNet"


@pytest.fixture
def fold(train, tiny, nnunet_folders, tmp_path, monkeypatch) -> Path:
    """A copy of a finished fold, the only one in nnUNet_results; batches are loaded in this process."""
    train(tiny, TRAINER)
    model = Path(tiny.folder, f"{TRAINER}__nnUNetPlans__2d")
    shutil.copytree(nnunet_folders / "results" / model, tmp_path / "results" / model)
    preprocessed = tmp_path / "preprocessed" / tiny.folder
    shutil.copytree(nnunet_folders / "preprocessed" / tiny.folder, preprocessed)
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    return tmp_path / "results" / model / "fold_0"


@pytest.fixture
def call(run_nnunet, tiny):
    def run(*options):
        run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", TRAINER, "-device", "cpu", *options)

    return run


def change(file, edit):
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


@pytest.fixture
def preprocessed(fold, tiny, tmp_path):
    return tmp_path / "preprocessed" / tiny.folder


def interrupt_the_first_epoch(monkeypatch):
    """In its middle."""
    from nnunet_slice_attention.trainers.base import nnUNetTrainerSlab

    def train_step(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr(nnUNetTrainerSlab, "train_step", train_step)


def interrupt(monkeypatch, epoch):
    """Ends the training in place of this epoch."""
    from nnunet_slice_attention.trainers.base import nnUNetTrainerSlab

    def on_epoch_start(self):
        if self.current_epoch == epoch:
            raise KeyboardInterrupt
        super(nnUNetTrainerSlab, self).on_epoch_start()

    monkeypatch.setattr(nnUNetTrainerSlab, "on_epoch_start", on_epoch_start, raising=False)


def follow_the_message(fold):
    """What the log says to do to continue the earlier training: the folder is then as before."""
    text = "".join(path.read_text() for path in fold.glob("training_log_*.txt"))
    (fold / re.search(r"remove its checkpoints and (training_log_\S+\.txt)", text)[1]).unlink()
    for path in fold.glob("*.pth"):
        path.unlink()
    for path in fold.glob("*.before"):
        path.replace(path.with_suffix(""))
    return fold


def test_a_training_without_c_keeps_the_earlier_one_and_c_then_continues_the_new_one(
    fold, call, tmp_path, monkeypatch
):
    earlier = (fold / "checkpoint_final.pth").read_bytes()
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        interrupt(context, 1)
        call()
    assert (fold / "checkpoint_final.pth.before").read_bytes() == earlier
    assert (fold / "validation.before" / "summary.json").is_file()
    assert not (fold / "validation").exists()
    back = follow_the_message(shutil.copytree(fold, tmp_path / "back"))
    assert read_fold_record(back) == json.loads((fold / "split.json.before").read_text())
    call("--c")
    logs = "".join(path.read_text() for path in sorted(fold.glob("training_log_*.txt")))
    assert re.findall(r"Epoch (\d+) *$", logs, re.MULTILINE) == ["0", "1", "0", "1"]
    assert read_checkpoint(fold / "checkpoint_final.pth").epochs == 2
    assert (fold / "checkpoint_final.pth.before").read_bytes() == earlier


@pytest.mark.parametrize(("in_plans", "readings"), [(True, 0), (False, 1)])
def test_c_takes_the_slice_directions_of_its_beginning_without_reading_all_cases_again(
    in_plans, readings, fold, call, monkeypatch
):
    plans, read = fold.parent / "plans.json", []
    noted = json.loads(plans.read_text())[SLICE_DIRECTIONS]
    if not in_plans:  # by an earlier version
        change(plans, lambda saved: saved.pop(SLICE_DIRECTIONS))
    monkeypatch.setattr(base, "slice_directions", lambda *args: read.append(args) or slice_directions(*args))
    call("--c")
    assert len(read) == readings
    assert json.loads(plans.read_text())[SLICE_DIRECTIONS] == noted


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_trial_without_checkpoints_may_have_another_split_and_leaves_the_check_of_the_folds_own(
    interrupted, fold, call, preprocessed, monkeypatch
):
    names = ("checkpoint_final.pth", "split.json", "validation/summary.json")
    earlier = {name: (fold / name).read_bytes() for name in names}
    change(preprocessed / "splits_final.json", lambda folds: folds.reverse())
    with monkeypatch.context() as context:
        if interrupted:
            interrupt_the_first_epoch(context)
        with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
            call("--disable_checkpointing")
    assert {name: (fold / name).read_bytes() for name in names} == earlier
    with pytest.raises(ValueError, match=r"was trained on another split"):
        call("--val")


def test_nothing_put_aside_is_overwritten(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "checkpoint_best.pth").write_text(str(number))
        put_aside(tmp_path)
    kept = ("checkpoint_best.pth.before", "checkpoint_best.pth.before2", "checkpoint_best.pth.before3")
    assert [(tmp_path / name).read_text() for name in kept] == ["1", "2", "3"]


def test_a_record_without_a_checkpoint_is_of_the_training_that_starts(tmp_path):
    (tmp_path / "split.json").write_text("{}")  # by crossval
    assert not put_aside(tmp_path) and (tmp_path / "split.json").is_file()


def test_a_validation_with_the_best_checkpoint_is_noted_until_that_with_the_final_one(fold, call):
    assert validated_checkpoint(fold) == "checkpoint_final.pth"
    call("--val", "--val_best")
    assert validated_checkpoint(fold) == "checkpoint_best.pth"
    call("--val", "--npz")  # the fold has probabilities, which are those of checkpoint_best until then
    assert validated_checkpoint(fold) == "checkpoint_final.pth"


def test_a_training_that_was_continued_is_validated_with_its_final_checkpoint(fold, call):
    (fold / "checkpoint_final.pth").unlink()
    call("--c")  # from checkpoint_best
    assert validated_checkpoint(fold) == "checkpoint_final.pth"


@pytest.mark.parametrize("option", ["--c", "--val"])
def test_other_plans_are_refused(option, fold, call, preprocessed):
    change(
        preprocessed / "nnUNetPlans.json", lambda plans: plans["configurations"]["2d"].update(spacing=[9, 9])
    )
    with pytest.raises(
        ValueError, match=r"was trained with spacing .*, but in the present plans it is \[9, 9\]"
    ):
        call(option)


def test_the_batch_may_have_another_size(fold, call, preprocessed):
    change(
        preprocessed / "nnUNetPlans.json", lambda plans: plans["configurations"]["2d"].update(batch_size=9)
    )
    (fold / "validation" / "summary.json").unlink()
    call("--val")
    assert (fold / "validation" / "summary.json").is_file()


def test_swapped_labels_are_refused(fold, call, preprocessed):
    change(preprocessed / "dataset.json", lambda d: d["labels"].update(disc=2, core=1))
    with pytest.raises(
        ValueError, match=r"was trained with labels.disc 1, but in the present dataset.json it is 2"
    ):
        call("--c")


@pytest.mark.parametrize("option", ["--c", "--val"])
def test_another_split_of_the_same_sizes_is_refused(option, fold, call, preprocessed):
    (split, *_) = json.loads((preprocessed / "splits_final.json").read_text())
    check_trained_split("m", fold, split["train"], split["val"])

    def swap(folds):
        folds[0]["train"][0], folds[0]["val"][0] = folds[0]["val"][0], folds[0]["train"][0]

    change(preprocessed / "splits_final.json", swap)
    expected = (
        r"another split than that of splits_final.json: 1 of its training cases are validation cases now"
    )
    with pytest.raises(ValueError, match=expected):
        call(option)
    (split, *_) = json.loads((preprocessed / "splits_final.json").read_text())
    with pytest.raises(ValueError, match=expected):  # as compare, crossval and _From2D do
        check_trained_split("m", fold, split["train"], split["val"])
