"""Preprocessing that tells a network the slice spacing of each image, if the model was trained with it."""

from functools import cache

import numpy as np
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager

from ..plans.slice_spacing import REFERENCE_SPACING, slice_distance


def telling_slice_spacing(configuration: ConfigurationManager, plans: PlansManager) -> ConfigurationManager:
    """A configuration whose preprocessed images have the side channel; unchanged for models without a reference."""
    if REFERENCE_SPACING not in plans.plans:
        return configuration
    return TellingSliceSpacing(configuration.configuration)


class TellingSliceSpacing(ConfigurationManager):
    """All of nnU-Net's ways to predict, here and in other processes, get their preprocessing from here."""

    @property
    def preprocessor_class(self) -> type:
        return _telling(super().preprocessor_class)


@cache
def _telling(preprocessor: type) -> type:
    class Preprocessor(preprocessor):
        def run_case_npy(self, data, seg, properties, plans_manager, *args):
            data, seg, properties = super().run_case_npy(data, seg, properties, plans_manager, *args)
            distance = slice_distance(properties, plans_manager.plans)
            channel = np.full((1, *data.shape[1:]), distance, data.dtype)
            return np.concatenate([data, channel]), seg, properties

    return Preprocessor
