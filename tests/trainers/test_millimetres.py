"""Trainers with `_Millimetres`, on volumes of mixed slice spacing whose slices lie along the files' first axis."""

import json
import pickle
import warnings
import zipfile
from itertools import combinations

import numpy as np
import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference.trained_model import load_predictor
from nnunet_slice_attention.networks.tsfm_unet import _warn_of_the_assumed_spacing
from tests.bundle import bundles
from tests.tiny_data import TinyDataset, draw_volume, narrow, read, write
from tests.trainers.strengthened import probabilities, strengthen

SPACINGS = (1.5, 12.0, 4.0, 6.0, 2.0, 20.0)  # mm, of each training volume
REFERENCE = 5.0  # their median
SLICES = 5  # as many as a window of nnU-Net's prediction, whose slices then have all their neighbours
MIXED = TinyDataset(704, "MixedSpacing")
TRAINER = "Tiny_nnUNetTrainerTSFMUNet_Millimetres"


def write_along_x(array, path, slice_spacing):
    write(np.moveaxis(array, 0, -1), path, (slice_spacing, 1.0, 1.0))


@pytest.fixture(scope="module")
def mixed(run_nnunet, nnunet_folders):
    folder = nnunet_folders / "raw" / MIXED.folder
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub).mkdir(parents=True)
    for i, spacing in enumerate(SPACINGS):
        (image,), labels = draw_volume(SLICES, i, 1, False)
        write_along_x(image, folder / "imagesTr" / f"case_{i}_0000.nii.gz", spacing)
        write_along_x(labels, folder / "labelsTr" / f"case_{i}.nii.gz", spacing)
    (folder / "dataset.json").write_text(json.dumps(MIXED.dataset_json))
    run_nnunet("nnUNetv2_plan_and_preprocess", "-d", MIXED.id, "-c", "2d", "-np", 1, "-npfp", 1)
    path = nnunet_folders / "preprocessed" / MIXED.folder / "nnUNetPlans.json"
    plans = json.loads(path.read_text())
    assert plans["transpose_forward"] == [2, 0, 1]
    path.write_text(json.dumps(narrow(plans)))
    return MIXED


@pytest.mark.parametrize("suffix", ["", "_RandomDistance", "_2DFirst"])
def test_batches_have_each_cases_spacing_after_augmentation(suffix, mixed, nnunet_folders, monkeypatch):
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    trainer = get_trainer_from_args(str(mixed.id), "2d", 0, f"{TRAINER}{suffix}", device=torch.device("cpu"))
    trainer.on_train_start()
    pickle.dumps(trainer.get_tr_and_val_datasets())  # for loaders that are spawned
    drawn = []
    for loader in (trainer.dataloader_train, trainer.dataloader_val):
        drawn.append(set())
        for batch in (next(loader) for _ in range(6)):
            assert batch["data"].shape[1] == 2
            for case, volume in zip(batch["keys"], batch["data"][:, 1], strict=True):
                *_, distance = values = volume.unique().tolist()
                assert values in ([distance], [0, distance])  # 0 outside of the volume
                drawn[-1].add(round(distance * REFERENCE / SPACINGS[int(case[-1])], 4))
    assert drawn == [{1, 2} if suffix == "_RandomDistance" else {1}, {1}]
    trainer.network.train()
    assert np.isfinite(trainer.train_step(next(trainer.dataloader_train))["loss"])


@pytest.fixture(scope="module")
def trained(mixed, train, run_nnunet, nnunet_folders):
    """Its folder, validated again after giving positions more effect than two steps do."""
    train(mixed, TRAINER)
    folder = nnunet_folders / "results" / mixed.folder / f"{TRAINER}__nnUNetPlans__2d"
    ends = ("value.weight", "out.weight")
    strengthen(folder, lambda name: name.startswith("transformer.") and name.endswith(ends))
    run_nnunet("nnUNetv2_train", mixed.id, "2d", 0, "-tr", TRAINER, "-device", "cpu", "--val", "--npz")
    return folder


@pytest.fixture
def other_header(trained, nnunet_folders, mixed, tmp_path):
    """A folder with a validation case's image, and the same voxels with a header of other spacings."""
    (tmp_path / "images").mkdir()
    cases = [path.stem for path in (trained / "fold_0" / "validation").glob("*.npz")]
    case = max(cases, key=lambda case: abs(np.log(SPACINGS[int(case[-1])] / REFERENCE)))
    image = np.moveaxis(
        read(nnunet_folders / "raw" / mixed.folder / "imagesTr" / f"{case}_0000.nii.gz"), -1, 0
    )
    for name, spacing in {"own": SPACINGS[int(case[-1])], "wide": 15.0, "median": REFERENCE}.items():
        write_along_x(image, tmp_path / "images" / f"{name}_0000.nii.gz", spacing)
    return tmp_path / "images", case


def apart(a, b):
    """Around the middle: nnU-Net collects logits in half precision, too coarse for their weights at the edges."""
    return np.abs(a - b)[:, 10:30, 8:28].max()


SAME, DIFFERENT = 0.002, 0.01


def test_validation_prediction_and_a_bundle_have_the_headers_spacing_and_nnunets_command_the_median(
    trained, other_header, run_nnunet, mixed, tmp_path
):
    images, case = other_header
    arguments = [*map(str, ("-i", images, "-d", mixed.id, "-tr", TRAINER, "-f", 0, "-npp", 1, "-nps", 1))]
    arguments += ["-device", "cpu", "--save_probabilities"]
    assert main(["predict", *arguments, "-o", str(tmp_path / "ours"), "--attention"]) == 0
    ours = probabilities(tmp_path / "ours")
    validated = np.load(trained / "fold_0" / "validation" / f"{case}.npz")["probabilities"]
    assert apart(ours["own"], validated) < SAME
    assert min(apart(*pair) for pair in combinations(ours.values(), 2)) > DIFFERENT

    _warn_of_the_assumed_spacing.__wrapped__.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run_nnunet("nnUNetv2_predict", *arguments, "-c", "2d", "-o", tmp_path / "stock")
    assert sum("_Millimetres" in str(warning.message) for warning in caught) == 1
    for stock in probabilities(tmp_path / "stock").values():
        assert apart(stock, ours["median"]) < SAME

    bundle = bundles.export(mixed, tmp_path / "b.zip", trainer=TRAINER)
    assert bundles.predict(images, tmp_path / "bundle", "--bundle", str(bundle)) == 0
    for name, bundled in probabilities(tmp_path / "bundle").items():
        np.testing.assert_array_equal(bundled, ours[name])
    card = zipfile.ZipFile(bundle).read("MODEL_CARD.md").decode()
    assert "nnUNetv2_predict` cannot, and segments each image as one of 5 mm" in card

    tables = [(tmp_path / "ours" / "attention" / f"{name}.csv").read_text() for name in ("own", "wide")]
    assert tables[0] != tables[1]


def test_arrays_are_predicted_with_their_spacing(trained, other_header):
    images, _ = other_header
    predictor = load_predictor(trained, [0], device="cpu", use_mirroring=False)
    array = read(images / "own_0000.nii.gz")[None]
    found = [
        predictor.predict_single_npy_array(
            array, {"spacing": [1.0, 1.0, mm]}, save_or_return_probabilities=True
        )[1]
        for mm in (REFERENCE, 12.0)
    ]
    assert apart(*found) > DIFFERENT


def test_another_reference_spacing_than_in_training_is_refused(trained):
    path = trained / "plans.json"
    saved = path.read_text()
    plans = json.loads(saved)
    assert plans["slice_attention_reference_spacing"] == REFERENCE
    path.write_text(json.dumps(plans | {"slice_attention_reference_spacing": 6.0}))
    try:
        with pytest.raises(
            ValueError, match="slice_attention_reference_spacing 6.0, but fold 0 was trained with 5.0"
        ):
            load_predictor(trained, [0], device="cpu")
    finally:
        path.write_text(saved)
