"""Whether a fold was trained on the present split, and whether its predictions are of that split.

nnU-Net reads `splits_final.json` at every call and notes only how many cases it has, in its logs. A model that is
continued or validated after a change may be judged by cases that it has learned from. So our trainers, and `crossval`
for all trainers, note the cases when a training starts.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from .files import read_json_or_empty, write_text
from .messages import first_few

# In a fold's folder: training and validation cases, from `crossval` also labels and weights.
FOLD_RECORD = "split.json"
SIZES = re.compile(r"This split has (\d+) training and (\d+) validation cases\.")
EPOCH = re.compile(r"Epoch (\d+) *$", re.MULTILINE)
# What nnU-Net logs with --disable_checkpointing after the first epoch: such a trial leaves the folder's model as it is.
WITHOUT_CHECKPOINTS = "No checkpoint written, checkpointing is disabled"


def trained_split_sizes(fold: Path) -> set[tuple[int, int]]:
    """Numbers of training and validation cases in the logs of a fold's training; several if they changed meanwhile.

    Empty if no log tells. Logs without an epoch are of validations, which do not show what was learned, nor do those
    of trials without checkpoints. Those before the last start at epoch 0 are of earlier trainings in the folder.
    """
    found: set[tuple[int, int]] = set()
    for log in sorted(fold.glob("training_log_*.txt"), key=_started):
        text = log.read_text(encoding="utf-8", errors="replace")
        first = EPOCH.search(text)
        if not first or WITHOUT_CHECKPOINTS in text:
            continue
        if first[1] == "0":
            found = set()
        # The validation after the last epoch reads the split again.
        if sizes := SIZES.search(text, 0, first.start()):
            found.add((int(sizes[1]), int(sizes[2])))
    return found


def _started(log: Path) -> list[int]:
    """Year to second, from the name; a copy may have another date."""
    return list(map(int, re.findall(r"\d+", log.name)))


def read_fold_record(fold: Path) -> dict:
    """What was noted of a fold's training; {} if nothing was, or a training has replaced it since.

    nnU-Net's own trainers begin again in a folder without noting it. So of the logs that are newer than the record only
    one may begin at epoch 0, that of the training it was made for.
    """
    path = fold / FOLD_RECORD
    record = read_json_or_empty(path)
    if not record:
        return {}
    noted = path.stat().st_mtime
    since = (log for log in fold.glob("training_log_*.txt") if log.stat().st_mtime > noted)
    return record if sum(map(_begins_training, since)) < 2 else {}


def _begins_training(log: Path) -> bool:
    text = log.read_text(encoding="utf-8", errors="replace")
    first = EPOCH.search(text)
    return first is not None and first[1] == "0" and WITHOUT_CHECKPOINTS not in text


def note_split(fold: Path, training: Sequence[str], validation: Sequence[str]) -> None:
    """Note the cases of a training that starts; a record of the same training cases has been made for it."""
    path = fold / FOLD_RECORD
    if set(read_json_or_empty(path).get("train", ())) == set(training):
        write_text(path, path.read_text(encoding="utf-8"))  # newer than the log of an attempt before
        return
    fold.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({"train": training, "val": validation}))


def check_noted_split(name: str, fold: Path, training: Collection[str], validation: Collection[str]) -> bool:
    """Raise ValueError if the training cases noted for a fold are not the present ones; False if none are noted.

    Args: see `check_trained_split`.
    """
    trained = set(read_fold_record(fold).get("train", ()))
    if trained and trained != set(training):
        learned = len(trained & set(validation))
        leaked = f": {learned} of its training cases are validation cases now" if learned else ""
        raise ValueError(
            f"{name} was trained on another split than that of splits_final.json{leaked}. Restore that split, or move "
            f"{fold} away to train it again."
        )
    return bool(trained)


def check_trained_split(
    name: str, fold: Path, training: Collection[str], validation: Collection[str]
) -> None:
    """Raise ValueError if a fold was trained on another split: by its record, or else by the sizes in nnU-Net's logs.

    Args:
        name: of the training, for the message.
        fold: its folder.
        training, validation: cases in the present split.
    """
    if check_noted_split(name, fold, training, validation):
        return
    training, validation = len(training), len(validation)
    if others := sorted(trained_split_sizes(fold) - {(training, validation)}):
        then = ", then on ".join(f"{n} training and {m} validation cases" for n, m in others)
        raise ValueError(
            f"{name} was trained on {then}, by the log in {fold}, but this fold of splits_final.json has {training} "
            f"and {validation}: it may have learned from validation cases (data leakage). Restore the split of its "
            f"training, or move {fold} away and train it again."
        )


def check_no_other_cases(name: str, found: Mapping[str, Path], expected: Collection[str]) -> None:
    """Raise ValueError if a fold has predictions of cases that it does not validate: nnU-Net would evaluate them too.

    Args:
        name: of model and fold, for the message.
        found: its validation predictions by case.
        expected: validation cases of the fold in the present split.
    """
    if extra := sorted(found.keys() - set(expected)):
        validation = found[extra[0]].parent
        raise ValueError(
            f"{name}: {first_few(extra)} not in this fold of splits_final.json, so the model was trained on another "
            f"split. Move {validation.parent} away and train it again. If it was trained again since, these are "
            f"left from before: remove them from {validation}, also their .npz and .pkl."
        )


def validate_again(command: str) -> str:
    """The next step where a validation is missing, which nnU-Net would make on the present split.

    Args:
        command: validates the fold.
    """
    return (
        "If splits_final.json was changed since this training, it may have learned from these cases: train "
        f"it again. Otherwise run: {command}"
    )
