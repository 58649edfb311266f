"""Dice of a few validation cases during training, without affecting it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.inference.predictor import SlabPredictor
from nnunet_slice_attention.networks.compiled import uncompiled


def spread_cases(cases: list[str], count: int) -> list[str]:
    """At most `count` of the cases, evenly spaced in their sorted list: the same for all models."""
    positions = np.linspace(0, len(cases) - 1, min(count, len(cases))).round().astype(int)
    return [sorted(cases)[i] for i in positions]


def dice_of_cases(trainer: nnUNetTrainer, count: int) -> list[dict]:
    """Rows with case, structure and dice of `count` validation cases, without mirroring, at the plans' spacing.

    Dice is NaN where neither prediction nor truth has the structure.
    """
    cases = spread_cases(trainer.do_split()[1], count)
    dataset = trainer.dataset_class(trainer.preprocessed_dataset_folder, cases)
    predictor = SlabPredictor(
        use_mirroring=False, perform_everything_on_device=True, device=trainer.device, allow_tqdm=False
    )
    # What the model will be predicted with; some trainers train on other patches.
    plan = trainer.plans_manager.get_configuration(trainer.configuration_name)
    network = uncompiled(trainer.network)
    predictor.manual_initialization(
        network, trainer.plans_manager, plan, None, trainer.dataset_json, "", None
    )
    rows = []
    with evaluation_mode(trainer):
        for case in cases:
            data, truth, *_ = dataset.load_case(case)
            logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(data[:])).cpu()
            predicted = np.asarray(trainer.label_manager.convert_logits_to_segmentation(logits))
            for structure, dice in dice_of_structures(predicted, truth[0], trainer).items():
                rows.append({"case": case, "structure": structure, "dice": round(dice, 5)})
    return rows


@contextmanager
def evaluation_mode(trainer: nnUNetTrainer) -> Iterator[None]:
    """Evaluation mode without deep supervision; restores training mode and random states."""
    of_numpy, of_python = np.random.get_state(), random.getstate()
    training = trainer.network.training
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    try:
        with torch.random.fork_rng(), torch.no_grad():
            yield
    finally:
        trainer.network.train(training)
        trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
        np.random.set_state(of_numpy)
        random.setstate(of_python)


def dice_of_structures(predicted: np.ndarray, truth: np.ndarray, trainer: nnUNetTrainer) -> dict[str, float]:
    """Of two label maps, by the structure's name; voxels that have the ignore label do not count."""
    counted = truth != trainer.label_manager.ignore_label
    dice = {}
    for structure, labels in trainer.dataset_json["labels"].items():
        if structure in ("background", "ignore"):
            continue
        a, b = (np.isin(m, labels) & counted for m in (predicted, truth))
        both = np.count_nonzero(a) + np.count_nonzero(b)
        dice[structure] = 2 * np.count_nonzero(a & b) / both if both else float("nan")
    return dice
