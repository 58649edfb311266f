"""The split that "Your own data" writes keeps the volumes of a patient together."""

import json
from pathlib import Path

from nnunet_slice_attention.dataset_files import read_splits
from tests.docs.shell_blocks import blocks_of

PAGE = Path(__file__).parents[2] / "docs" / "getting-started" / "your-own-data.md"


def test_no_patient_is_in_training_and_validation_of_a_fold(tmp_path, monkeypatch):
    folder = tmp_path / "Dataset027_ACDC"
    (folder / "gt_segmentations").mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps({"file_ending": ".nii.gz"}))
    cases = {f"patient{patient:03d}_frame{frame}" for patient in range(7) for frame in (1, 9)}
    for case in cases:
        (folder / "gt_segmentations" / f"{case}.nii.gz").touch()
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path))
    (code,) = (block.code for block in blocks_of(PAGE) if block.language == "python")
    exec(compile(code, str(PAGE), "exec"), {})
    splits = read_splits(folder / "splits_final.json")
    assert len(splits) == 5
    assert sorted(case for split in splits for case in split["val"]) == sorted(cases)
    for split in splits:
        assert {*split["train"]} | {*split["val"]} == cases
        assert not {case[:10] for case in split["train"]} & {case[:10] for case in split["val"]}
