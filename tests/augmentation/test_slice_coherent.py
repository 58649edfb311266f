"""nnU-Net's training pipeline on slabs: drawn once per slab, and nothing mixes slices."""

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.augmentation.slice_coherent import (
    InPlaneBlur,
    KeepCentreSlice,
    make_slice_coherent,
)
from nnunet_slice_attention.networks import create_network

SIZE = (24, 20)


def pipeline(depth: int, keep_centre_only=False) -> ComposeTransforms:
    stock = nnUNetTrainer.get_training_transforms((depth, *SIZE), (-0.3, 0.3), None, (1, 2), True)
    return make_slice_coherent(stock, keep_centre_only)


def sample(depth: int, channels: int = 2) -> dict:
    image = torch.randn(channels, 1, *SIZE).repeat(1, depth, 1, 1) + 5
    return {"image": image, "segmentation": torch.ones(1, depth, *SIZE, dtype=torch.int16)}


def drop(compose: ComposeTransforms, *names: str) -> ComposeTransforms:
    """The pipeline without the named steps: voxel noise is meant to differ between slices."""
    return ComposeTransforms([t for t in compose.transforms if not any(name in repr(t) for name in names)])


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_identical_slices_stay_identical_and_modalities_are_drawn_independently(depth):
    torch.manual_seed(0)
    np.random.seed(0)
    without_noise = drop(pipeline(depth), "GaussianNoise")
    ratios = []
    for _ in range(300):
        image = without_noise(**sample(depth))["image"]
        assert image.shape == (2, depth, *SIZE)
        torch.testing.assert_close(image, image[:, :1].expand_as(image), rtol=1e-4, atol=1e-4)
        ratios.append((image[0].mean() / image[1].mean()).item())
    assert np.ptp(ratios) > 0.3


def test_brightness_differences_between_slices_keep_their_ratio():
    """All steps but noise and gamma are affine, so the ratio of brightness differences between slices is kept."""
    torch.manual_seed(0)
    np.random.seed(0)
    affine = drop(pipeline(3), "GaussianNoise", "Gamma")
    for step in affine.transforms:
        if "Contrast" in repr(step):
            step.transform.preserve_range = False  # which clips
    steps = torch.tensor([0.0, 1.0, 3.0])[None, :, None, None]
    for _ in range(200):
        case = sample(3)
        first, second, third = affine(**case | {"image": case["image"] + steps})["image"].unbind(dim=1)
        torch.testing.assert_close(third - first, 3 * (second - first), rtol=1e-4, atol=1e-3)
        assert 0.4 < (second - first).mean() < 1.6


def test_intensity_transforms_are_one_monotonic_curve_for_all_slices():
    """Contrast and gamma are per slab, not per slice: what was brighter in any slice stays brighter."""
    torch.manual_seed(0)
    np.random.seed(0)
    pointwise = drop(pipeline(3), "Spatial", "GaussianNoise", "Blur", "LowResolution", "Mirror")
    case, scales = sample(3), torch.tensor([0.5, 1, 2]).reshape(3, 1, 1)  # brightness and contrast
    case["image"] = torch.randn(2, 3, *SIZE) * scales + scales
    order, changed = case["image"].flatten(1).argsort(dim=1), 0
    for _ in range(200):
        image = pointwise(**case | {"image": case["image"].clone()})["image"]
        assert image.flatten(1).gather(1, order).diff(dim=1).min() > -1e-4
        changed += not torch.equal(image, case["image"])
    assert changed > 50


def test_a_slice_never_leaks_into_another():
    """One bright voxel between zero slices: in-plane blur leaves the neighbours at 0."""
    torch.manual_seed(0)
    np.random.seed(0)
    blur = InPlaneBlur(GaussianBlurTransform((0.5, 1.0), p_per_channel=1, benchmark=True))
    image = torch.zeros(1, 3, *SIZE)
    image[:, 1, 12, 10] = 1
    for _ in range(20):
        blurred = blur(image=image.clone())["image"]
        assert not blurred[:, [0, 2]].any()
        assert 0 < blurred[:, 1].max() < 0.9


def test_blur_draws_each_modality_with_the_stock_probability():
    torch.manual_seed(0)
    blur = InPlaneBlur(GaussianBlurTransform((0.5, 1.0), p_per_channel=0.5))
    image = torch.randn(2, 3, *SIZE)
    changed = [(blur(image=image.clone())["image"] != image).flatten(1).any(dim=1) for _ in range(400)]
    share = torch.stack(changed).float().mean(dim=0)
    assert ((share > 0.42) & (share < 0.58)).all()
    assert any(a != b for a, b in torch.stack(changed).tolist())


def test_padding_slices_are_exactly_zero_after_every_augmentation():
    torch.manual_seed(0)
    np.random.seed(0)
    compose = pipeline(3)
    for _ in range(100):
        case = sample(3)
        case["segmentation"][:, 0] = -1
        case["image"][:, 0] = 0
        out = compose(**case)
        assert not out["image"][:, 0].any()
        assert out["image"][:, 1].any()
        assert (out["segmentation"] >= 0).all()


def test_a_blank_slice_that_counts_as_image_in_prediction_does_so_in_training():
    """Cropping to nonzero labels a blank slice -1, but normalisation makes its values nonzero."""
    case = sample(3)
    case["image"][:, 1] = -1.95
    case["image"][:, 2] = 0
    case["segmentation"][:, 1:] = -1
    as_predicted = create_network("SliceUNet", 2, 2, (32, 32), (4, 4)).valid_slices(
        case["image"].transpose(0, 1)[None]
    )[0]
    as_trained = pipeline(3)(**case)["image"].ne(0).flatten(2).any(dim=2).any(dim=0)
    assert as_trained.tolist() == as_predicted.tolist() == [True, True, False]


def test_centre_loss_keeps_the_middle_slice_of_the_target_only():
    segmentation = torch.arange(3).reshape(1, 3, 1, 1)
    assert KeepCentreSlice()(segmentation=segmentation)["segmentation"].flatten().tolist() == [1]
    assert pipeline(3, keep_centre_only=True)(**sample(3))["segmentation"].shape == (1, 1, *SIZE)


def test_a_changed_upstream_pipeline_is_an_error_that_names_the_missing_step():
    with pytest.raises(RuntimeError, match=r"no blur and no label removal step.*doctor` names the supported"):
        make_slice_coherent(ComposeTransforms([]))
