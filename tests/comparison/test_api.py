"""`compare` from Python."""

import json

import numpy as np
import pandas as pd

from nnunet_slice_attention import compare
from tests.tiny_data import TinyDataset, draw_volume, write


def test_names_that_look_like_numbers_or_missing_values_are_kept(tmp_path):
    cases = ["001", "1e3", "NA", "None"]
    for i, case in enumerate(cases):
        _, labels = draw_volume(3, i, channels=1, with_ignore=False)
        disc_only = np.minimum(labels, 1)
        for name, volume in (("truth", disc_only), ("01", disc_only), ("nan", labels * 0)):
            (tmp_path / name).mkdir(exist_ok=True)
            write(volume, tmp_path / name / f"{case}.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps(TinyDataset(1, "Tiny").dataset_json))
    table = compare(
        {name: tmp_path / name for name in ("01", "nan")},
        tmp_path / "out",
        ground_truth=tmp_path / "truth",
        dataset_json=tmp_path / "dataset.json",
        processes=1,
    )
    assert set(table.model) == {"01", "nan"}
    assert set(table.case) == set(table.patient) == set(cases)
    dice = table.pivot_table("dice", "structure", "model", dropna=False)
    assert dice.loc["disc"].to_dict() == {"01": 1.0, "nan": 0.0}
    assert dice.loc["core"].isna().all()  # in no ground truth and no prediction
    assert table.fold.isna().all() and pd.api.types.is_numeric_dtype(table.hd95)
