"""Plans of nnU-Net 2.0 to 2.3, which list sizes instead of an architecture."""

from copy import deepcopy

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager


def with_architecture(plans: dict, configuration: str) -> dict:
    """A copy of `plans` whose `configuration` has the entry "architecture", otherwise unchanged.

    nnU-Net converts older plans whenever it reads them, and chooses 2D or 3D layers by the patch,
    so they must be converted before the patch becomes a slab.
    """
    plans = deepcopy(plans)
    if not has_architecture(plans, configuration):
        converted = PlansManager(plans).get_configuration(configuration).configuration
        plans["configurations"][configuration]["architecture"] = converted["architecture"]
    return plans


def has_architecture(plans: dict, configuration: str) -> bool:
    """Whether a configuration, or one it inherits from, has the entry "architecture"; False for older plans."""
    entries = plans["configurations"].get(configuration, {})
    return "architecture" in entries or (
        "inherits_from" in entries and has_architecture(plans, entries["inherits_from"])
    )
