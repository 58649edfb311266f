"""What predictions were made with, noted beside them: without it two folders of one model cannot be told apart."""

import json
from pathlib import Path

from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from ..environment import OURS, commit, versions
from ..files import read_json_or_empty, write_text

SETTINGS = "predict_from_raw_data_args.json"  # in which nnU-Net notes files and processes


def record_settings(predictor: nnUNetPredictor, folder: Path) -> None:
    """Add to nnU-Net's note in `folder` what decides the result, under the name of this package."""
    path = folder / SETTINGS
    noted = read_json_or_empty(path)  # {} if it is just being written by another part of the cases
    noted[OURS] = {
        "trainer": predictor.trainer_name,
        "plans": predictor.plans_manager.plans_name,
        "folds_averaged": len(predictor.list_of_parameters),
        "mirroring_axes": list(predictor.allowed_mirroring_axes or ()) if predictor.use_mirroring else [],
        "tile_step_size": predictor.tile_step_size,
        "neighbours": predictor.neighbours,
        "versions": versions(),
        "commit": commit(),
    }
    write_text(path, json.dumps(noted, indent=2))
