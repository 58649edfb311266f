"""Records the settings of a prediction next to it, to distinguish predictions of the same model."""

import json
from pathlib import Path

from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from ..environment import OURS, commit, versions
from ..files import read_json_or_empty, write_text

SETTINGS = "predict_from_raw_data_args.json"  # nnU-Net's record of files and processes


def record_settings(predictor: nnUNetPredictor, folder: Path) -> None:
    """Add the settings that affect the result to nnU-Net's record in `folder`, under the name of this package."""
    path = folder / SETTINGS
    record = read_json_or_empty(path)  # {} while a parallel call is writing it
    record[OURS] = {
        "trainer": predictor.trainer_name,
        "plans": predictor.plans_manager.plans_name,
        "folds_averaged": len(predictor.list_of_parameters),
        "mirroring_axes": list(predictor.allowed_mirroring_axes or ()) if predictor.use_mirroring else [],
        "tile_step_size": predictor.tile_step_size,
        "neighbours": predictor.neighbours,
        "versions": versions(),
        "commit": commit(),
    }
    write_text(path, json.dumps(record, indent=2))
