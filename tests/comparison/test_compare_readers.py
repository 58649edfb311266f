"""`compare` reads with the models' reader, which nnU-Net chose by a training image that need not be among the cases."""

import json

from tests.comparison.prediction_folders import compare
from tests.tiny_data import shear


def test_files_that_only_the_models_reader_can_read_are_compared(folders, capsys):
    for name in ("truth", "perfect", "small"):
        for path in sorted((folders / name).iterdir())[1:]:
            shear(path)
    assert compare(folders) == 1  # by the first ground truth, ITK
    assert "ITK only supports orthonormal direction cosines" in capsys.readouterr().err
    (folders / "small" / "plans.json").write_text(json.dumps({"image_reader_writer": "NibabelIO"}))
    assert compare(folders) == 0


def test_a_reader_of_other_files_or_an_unknown_one_is_not_used(folders):
    for reader in ("Tiff3DIO", "Unknown"):
        (folders / "perfect" / "plans.json").write_text(json.dumps({"image_reader_writer": reader}))
        assert compare(folders) == 0
