"""Out of memory means fewer slices at a time, then main memory, then an error."""

import pytest
import torch

from nnunet_slice_attention.inference.out_of_memory import OutOfMemoryFallback
from tests.inference.network_predictor import predictor
from tests.networks.configurations import PATCH, build

pytestmark = pytest.mark.usefixtures("no_plans")


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("full"), RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")]
)
def test_out_of_memory_halves_the_slices_and_is_remembered(monkeypatch, error):
    network = build("AxialConv", {}, double=False).eval()
    volume = torch.randn(1, 9, *PATCH)
    expected = predictor(network).predict_sliding_window_return_logits(volume)
    seen, encode = [], network.encode

    def with_little_memory(stack, valid, slices):
        seen.append(len(slices) * len(stack))
        if seen[-1] > 3:
            raise error
        return encode(stack, valid, slices)

    monkeypatch.setattr(network, "encode", with_little_memory)
    one = predictor(network, slices_at_a_time=8)
    torch.testing.assert_close(one.predict_sliding_window_return_logits(volume), expected)
    assert max(seen) > 3 >= seen[-1]
    seen.clear()
    torch.testing.assert_close(one.predict_sliding_window_return_logits(volume), expected)
    assert max(seen) <= 3  # known from the first volume


def test_other_errors_are_raised(monkeypatch):
    network = build("AxialConv", {}, double=False).eval()

    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(network, "encode", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        predictor(network).predict_sliding_window_return_logits(torch.randn(1, 2, *PATCH))


@pytest.mark.parametrize(("patch", "slices"), [((256, 256), 64), ((40, 56), 64), ((512, 512), 16)])
def test_large_patches_use_fewer_slices_and_main_memory_is_tried_last(patch, slices):
    attempts = OutOfMemoryFallback(torch.device("cuda"), patch, None, on_device=True).attempts
    halved = [slices >> n for n in range(slices.bit_length())]
    assert attempts == [(n, torch.device(place)) for place in ("cuda", "cpu") for n in halved]


def test_out_of_memory_for_one_slice_is_an_error_with_the_next_step(monkeypatch):
    network = build("AxialConv", {}, double=False).eval()

    def no_memory(*_):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(network, "encode", no_memory)
    with pytest.raises(RuntimeError, match=r"out of memory on cpu for a single slice of \(32, 48\) voxels"):
        predictor(network).predict_sliding_window_return_logits(torch.randn(1, 2, *PATCH))
