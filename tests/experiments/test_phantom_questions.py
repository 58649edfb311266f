"""The phantom's questions read tables of both shapes: one column per structure, as the first are, and fresh ones."""

from benchmark_results.detector_phantom.experiment import EXPERIMENT, detection_of_arms
from benchmark_results.phantom.experiment import dice_of_arms
from experiments.csv_rows import merge, write_csv
from experiments.results import Results
from experiments.run import Run

DICE = {"a": {"vessel": "0.5", "nodule": "0.7"}, "b": {"vessel": "0.7", "nodule": "0.9"}}
ROW = "| {trainer} | 2 | 2 | 0.600 ± 0.000 | 0.800 ± 0.000 | 0.700 ± 0.000 |"


def cells(arm: str, seed: int) -> dict[str, str]:
    trainer = EXPERIMENT.trainer(arm)
    return Run(arm, 998, "P", "2d", trainer, 0, seed, 10, 250).cells() | {"commit": "abc"}


def test_dice_of_a_fresh_table(tmp_path):
    rows = [
        cells(arm, seed) | {"case": case, "structure": structure, "dice": dice}
        for arm in ("VAMaskRCNN", "VAUNet")
        for seed in (0, 1)
        for case, of_case in DICE.items()
        for structure, dice in of_case.items()
    ]
    merge(tmp_path / "cases.csv", rows)
    *_, detector, network = dice_of_arms(Results(tmp_path, EXPERIMENT)).splitlines()
    assert detector == ROW.format(trainer="nnUNetTrainerVAMaskRCNN_ResNet18_1sliceImages")
    assert network == ROW.format(trainer="nnUNetTrainerVAUNet")


def test_dice_of_a_table_with_a_column_for_each_structure(tmp_path):
    rows = [
        {"trainer": "nnUNetTrainerVAUNet", "seed": seed, "commit": "abc", "case": case} | of_case
        for seed in (0, 1)
        for case, of_case in DICE.items()
    ]
    write_csv(tmp_path / "cases.csv", list(rows[0]), rows)
    assert dice_of_arms(Results(tmp_path, EXPERIMENT)).splitlines()[-1] == ROW.format(
        trainer="nnUNetTrainerVAUNet"
    )


def test_detection_of_a_fresh_table(tmp_path):
    names = "ap50", "sensitivity_0.5", "sensitivity_1", "sensitivity_2"
    rows = [
        cells("BeforeRCNN", seed) | {"structure": structure} | dict.fromkeys(names, value)
        for seed in (0, 1)
        for structure, value in (("vessel", "0.25"), ("nodule", "0.75"))
    ]
    merge(tmp_path / "detected.csv", rows)
    *_, row = detection_of_arms(Results(tmp_path, EXPERIMENT)).splitlines()
    assert row == "| nnUNetTrainerVAMaskRCNN_ResNet18_1sliceImages_BeforeRCNN | 2 |" + " 0.500 ± 0.000 |" * 4
