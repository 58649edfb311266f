"""Surface distances against MONAI, and on shapes with known answers, including thick slices."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import gaussian_filter

from nnunet_slice_attention.evaluation.surface_distance import surface_distances, surfel_areas

SPACINGS = ((1.0, 1.0, 1.0), (10.0, 1.5, 1.25))


def blob(seed: int, shape=(9, 30, 28)) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (1, 4, 4))
    return noise > np.quantile(noise, 0.7)


def box(lower, upper, shape=(12, 20, 20)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))] = True
    return mask


def one_hot(mask: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([~mask, mask])[None])


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(5))
def test_values_equal_monai(seed, spacing):
    a, b = blob(seed), blob(seed + 100) | blob(seed)
    ours = surface_distances(a, b, spacing)
    arguments = (one_hot(a), one_hot(b))
    for percentile in (100, 95):
        theirs = compute_hausdorff_distance(
            *arguments, percentile=None if percentile == 100 else percentile, spacing=spacing
        )
        assert ours.hausdorff(percentile) == pytest.approx(theirs.item(), rel=1e-5)
    for tolerance in (0.0, 1.0, 2.0, 11.0):
        theirs = compute_surface_dice(
            *arguments, class_thresholds=[tolerance], spacing=spacing, use_subvoxels=True
        )
        assert ours.within(tolerance) == pytest.approx(theirs.item(), abs=1e-5)


def test_a_shift_along_thick_slices_is_measured_in_mm():
    a, b = box((3, 5, 5), (6, 15, 15)), box((4, 5, 5), (7, 15, 15))
    distances = surface_distances(a, b, (8.0, 1.0, 1.0))
    assert distances.hausdorff() == 8.0
    assert distances.within(8.0) == 1.0
    assert surface_distances(a, a, (8.0, 1.0, 1.0)).hausdorff() == 0


@pytest.mark.parametrize("spacing", [0.1, 0.4, 0.7, 0.8, 1.1, 3.3])
def test_distances_at_the_tolerance_are_within_it_despite_rounded_spacing(spacing):
    a, b = box((3, 5, 5), (6, 15, 15)), box((3, 5, 7), (6, 15, 17))
    distances = surface_distances(a, b, (8.0, 1.0, float(np.float32(spacing))))
    assert distances.within(2 * spacing) == 1.0
    assert distances.within(2 * spacing - 0.01) < 1.0


def test_the_surface_area_of_a_box():
    spacing, mask = (5.0, 1.0, 2.0), box((2, 4, 3), (8, 16, 17))
    areas = surface_distances(mask, mask, spacing).areas[0]
    a, b, c = (n * s for n, s in zip((6, 12, 14), spacing, strict=True))
    # Marching cubes cuts edges and corners.
    assert areas.sum() == pytest.approx(2 * (a * b + b * c + a * c), rel=0.1)
    flat = surfel_areas(spacing)[0b00001111]  # the four voxels of one slice
    assert flat == pytest.approx(2.0)  # 1 mm x 2 mm


def test_masks_at_the_volume_border_have_a_surface_there():
    full = np.ones((3, 8, 8), bool)
    inner = box((1, 2, 2), (2, 6, 6), full.shape)
    assert surface_distances(full, inner, (1, 1, 1)).hausdorff() == pytest.approx(np.sqrt(1 + 4 + 4))


@pytest.mark.parametrize(
    ("a", "b", "spacing", "message"),
    [
        (np.ones((2, 3, 3), bool), np.ones((3, 3, 3), bool), (1, 1, 1), "shapes"),
        (np.ones((3, 3), bool), np.ones((3, 3), bool), (1, 1, 1), "three axes"),
        (np.ones((3, 3, 3), bool), np.zeros((3, 3, 3), bool), (1, 1, 1), "empty"),
        (np.ones((3, 3, 3), bool), np.ones((3, 3, 3), bool), (0, 1, 1), r"spacing \(0, 1, 1\)"),
    ],
)
def test_inputs_without_a_distance_are_refused(a, b, spacing, message):
    with pytest.raises(ValueError, match=message):
        surface_distances(a, b, spacing)
