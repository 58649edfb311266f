"""nnU-Net's validation results, and whether those in a fold's folder are of its present weights.

nnU-Net leaves the validation of an earlier training in place, and its summary lists every prediction of the folder,
also those that were left. --val_best replaces that of the final checkpoint, and looks the same.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .files import read_json, read_json_or_empty, write_text
from .model_name import FINAL, LATEST

NOTE = "validation_checkpoint.json"  # beside the predictions of another checkpoint than the final one


def summary_file(fold: Path) -> Path:
    """nnU-Net's validation results for a fold's folder."""
    return fold / "validation" / "summary.json"


@contextmanager
def noted_checkpoint(fold: Path, checkpoint: str, probabilities: bool = False) -> Iterator[None]:
    """Around a validation: notes a checkpoint other than the final one.

    An interrupted validation leaves predictions of both, so the note is made before, and removed only after a complete
    validation of the final checkpoint; if that saves no `probabilities`, only where none are left of the other.
    """
    note = summary_file(fold).with_name(NOTE)
    if checkpoint != FINAL:
        note.parent.mkdir(parents=True, exist_ok=True)
        write_text(note, json.dumps({"checkpoint": checkpoint}))
    yield
    if checkpoint == FINAL and (probabilities or not any(note.parent.glob("*.npz"))):
        note.unlink(missing_ok=True)


def validated_checkpoint(fold: Path) -> str:
    """File name of the checkpoint that a fold was validated with; the final one if our trainers noted no other."""
    return read_json_or_empty(summary_file(fold).with_name(NOTE)).get("checkpoint", FINAL)


def evaluated_cases(summary: Path) -> list[dict]:
    """The entries of a `summary.json` for all cases, as nnU-Net's evaluation writes them.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged.
    """
    again = "Evaluate again: a validation with nnUNetv2_train --val, a folder with nnUNetv2_evaluate_folder."
    cases = read_json(summary, again, keys=("metric_per_case",))["metric_per_case"]
    if not isinstance(cases, list) or not all(isinstance(case, dict) and "metrics" in case for case in cases):
        raise ValueError(f"{summary} is damaged: metric_per_case is not a list of evaluated cases. {again}")
    return cases


def began_again(fold: Path) -> bool:
    """Whether a finished fold was started again and has not ended: `checkpoint_latest` is newer than the final one.

    A training that ends removes the first. Our trainers put a finished training aside, nnU-Net's own leave its final
    checkpoint, which every command, and --c, prefers.
    """
    final, latest = fold / FINAL, fold / LATEST
    return final.is_file() and latest.is_file() and final.stat().st_mtime < latest.stat().st_mtime


def note_begun_again(name: str, fold: Path) -> None:
    """Print a note on stderr if what is used of a fold is the first of two trainings, see `began_again`."""
    if began_again(fold):
        print(
            f"note: {name} was trained to its end, then started again without --c; the first training is used. To "
            f"continue the second, move {fold / FINAL} away and give nnUNetv2_train --c.",
            file=sys.stderr,
            flush=True,
        )


def is_older_than_weights(file: Path, fold: Path) -> bool:
    """Whether a file was written before the fold's final checkpoint: it is of an earlier training, or was copied.

    Not if one of them is missing.
    """
    checkpoint = fold / FINAL
    return file.is_file() and checkpoint.is_file() and file.stat().st_mtime < checkpoint.stat().st_mtime


def listed_predictions(summary: Path, cases: Iterable[Mapping]) -> list[str]:
    """File names of the predictions that a summary lists.

    Args:
        summary: its file, for messages.
        cases: its entries; an older nnU-Net names only the reference, which is called the same.

    Raises:
        ValueError: an entry names neither.
    """
    try:
        files = [case.get("prediction_file") or case["reference_file"] for case in cases]
        return [re.split(r"[/\\]", file)[-1] for file in files]  # written on Windows, too
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{summary} is damaged: an entry of metric_per_case names no prediction. Validate again with --val."
        ) from error


def older_than_weights(fold: Path, listed: Sequence[str]) -> list[Path]:
    """Of the summary and the predictions it lists, those of an earlier training; empty for one that is current.

    Predictions that are missing tell nothing: an exported model has the summary only.
    """
    summary = summary_file(fold)
    files = [summary, *(summary.parent / name for name in listed)]
    return [file for file in files if is_older_than_weights(file, fold)]
