"""A model with `_Position`, trained 2D first: how it is validated, and what predicts as it does."""

import json
import zipfile

import numpy as np
import pytest
import SimpleITK
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_slice_attention.inference.direction_notes import notes_on_directions
from nnunet_slice_attention.inference.find_cases import find_cases
from nnunet_slice_attention.inference.trained_model import load_predictor
from nnunet_slice_attention.plans.slice_directions import SLICE_ORDERS
from tests.bundle import bundles
from tests.tiny_data import DEPTHS, SPACING, read
from tests.trainers.strengthened import probabilities, strengthen

TRAINER = "Tiny_nnUNetTrainerSliceAttention_Position"


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    """Its folder. After training, positions and neighbours get more effect than two steps give them."""
    train(tiny, TRAINER)
    folder = nnunet_folders / "results" / tiny.folder / f"{TRAINER}__nnUNetPlans__2d"
    strengthen(folder, lambda name: name.endswith(("slice_position.codes.2.weight", ".out.weight")), 0.5)
    return folder


def test_both_phases_and_validation_ran_and_the_saved_patch_holds_whole_volumes(trained):
    plans = json.loads((trained / "plans.json").read_text())
    depth = plans["configurations"]["2d"]["patch_size"][0]
    assert depth == 4 * round(plans["original_median_shape_after_transp"][0]) > max(DEPTHS)
    log = "".join(path.read_text() for path in (trained / "fold_0").glob("training_log_*.txt"))
    assert "Phase: 2D, single slices" in log and "Phase: with neighbouring slices" in log
    assert (trained / "fold_0" / "validation" / "summary.json").exists()


@pytest.mark.parametrize("option", ["--val", "--c"])
def test_validation_has_the_neighbours_and_the_depth_of_prediction(
    option, trained, run_nnunet, nnunet_folders, tiny
):
    """`--val` validates in the phase of epoch 0, which is 2D; `--c` in that of slabs, which have three slices."""
    run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", TRAINER, "-device", "cpu", option, "--npz")
    predictor = load_predictor(trained, [0], device="cpu")
    validated = probabilities(trained / "fold_0" / "validation")
    case = max(validated, key=lambda case: validated[case].shape[1])
    assert validated[case].shape[1] > 3
    image = read(nnunet_folders / "raw" / tiny.folder / "imagesTr" / f"{case}_0000.nii.gz")[None]

    def differs() -> float:
        _, found = predictor.predict_single_npy_array(
            image, {"spacing": SPACING[::-1]}, save_or_return_probabilities=True
        )
        return np.abs(found - validated[case]).max()

    assert differs() < 0.01
    predictor.network.set_two_dimensional(True)
    assert differs() > 0.1


def test_nnunets_command_ours_and_a_bundle_predict_the_same(
    trained, run_nnunet, nnunet_folders, tiny, tmp_path
):
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    run_nnunet(
        "nnUNetv2_predict", "-i", images, "-o", tmp_path / "stock", "-d", tiny.id, "-c", "2d", "-f", 0,
        "-tr", TRAINER, "-device", "cpu", "-npp", 1, "-nps", 1, "--save_probabilities",
    )  # fmt: skip
    bundle = bundles.export(tiny, tmp_path / "b.zip", trainer=TRAINER)
    with_attention = ["-d", str(tiny.id), "-tr", TRAINER, "--attention"]
    assert bundles.predict(images, tmp_path / "ours", *with_attention) == 0
    assert bundles.predict(images, tmp_path / "bundle", "--bundle", str(bundle)) == 0
    card = zipfile.ZipFile(bundle).read("MODEL_CARD.md").decode()
    assert "a slice's position between the first and the last slice matters" in card
    stock, ours, bundled = (probabilities(tmp_path / name) for name in ("stock", "ours", "bundle"))
    assert list(stock) == list(ours) == list(bundled)
    for name, found in ours.items():
        np.testing.assert_array_equal(bundled[name], found)
        assert np.abs(stock[name] - found).max() < 0.01  # nnU-Net collects logits in half precision
    assert len(list((tmp_path / "ours" / "attention").glob("*.csv"))) == len(ours)


@pytest.fixture
def in_both_orders(nnunet_folders, tiny, tmp_path):
    """A folder with one image twice, the second time with its slices from the last to the first."""
    (source, *_) = sorted((nnunet_folders / "raw" / tiny.folder / "imagesTs").glob("*.nii.gz"))
    folder, image = tmp_path / "images", SimpleITK.ReadImage(str(source))
    folder.mkdir()
    for name, stored in {"same": image, "reverse": SimpleITK.DICOMOrient(image, "LPI")}.items():
        SimpleITK.WriteImage(stored, str(folder / f"{name}_0000.nii.gz"))
    return folder


@pytest.mark.parametrize("as_bundle", [False, True])
def test_images_in_the_reverse_order_are_predicted_and_named(
    as_bundle, trained, in_both_orders, tiny, tmp_path, capsys
):
    model = ["-d", str(tiny.id), "-tr", TRAINER, "-f", "0"]
    if as_bundle:
        model = ["--bundle", str(bundles.export(tiny, tmp_path / "b.zip", trainer=TRAINER))]
    assert bundles.predict(in_both_orders, tmp_path / "out", *model) == 0
    error = capsys.readouterr().err
    assert "1 images are stored in the reverse order of those of training: reverse_0000.nii.gz." in error
    assert "another direction" not in error
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == [
        "reverse.nii.gz",
        "same.nii.gz",
    ]


@pytest.mark.parametrize("reader", ["SimpleITKIO", "NibabelIO"])
def test_an_order_that_training_did_not_note_is_not_checked(reader, trained, in_both_orders, tmp_path):
    plans = json.loads((trained / "plans.json").read_text()) | {"image_reader_writer": reader}
    assert plans[SLICE_ORDERS] == [[0.0, 0.0, 1.0]]
    cases = find_cases([in_both_orders], tmp_path / "out", ".nii.gz")
    (note,) = notes_on_directions(cases, PlansManager(plans))
    assert "reverse_0000" in note and "same_0000" not in note
    del plans[SLICE_ORDERS]
    assert notes_on_directions(cases, PlansManager(plans)) == []
