"""Logits that are not finite are an error."""

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from tests.inference.network_predictor import K, predictor
from tests.networks.configurations import PATCH, build

pytestmark = pytest.mark.usefixtures("no_plans")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_an_error(value):
    network = build("AxialConv", {}, double=False).eval()
    with torch.no_grad():
        next(p for p in reversed(list(network.parameters())) if p.ndim == 1)[0] = value  # bias of one class
    with pytest.raises(RuntimeError, match="the network's output is NaN or infinite. Compare the image's"):
        predictor(network).predict_sliding_window_return_logits(torch.randn(1, 2, *PATCH))


def test_logits_of_nnunets_own_networks_that_are_not_finite_are_an_error(monkeypatch):
    logits = torch.zeros(K, 2, *PATCH, dtype=torch.half)
    monkeypatch.setattr(nnUNetPredictor, "predict_sliding_window_return_logits", lambda *_: logits)
    own = predictor(torch.nn.Identity())
    assert own.predict_sliding_window_return_logits(torch.randn(1, 2, *PATCH)) is logits
    logits[1, 1, 3, 4] = np.nan
    with pytest.raises(RuntimeError, match="the network's output is NaN or infinite"):
        own.predict_sliding_window_return_logits(torch.randn(1, 2, *PATCH))
