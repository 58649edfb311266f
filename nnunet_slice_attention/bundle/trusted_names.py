"""Checks the classes and functions named in a bundle's plans, which nnU-Net imports and calls.

A prefix is not sufficient: `torch.nn.parallel.distributed.os.system` starts like a layer. So each name is looked up and
the object is checked before anything is called.
"""

from pydoc import locate

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.preprocessing.normalization.default_normalization_schemes import ImageNormalization
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import nn

from ..networks.topology import find_unet_class

LAYERS = ("dynamic_network_architectures.", "torch.nn.")
RESAMPLING = "nnunetv2.preprocessing.resampling."


def check_names(plans: PlansManager, configuration: ConfigurationManager) -> None:
    """Raise ValueError for names other than PyTorch's or nnU-Net's layers and nnU-Net's processing steps."""
    kwargs = configuration.network_arch_init_kwargs
    named = [(configuration.network_arch_class_name, find_unet_class)]
    named += [
        (kwargs[key], locate) for key in configuration.network_arch_init_kwargs_req_import if kwargs.get(key)
    ]
    for name, look_up in named:
        if not (isinstance(name, str) and name.startswith(LAYERS) and _is_layer(look_up(name))):
            raise ValueError(f"the bundle's plans name {name!r} as part of the network. Do not use it.")
    for what, look_up, expected in (
        ("preprocessor", lambda: configuration.preprocessor_class, DefaultPreprocessor),
        ("reader", lambda: plans.image_reader_writer_class, BaseReaderWriter),
        ("label manager", lambda: plans.label_manager_class, LabelManager),
        ("resampling", lambda: configuration.resampling_fn_data.func, RESAMPLING),
        ("resampling of segmentations", lambda: configuration.resampling_fn_seg.func, RESAMPLING),
        ("resampling of probabilities", lambda: configuration.resampling_fn_probabilities.func, RESAMPLING),
    ):
        try:
            found = look_up()
        except Exception as error:  # nnU-Net's lookups can raise anything
            raise ValueError(
                f"the bundle's plans name a {what} that nnU-Net does not have: {error}"
            ) from error
        if isinstance(expected, str):
            fits = callable(found) and str(getattr(found, "__module__", "")).startswith(expected)
        else:
            fits = isinstance(found, type) and issubclass(found, expected)
        if not fits:
            raise ValueError(f"the bundle's plans name {found!r} as {what}. Do not use it.")
    known = {scheme.__name__ for scheme in _subclasses(ImageNormalization)}
    if unknown := [scheme for scheme in configuration.normalization_schemes if scheme not in known]:
        raise ValueError(
            f"the bundle's plans name {', '.join(map(str, unknown))} as normalization. Do not use it."
        )


def _is_layer(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, nn.Module) and found.__module__.startswith(LAYERS)


def _subclasses(cls: type) -> set[type]:
    return {cls}.union(*(_subclasses(sub) for sub in cls.__subclasses__()))
