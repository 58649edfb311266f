"""Saved probabilities are used only with the segmentation that was derived from them."""

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.labels import Labels
from nnunet_slice_attention.evaluation.probabilities import check_probabilities_match, read_probabilities
from tests.tiny_data import TinyDataset

SHAPE = (3, 8, 6)


def random_probabilities(dataset: TinyDataset) -> np.ndarray:
    """(channels, *SHAPE), as a network outputs them: classes sum to 1, regions do not."""
    logits = np.random.default_rng(0).normal(0, 3, (2 if dataset.regions else 3, *SHAPE))
    if dataset.regions:
        return 1 / (1 + np.exp(-logits))
    return np.exp(logits) / np.exp(logits).sum(axis=0)


@pytest.fixture(params=[False, True], ids=["classes", "regions"])
def case(request):
    """LabelManager, probabilities, and the segmentation derived from them by hand."""
    dataset = TinyDataset(1, "Tiny", regions=request.param)
    probabilities = random_probabilities(dataset)
    by_class = probabilities.argmax(axis=0)
    by_region = np.where(probabilities[1] > 0.5, 2, np.where(probabilities[0] > 0.5, 1, 0))
    labels = Labels.from_dataset_json(dataset.dataset_json).label_manager()
    return labels, probabilities, by_region if dataset.regions else by_class


def test_the_matching_segmentation_passes_also_in_half_precision(case, tmp_path):
    labels, probabilities, segmentation = case
    np.savez(tmp_path / "a.npz", probabilities=probabilities.astype(np.float16))
    saved = read_probabilities(tmp_path / "a.npz")
    check_probabilities_match(segmentation, saved, labels, tmp_path / "a.npz")


def test_ties_are_not_differences(case):
    labels, probabilities, segmentation = case
    tied = np.full_like(probabilities, 0.5)
    check_probabilities_match(segmentation, tied, labels, "a.npz")


def test_another_segmentation_is_refused(case):
    labels, probabilities, segmentation = case
    other = np.where(segmentation == 0, 1, 0)
    with pytest.raises(ValueError, match=r"a\.npz does not match the segmentation .* \(\d+ voxels differ\)"):
        check_probabilities_match(other, probabilities, labels, "a.npz")


def test_probabilities_of_one_slice_are_refused(case):
    labels, probabilities, segmentation = case
    with pytest.raises(
        ValueError, match=r"has shape \(\d, 1, 8, 6\), its segmentation needs \(\d, 3, 8, 6\)"
    ):
        check_probabilities_match(segmentation, probabilities[:, :1], labels, "a.npz")


@pytest.mark.parametrize("value", [np.nan, -0.5, 2])
def test_values_that_are_not_probabilities_are_refused(tmp_path, value):
    np.savez(tmp_path / "a.npz", probabilities=np.full((2, 2, 2, 2), value))
    with pytest.raises(ValueError, match=r"a\.npz holds values that are not probabilities"):
        read_probabilities(tmp_path / "a.npz")


def test_a_truncated_file_or_one_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", probabilities=np.zeros((2, 2, 2, 2)))
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    np.savez(tmp_path / "b.npz", softmax=np.zeros((2, 2, 2, 2)))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(ValueError, match=rf"{name} cannot be read"):
            read_probabilities(tmp_path / name)
