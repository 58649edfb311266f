"""Preprocessing that appends the slice spacing to each image as a channel, if the model was trained with it."""

from functools import cache

import numpy as np
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager

from ..plans.slice_spacing import REFERENCE_SPACING, slice_distance


def with_spacing_channel(configuration: ConfigurationManager, plans: PlansManager) -> ConfigurationManager:
    """A configuration whose preprocessed images have the side channel; unchanged for models without a reference."""
    if REFERENCE_SPACING not in plans.plans:
        return configuration
    return SpacingChannelConfiguration(configuration.configuration)


class SpacingChannelConfiguration(ConfigurationManager):
    """nnU-Net takes the preprocessor class from the configuration manager, also in worker processes; this one's
    appends the slice spacing to the image.
    """

    @property
    def preprocessor_class(self) -> type:
        return _appending_spacing(super().preprocessor_class)


@cache
def _appending_spacing(preprocessor: type) -> type:
    class Preprocessor(preprocessor):
        def run_case_npy(self, data, seg, properties, plans_manager, *args):
            data, seg, properties = super().run_case_npy(data, seg, properties, plans_manager, *args)
            distance = slice_distance(properties, plans_manager.plans)
            channel = np.full((1, *data.shape[1:]), distance, data.dtype)
            return np.concatenate([data, channel]), seg, properties

    return Preprocessor
