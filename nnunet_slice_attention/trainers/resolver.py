"""Turns a trainer's name into its class: a base, then variants, then a schedule, joined by single underscores.

    nnUNetTrainerCSANet                      base
    nnUNetTrainerCSANet_NoISA_8heads         base and two variants
    nnUNetTrainerCSANet_5slices_50epochs     base, variant, schedule

All combinations exist unless they contradict each other. Classes are created on request from the tables in
`variants.py`.
"""

from difflib import get_close_matches
from functools import cache
from inspect import signature
from typing import Any, Literal

from ..networks import DETECTORS, NETWORKS
from .variants import BASES, CANNOT_START_AS_2D, SCHEDULES, VARIANTS, Start


@cache
def resolve_trainer(name: str) -> type:
    """The trainer class called `name`.

    Raises:
        AttributeError: the name does not start with a base of this package, so it is another package's trainer.
        ValueError: a base of this package with suffixes that do not exist, do not fit or are in the wrong order.
    """
    base, *suffixes = name.split("_")
    if base not in BASES:
        raise AttributeError(f"there is no slice-attention trainer {name!r}")
    _check_suffixes(name, base, suffixes)

    declaration = dict(BASES[base])
    for suffix in suffixes:
        row = VARIANTS.get(suffix) or SCHEDULES[suffix]
        _check_conflicts(name, suffix, suffixes)
        options = declaration.get("network_options", {}) | row.get("network_options", {})
        declaration |= row | {"network_options": options}
    start = declaration.pop("start", "scratch")
    detects = NETWORKS[declaration["network_name"]] in DETECTORS
    if detects:
        _check_needs_no_unet(name, declaration, start)
    declaration["network_options"] = _start_options(name, declaration, start)
    if declaration.get("backbone"):
        declaration["network_options"] = _backbone_options(name, declaration, start)
    _check_options(name, declaration)
    declaration["__module__"] = __package__
    declaration["__qualname__"] = name
    return type(name, (_base_class("detector" if detects else start),), declaration)


def starts_from_2d(name: str) -> bool:
    """Whether a trainer needs a trained 2D model, judging by its suffix."""
    return "From2D" in name.split("_")


def _base_class(kind: Start | Literal["detector"]) -> type:
    # Imported late, because nnU-Net and PyTorch take seconds and names are checked without them.
    if kind == "detector":
        from .detector import nnUNetTrainerDetector as Base
    elif kind == "2d_first":
        from .two_d_first import nnUNetTrainer2DFirst as Base
    elif kind == "from_2d":
        from .from_2d import nnUNetTrainerFrom2D as Base
    else:
        from .base import nnUNetTrainerSlab as Base
    return Base


def _check_needs_no_unet(name: str, declaration: dict[str, Any], start: Start) -> None:
    """Raise ValueError for a detector with a suffix that needs the planned U-Net."""
    if start != "scratch" or declaration.get("backbone"):
        raise ValueError(
            f"trainer {name!r}: {declaration['network_name']} is a detector without the planned U-Net, which _2DFirst, "
            "_From2D and _ImageNet need. Remove that suffix."
        )


def _start_options(name: str, declaration: dict[str, Any], start: Start) -> dict[str, Any]:
    """Network options, including those needed to start as the planned 2D network."""
    options, network = declaration.get("network_options", {}), NETWORKS[declaration["network_name"]]
    if start == "scratch":
        return options
    for option, (suffix, reason) in CANNOT_START_AS_2D.items():
        if options.get(option):
            raise ValueError(
                f"trainer {name!r}: {suffix} {reason}, but _2DFirst and _From2D start as the planned 2D network. "
                "Remove one of the two suffixes."
            )
    needed = {"zero_start": True} if "zero_start" in signature(network).parameters else {}
    if not needed and not network.always_starts_as_2d:
        raise ValueError(
            f"trainer {name!r}: {network.__name__} has no option zero_start, so it cannot start as the planned 2D "
            "network. Add that option, see docs/how-to/add-a-network.md."
        )
    return options | needed | (dict(network.plain_unet_options) if start == "from_2d" else {})


def _backbone_options(name: str, declaration: dict[str, Any], start: Start) -> dict[str, Any]:
    """Options with which a network leaves its encoder to a pre-trained one."""
    options = declaration["network_options"]
    other = "From2D" if start == "from_2d" else "R50ViT" if options.get("r50_vit") else None
    if other:
        raise ValueError(
            f"trainer {name!r}: _{other} and _ImageNet each bring an encoder with weights. Keep one of them."
        )
    return options | dict(NETWORKS[declaration["network_name"]].plain_unet_options)


def _settings(suffix: str) -> set[str]:
    """The settings of a suffix, e.g. {"context_radius"} for 5slices."""
    row = VARIANTS.get(suffix) or SCHEDULES[suffix]
    return (set(row) | set(row.get("network_options", {}))) - {"network_options"}


def _check_conflicts(name: str, suffix: str, suffixes: list[str]) -> None:
    for other in suffixes[: suffixes.index(suffix)]:
        excluded = {other, suffix} == {"ChannelOnly", "SpatialOnly"}
        if excluded or _settings(other) & _settings(suffix):
            raise ValueError(
                f"trainer {name!r}: _{other} and _{suffix} are mutually exclusive. Keep one of them."
            )


def accepted_options(network: str) -> set[str]:
    """Names of a network's options, including those of `SlabNetwork` that go with one of its own."""
    own = set(signature(NETWORKS[network]).parameters)
    return own | ({"copies_learn"} if "repeat_centre" in own else set())


def _check_options(name: str, declaration: dict[str, Any]) -> None:
    network = declaration["network_name"]
    known = accepted_options(network)
    for option in declaration.get("network_options", {}):
        if option not in known:
            raise ValueError(
                f"trainer {name!r}: network {network} has no option {option}. Remove that suffix."
            )


def _check_suffixes(name: str, base: str, suffixes: list[str]) -> None:
    known = [*VARIANTS, *SCHEDULES]
    for suffix in suffixes:
        if suffix not in known:
            close = get_close_matches(suffix, known, n=4, cutoff=0.4) or known
            raise ValueError(
                f"trainer {name!r}: suffix _{suffix} does not exist. Similar: {', '.join('_' + c for c in close)}. "
                f"Suffixes follow {base}: variants first, then one schedule such as _250epochs. If it is a trainer of "
                f"your own, rename it: nnU-Net looks for names that begin with {base}_ here."
            )
        if suffixes.count(suffix) > 1:
            raise ValueError(f"trainer {name!r}: suffix _{suffix} is repeated. Give it once.")
    schedules = [s for s in suffixes if s in SCHEDULES]
    if len(schedules) > 1 or (schedules and suffixes[-1] not in SCHEDULES):
        variants = [s for s in suffixes if s not in SCHEDULES]
        suggestion = "_".join([base, *variants, schedules[-1]])
        raise ValueError(
            f"trainer {name!r}: there is at most one schedule, at the end. Did you mean {suggestion}?"
        )
