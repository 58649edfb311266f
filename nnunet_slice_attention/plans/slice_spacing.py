"""The distance between the slices of a case in units of a reference spacing, which is fixed when a model is trained.

nnU-Net's 2D configuration does not resample across slices, so the distance differs from case to case.
"""

from collections.abc import Mapping

REFERENCE_SPACING = "slice_attention_reference_spacing"  # entry of the saved plans, in mm


def reference_spacing(plans: Mapping) -> float:
    """The median slice spacing of the training data, in mm, along the axis that nnU-Net slices."""
    return float(plans["original_median_spacing_after_transp"][0])


def slice_distance(properties: Mapping, plans: Mapping) -> float:
    """1 for a case with the reference spacing, 2 for one of twice that.

    Args:
        properties: of nnU-Net's reader or preprocessing; their axes are those of the image file.
        plans: with a reference spacing.
    """
    slice_axis = plans["transpose_forward"][0]
    return float(properties["spacing"][slice_axis]) / plans[REFERENCE_SPACING]
