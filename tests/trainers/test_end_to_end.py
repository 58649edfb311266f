"""Train, validate, predict, ensemble and export with nnU-Net's own commands, on tiny data."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from tests.networks.configurations import UNETS
from tests.tiny_data import DEPTHS, TinyDataset, read, write_png

CSA = "Tiny_nnUNetTrainerCSANet"
STOCK = "Tiny_nnUNetTrainer"


def model_folder(root: Path, dataset, trainer: str) -> Path:
    return root / "results" / dataset.folder / f"{trainer}__nnUNetPlans__2d"


def predict(run_nnunet, root, dataset, trainer, out: Path) -> dict[str, np.ndarray]:
    run_nnunet(
        "nnUNetv2_predict", "-i", root / "raw" / dataset.folder / "imagesTs", "-o", out, "-d", dataset.id, "-c", "2d",
        "-f", 0, "-tr", trainer, "-device", "cpu", "-npp", 1, "-nps", 1, "--save_probabilities",
    )  # fmt: skip
    return {p.name: read(p) for p in sorted(out.glob("*.nii.gz"))}


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    for trainer in (CSA, STOCK):
        train(tiny, trainer)
    return model_folder(nnunet_folders, tiny, CSA)


def test_training_validates_all_cases_and_saves_deep_slabs(trained):
    plans = json.loads((trained / "plans.json").read_text())
    config, median = plans["configurations"]["2d"], plans["original_median_shape_after_transp"][0]
    depth, *in_plane = config["patch_size"]
    assert depth == min(round(median), 2 * config["batch_size"])
    assert len(in_plane) == 2
    summary = json.loads((trained / "fold_0" / "validation" / "summary.json").read_text())
    split = json.loads(
        (Path(os.environ["nnUNet_preprocessed"]) / "Dataset701_Tiny" / "splits_final.json").read_text()
    )
    assert len(summary["metric_per_case"]) == len(split[0]["val"])
    checkpoint = torch.load(trained / "fold_0" / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["inference_allowed_mirroring_axes"] == (1, 2)


def test_prediction_ensembling_and_export_work_and_the_imported_model_predicts_the_same(
    trained, run_nnunet, nnunet_folders, tiny, tmp_path
):
    ours = predict(run_nnunet, nnunet_folders, tiny, CSA, tmp_path / "csa")
    assert [v.shape[0] for v in ours.values()] == [d for d in DEPTHS if d in (7, 1)]
    predict(run_nnunet, nnunet_folders, tiny, STOCK, tmp_path / "stock")
    run_nnunet(
        "nnUNetv2_ensemble", "-i", tmp_path / "csa", tmp_path / "stock", "-o", tmp_path / "both", "-np", 1
    )
    assert {p.name for p in (tmp_path / "both").glob("*.nii.gz")} == set(ours)

    archive = tmp_path / "model.zip"
    run_nnunet(
        "nnUNetv2_export_model_to_zip",
        "-d",
        tiny.id,
        "-o",
        archive,
        "-c",
        "2d",
        "-f",
        0,
        "-tr",
        CSA,
        "--not_strict",
    )
    shutil.move(trained, tmp_path / "original")
    run_nnunet("nnUNetv2_install_pretrained_model_from_zip", archive)
    again = predict(run_nnunet, nnunet_folders, tiny, CSA, tmp_path / "again")
    shutil.rmtree(trained)
    shutil.move(tmp_path / "original", trained)
    for name, segmentation in ours.items():
        np.testing.assert_array_equal(again[name], segmentation)


@pytest.mark.parametrize("network", [*sorted(set(UNETS) - {"CSANet"}), "VAMaskRCNN_ResNet18_1sliceImages"])
def test_every_other_network_trains_validates_and_predicts(
    network, train, run_nnunet, nnunet_folders, tiny, tmp_path
):
    trainer = f"Tiny_nnUNetTrainer{network}"
    train(tiny, trainer)  # once, because other tests use the model and the probabilities it saved
    fold = model_folder(nnunet_folders, tiny, trainer) / "fold_0"
    assert (fold / "validation" / "summary.json").exists()
    predicted = predict(run_nnunet, nnunet_folders, tiny, trainer, tmp_path)
    assert [v.shape[0] for v in predicted.values()] == [d for d in DEPTHS if d in (7, 1)]


def test_regions_an_ignore_label_and_two_channels_train_and_validate(
    run_nnunet, nnunet_folders, tiny_regions
):
    trainer = f"{CSA}_ShortSlabs_AdamW_8heads"
    run_nnunet("nnUNetv2_train", tiny_regions.id, "2d", 0, "-tr", trainer, "-device", "cpu")
    folder = model_folder(nnunet_folders, tiny_regions, trainer)
    summary = json.loads((folder / "fold_0" / "validation" / "summary.json").read_text())
    assert set(summary["mean"]) == {"(1, 2)", "(2,)"}
    for case in summary["metric_per_case"]:
        segmentation = read(Path(case["prediction_file"]))
        for counts in case["metrics"].values():
            evaluated = sum(counts[kind] for kind in ("TP", "FP", "FN", "TN"))
            assert evaluated == segmentation[:, 6:].size  # the first six rows have the ignore label
    checkpoint = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)
    weights, optimizer = checkpoint["network_weights"], checkpoint["optimizer_state"]
    assert all(torch.isfinite(w).all() for w in weights.values())
    assert np.isfinite(checkpoint["logging"]["train_losses"]).all()
    # AdamW's moments: all weights were trained but those of the coarsest head, whose loss has weight 0 in nnU-Net.
    assert all(moments["exp_avg"].any() for moments in optimizer["state"].values())
    assert len(optimizer["state"]) == sum(len(group["params"]) for group in optimizer["param_groups"]) - 2

    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False)
    predictor.initialize_from_trained_model_folder(str(folder), (0,))
    assert predictor.network.next.attention.num_heads == 8
    # All zero, e.g. air around a brain that was normalised within a mask.
    logits = predictor.network.eval()(torch.zeros(1, 2, 3, 40, 40))
    assert (logits < 0).all()  # no region: channel 0 is the first region, not the background


def test_png_images_are_an_error_with_the_next_step(run_nnunet, nnunet_folders):
    dataset = TinyDataset(703, "TinyPNG")
    write_png(nnunet_folders / "raw", dataset)
    run_nnunet("nnUNetv2_plan_and_preprocess", "-d", dataset.id, "-c", "2d", "-np", 1, "-npfp", 1)
    with pytest.raises(ValueError, match="has 2D images .*Train nnU-Net's own nnUNetTrainer"):
        run_nnunet("nnUNetv2_train", dataset.id, "2d", 0, "-tr", CSA, "-device", "cpu")
    assert not model_folder(nnunet_folders, dataset, CSA).exists()
