"""Model names short enough for tables and axes, and still told apart."""

from collections.abc import Sequence

ENSEMBLE = " + "


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Of TRAINER__PLANS__CONFIGURATION the parts in which the models differ, the trainer always.

    An ensemble "A + B" is the two short names. If any name is not of that form, all stay as they are.
    """
    single = [name for name in names if ENSEMBLE not in name]
    parts = {name: name.split("__") for name in single}
    if any(len(of_name) != 3 for of_name in parts.values()):
        return {name: name for name in names}
    differing = [i for i in range(3) if i == 0 or len({of_name[i] for of_name in parts.values()}) > 1]
    short = {name: " ".join(of_name[i] for i in differing) for name, of_name in parts.items()}
    return {name: ENSEMBLE.join(short.get(part, part) for part in name.split(ENSEMBLE)) for name in names}
