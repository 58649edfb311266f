"""The command `find-best`: nnU-Net's choice among given models, with instructions that work as written."""

import math
import os
import re
import shlex
import shutil

import pytest
import SimpleITK

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.comparison.find_best import with_own_predict
from tests.tiny_data import read
from tests.tiny_models import OURS, STOCK


def find_best(tiny, *more):
    return main(["find-best", "-d", str(tiny.id), "-m", OURS, STOCK, "-f", "0", "-np", "1", *more])


def test_the_instructions_work_as_written(trained, run_nnunet, nnunet_folders, tiny, tmp_path, capsys):
    assert find_best(tiny) == 0
    printed = capsys.readouterr().out
    assert re.search(r"Best: Tiny_nnUNetTrainer.*, Dice \d\.\d+, \d\.\d+ with postprocessing", printed)
    instructions = trained / "inference_instructions.txt"
    assert str(instructions) in printed
    lines = instructions.read_text().splitlines()
    commands = [line for line in lines if line.startswith(("nnUNetv2_", "nnunet-slice-attention "))]
    assert len(commands) in (2, 4)  # one model, or two and their ensemble; and the postprocessing
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    for command in commands:
        command = command.replace("INPUT_FOLDER", str(images)).replace("OUTPUT_FOLDER", str(tmp_path / "out"))
        name, *arguments = shlex.split(command)
        if name == "nnunet-slice-attention":
            assert main([*arguments, "-device", "cpu", "-npp", "1", "-nps", "1"]) == 0
        else:
            run_nnunet(name, *arguments, *(["-device", "cpu"] if name == "nnUNetv2_predict" else []))
    made = sorted((tmp_path / "out_PP").glob("*.nii.gz"))
    assert [path.name for path in made] == sorted(p.name.replace("_0000", "") for p in images.iterdir())
    for path in made:
        assert read(path).shape == read(images / path.name.replace(".nii", "_0000.nii")).shape


def test_models_of_this_package_are_predicted_by_its_own_command():
    theirs = "nnUNetv2_predict -d 5 -i IN -o OUT -f  0 1 -tr nnUNetTrainer -c 3d_fullres -p nnUNetPlans"
    ours = theirs.replace("nnUNetTrainer", "nnUNetTrainerTSFMUNet_Millimetres_50epochs")
    after = "nnUNetv2_apply_postprocessing -i OUT -o PP -pp_pkl_file nnUNetTrainerTSFMUNet__P__2d/x.pkl\n"
    found = with_own_predict("\n".join(["Run:", theirs, ours, after]))
    ours = ours.replace("nnUNetv2_predict", "nnunet-slice-attention predict")
    assert found == "\n".join(["Run:", theirs, ours, after])


def test_a_trainer_based_on_one_of_this_package_is_predicted_by_its_command_too(nnunet_folders):
    line = "nnUNetv2_predict -d 5 -i IN -o OUT -f  0 -tr {} -c 2d -p nnUNetPlans"
    lines = [line.format(model.partition("__")[0]) for model in (OURS, STOCK)]
    lines.append(line.format("NotInstalledHere"))
    ours = lines[0].replace("nnUNetv2_predict", "nnunet-slice-attention predict")
    assert with_own_predict("\n".join(lines)).splitlines() == [ours, *lines[1:]]


def test_predictions_of_an_earlier_training_are_refused(trained, tiny, capsys):
    checkpoint = trained / STOCK / "fold_0" / "checkpoint_final.pth"
    before = checkpoint.stat()
    try:
        os.utime(checkpoint, (2**33, 2**33))
        assert find_best(tiny) == 1
    finally:
        os.utime(checkpoint, ns=(before.st_atime_ns, before.st_mtime_ns))
    error = capsys.readouterr().err
    assert (
        f"{STOCK}: predictions of fold 0 are older than its final checkpoint" in error
        and "--val --npz" in error
    )


def test_what_an_earlier_choice_left_among_the_ensembles_is_not_evaluated(trained, tiny):
    ensemble = trained / "ensembles" / f"ensemble___{OURS}___{STOCK}___0"
    assert find_best(tiny) == 0
    made = sorted(path.name for path in ensemble.glob("*.nii.gz"))
    shutil.copy(ensemble / made[0], ensemble / "of_another_split.nii.gz")
    interrupted = ensemble / "postprocessed" / "temp" / "keep_largest_fg"  # nnU-Net removes it in the end
    interrupted.mkdir(parents=True, exist_ok=True)
    shutil.copy(ensemble / made[0], interrupted / "of_another_split.nii.gz")
    assert find_best(tiny) == 0
    assert sorted(path.name for path in ensemble.glob("*.nii.gz")) == made
    assert not list((ensemble / "postprocessed").rglob("of_another_split.nii.gz"))


def test_probabilities_without_a_prediction_are_named(trained, tiny, capsys):
    validation = trained / OURS / "fold_0" / "validation"
    left = validation / "of_another_split.npz"
    shutil.copy(next(validation.glob("*.npz")), left)
    try:
        assert find_best(tiny) == 1
        assert f"{left}: probabilities without a prediction" in capsys.readouterr().err
    finally:
        left.unlink()


def test_probabilities_of_a_training_before_the_predictions_count_as_not_saved(trained, tiny, capsys):
    checkpoint = trained / STOCK / "fold_0" / "checkpoint_final.pth"
    probabilities = next((trained / STOCK / "fold_0" / "validation").glob("*.npz"))
    before = probabilities.stat()
    try:
        os.utime(probabilities, (0, checkpoint.stat().st_mtime - 3600))
        assert find_best(tiny) == 1
    finally:
        os.utime(probabilities, ns=(before.st_atime_ns, before.st_mtime_ns))
    error = capsys.readouterr().err
    assert f"{STOCK}: validation probabilities are missing or older than the final checkpoint" in error


def test_labels_changed_after_preprocessing_are_named(trained, nnunet_folders, tiny, capsys):
    labels = nnunet_folders / "raw" / tiny.folder / "labelsTr"
    validated = {path.name for path in (trained / OURS / "fold_0" / "validation").glob("*.nii.gz")}
    evaluated, other = (
        next(p for p in labels.iterdir() if (p.name in validated) == yes) for yes in (True, False)
    )
    for changed, status in ((evaluated, 1), (other, 0)):
        before = changed.stat(), changed.read_bytes()
        try:
            image = SimpleITK.ReadImage(str(changed))
            SimpleITK.WriteImage(image * 0, str(changed))
            assert find_best(tiny) == status
        finally:
            changed.write_bytes(before[1])
            os.utime(changed, ns=(before[0].st_atime_ns, before[0].st_mtime_ns))
    case = evaluated.name.removesuffix(".nii.gz")
    assert f"the labels of {case} in {labels.parent} are not those in " in capsys.readouterr().err


@pytest.mark.parametrize("undefined", [[OURS], [STOCK], [OURS, STOCK]], ids=["first", "second", "both"])
def test_without_an_order_of_the_models_none_is_chosen(undefined, trained, tiny, capsys, monkeypatch):
    """nnU-Net's maximum of 0.5 and NaN is 0.5, that of NaN and 0.5 is NaN."""

    def read_summary(path):
        return {"foreground_mean": {"Dice": math.nan if any(model in path for model in undefined) else 0.5}}

    for module in (
        "nnunetv2.evaluation.find_best_configuration",
        "nnunet_slice_attention.comparison.find_best",
    ):
        monkeypatch.setattr(f"{module}.load_summary_json", read_summary)
    assert find_best(tiny, "--disable_ensembling") == 1
    expected = f"the mean Dice of {', '.join(undefined)} is undefined: a class is in no ground truth and no prediction"
    assert expected in capsys.readouterr().err
    assert not (trained / "inference_instructions.txt").exists()


def test_without_probabilities_the_next_step_is_named(trained, tiny, capsys):
    validation = trained / STOCK / "fold_0" / "validation"
    hidden = next(validation.glob("*.npz"))
    hidden.rename(validation / "hidden")
    try:
        assert find_best(tiny) == 1
        error = capsys.readouterr().err
        assert f"{STOCK}: validation probabilities are missing or older than the final checkpoint" in error
        assert "--val --npz" in error
        assert find_best(tiny, "--disable_ensembling") == 0
    finally:
        (validation / "hidden").rename(hidden)
