"""A bundle is refused where the same weights make another network, and only there."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from nnunet_slice_attention.bundle.archive import MANIFEST
from nnunet_slice_attention.bundle.known_logits import (
    KNOWN,
    STRIDES,
    TOLERANCE,
    VALUES,
    check_known_logits,
    known_logits,
)
from nnunet_slice_attention.bundle.load import load_bundle
from tests.bundle.bundles import OURS, STOCK, edit_manifest, export
from tests.networks.configurations import (
    DEFAULTS,
    DETECTOR_OPTIONS,
    FEATURES,
    MILLIMETRES,
    PATCH,
    POSITION_OPTIONS,
    build,
    each,
)

EXPORT = {"trainer": "T", "versions": "Python 3.0", "commit": "1a2b3c4"}


def test_weights_in_another_network_are_refused_with_both_versions(refused, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0")
    # As if this version had other defaults.
    edit_manifest(bundle, trainer=f"{OURS}_4heads", versions="Python 3.0, torch 1.0")
    refused(bundle, f"{OURS}_4heads builds another network than the exported one")
    with pytest.raises(
        ValueError, match=r"Exported with Python 3\.0, torch 1\.0, .* installed are Python .*torch"
    ):
        load_bundle(bundle, "cpu")


@pytest.mark.parametrize("trainer", [OURS, STOCK])
def test_bundles_with_and_without_known_logits_load(trainer, trained, tiny, tmp_path):
    bundle = export(tiny, tmp_path / "b", "-f", "0", trainer=trainer)
    load_bundle(bundle, "cpu")
    manifest = json.loads((bundle / MANIFEST).read_text())
    assert len(manifest.pop(KNOWN)) == VALUES
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    load_bundle(bundle, "cpu")


def check(noted, network):
    check_known_logits({**EXPORT, KNOWN: noted}, "b.zip", network, PATCH, 2)


@each([*DEFAULTS, *POSITION_OPTIONS, MILLIMETRES, *DETECTOR_OPTIONS])
def test_every_network_has_logits_that_follow_its_weights_and_not_the_rounding(name, options):
    network = build(name, options, in_channels=2, double=False)
    noted = known_logits(network, PATCH, 2)
    assert np.std(noted) > 0.01 * np.max(np.abs(noted)) > 0
    check(json.loads(json.dumps(noted)), network)
    check((np.array(noted) * (1 + TOLERANCE / 2)).tolist(), network)
    with torch.no_grad():
        kernels = next(network.encoder.parameters())
        kernels.copy_(kernels.flip(-1))
    with pytest.raises(ValueError, match="b.zip: T builds another network"):
        check(noted, network)


def test_the_number_of_heads_shows():
    four, eight = (build("CSANet", {"num_heads": n, "vit_depth": 1}, 2, double=False) for n in (4, 8))
    eight.load_state_dict(four.state_dict())
    noted = known_logits(four, PATCH, 2)
    check(noted, four)
    with pytest.raises(ValueError, match="another network"):
        check(noted, eight)


def test_a_networks_nan_is_the_same_network():
    network = build("SliceUNet", {}, 2, double=False)
    with torch.no_grad():
        network.decoder.seg_layers[-1].bias[0] = float("nan")
    noted = json.loads(json.dumps(known_logits(network, PATCH, 2)))
    assert np.isnan(noted).any()
    check(noted, network)


class Recording(nn.Conv3d):
    """A network of someone else's, which may be possible for the planned patch only."""

    def forward(self, x):
        self.shape = tuple(x.shape)
        return super().forward(x)


def test_the_input_is_small_for_u_nets_and_planned_for_others():
    recording = Recording(2, 3, 3)
    known_logits(recording, (8, 40, 48), 2)
    assert recording.shape == (1, 2, 8, 40, 48)
    unet = build("SliceUNet", {}, 2, double=False)
    shapes = []
    unet.encoder.register_forward_pre_hook(lambda module, args: shapes.append(args[0].shape[-2:]))
    known_logits(unet, (512, 512), 2)
    stride = 2 ** (len(FEATURES) - 1)
    assert shapes == [(STRIDES * stride, STRIDES * stride)]
