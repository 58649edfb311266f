"""The detector: what reaches its feature pyramid, how it learns, and that it learns.

In evaluation it is under the contract of all networks, see test_contract.py.
"""

import pytest
import torch

from nnunet_slice_attention.inference.whole_stack import segment_stack
from nnunet_slice_attention.networks import SlabLearning, create_network
from tests.networks.configurations import CONTEXT, PATCH, build, keep_few_regions, slab

ONE_SLICE = {"resnet": 18, "slices_per_image": 1}
LOCATIONS = pytest.mark.parametrize("location", ["rpn", "rcnn"])


def detector(in_channels=1, num_classes=3, double=False, **options):
    torch.manual_seed(0)
    network = create_network("VAMaskRCNN", in_channels, num_classes, PATCH, **(ONE_SLICE | options))
    keep_few_regions(network)
    return network.double() if double else network


def discs(depth=1, batch=1):
    """Labels (B, 1, S, H, W) with two structures in each slice."""
    y, x = torch.meshgrid(*(torch.arange(n) for n in PATCH), indexing="ij")
    labels = ((y - 16) ** 2 + (x - 14) ** 2 < 64) + 2 * ((y - 16) ** 2 + (x - 34) ** 2 < 49)
    return labels.expand(batch, 1, depth, *PATCH).float()


def learn(network, x, target):
    losses = network.losses(network(x), target)
    sum(losses.values()).backward()
    return losses


@pytest.mark.parametrize(
    ("options", "radius"),
    [
        ({}, 1),
        ({"slices_per_image": 3}, 4),  # the paper's: three images of three slices
        ({"context_radius": 2, "channel": False}, 2),
        ({"identity": True}, 0),
        ({"identity": True, "slices_per_image": 3}, 1),
        ({"location": "rcnn"}, 1),
        ({"repeat_centre": True, "slices_per_image": 3}, 0),
    ],
    ids=str,
)
def test_exactly_the_neighbours_within_the_radius_reach_the_feature_pyramid(options, radius):
    network = detector(double=True, **options).train()
    assert network.context_radius == radius
    depth, centre = 2 * radius + 3, radius + 1
    x = slab(depth=depth).requires_grad_()
    pyramid = network(x)
    assert [p.shape[-2:] for p in pyramid[:4]] == [(16, 16), (8, 8), (4, 4), (2, 2)]  # of 64 x 64, padded
    for level in pyramid[:4]:
        x.grad = None
        level[:, :, centre].square().sum().backward(retain_graph=True)
        influence = x.grad.abs().amax(dim=(0, 1, 3, 4))
        reached = [i for i in range(depth) if influence[i] > 0]
        assert reached == list(range(1, depth - 1))
        assert influence[reached].min() > 1e-5 * influence.max()


@LOCATIONS
def test_a_step_trains_every_weight_with_or_without_instances_in_the_batch(location):
    network = detector(location=location, learning=CONTEXT).train()
    x, target = slab(depth=3, batch=2).float(), discs(batch=2)
    target[1] = 0
    losses = learn(network, x, target)
    assert set(losses) == {
        "loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask",
    }  # fmt: skip
    assert all(loss > 0 for loss in losses.values())
    assert [k for k, p in network.named_parameters() if not p.grad.any()] == []
    network.zero_grad()
    losses = learn(network, x, torch.zeros_like(target))
    assert losses["loss_mask"] == losses["loss_box_reg"] == 0 < losses["loss_classifier"]
    # Training on several GPUs needs a gradient, if only of zeros, for every weight in every step.
    assert all(p.grad.isfinite().all() for p in network.parameters())


@LOCATIONS
def test_half_precision_is_for_the_pyramid_and_blank_slices_stay_finite(location):
    network, head_dtypes = detector(location=location).train(), set()
    network.decoder.roi_heads.box_head.register_forward_hook(lambda _, _in, out: head_dtypes.add(out.dtype))
    x = slab(depth=3).float()
    x[:, :, 0] = 0
    with torch.autocast("cpu", torch.float16):
        pyramid = network(x)
        losses = network.losses(pyramid, discs(depth=3))
        assert {level.dtype for level in pyramid} == {torch.float16}
        assert head_dtypes == {loss.dtype for loss in losses.values()} == {torch.float32}
    (2**16 * sum(losses.values())).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    with torch.no_grad(), torch.autocast("cpu", torch.float16):
        logits = network.eval()(x)
    assert logits.isfinite().all() and not logits[:, :, 0].argmax(dim=1).any()


@LOCATIONS
def test_any_depth_size_and_number_of_channels(location):
    network = detector(2, 4, location=location)
    for depth, size in [(1, (33, 47)), (4, (70, 20))]:
        x = slab(2, depth, size, batch=2).float()
        assert network.eval()(x).shape == (2, 4, depth, *size)
        losses = network.losses(network.train()(x), torch.ones(2, 1, depth, *size))
        assert all(loss.isfinite() for loss in losses.values())


def test_regions_are_trained_and_predicted_one_by_one():
    network = detector(num_classes=2, has_background=False)
    target = torch.cat([discs() > 0, discs() == 2], dim=1).float()
    learn(network.train(), slab(depth=1).float(), target)
    x = slab(depth=2).float()
    x[:, :, 1] = 0
    logits = network.eval()(x)
    assert logits.shape == (1, 2, 2, *PATCH) and (logits[:, :, 1] < 0).all()


@LOCATIONS
def test_chunks_of_a_stack_give_what_the_whole_gives(location):
    network = build("VAMaskRCNN", ONE_SLICE | {"location": location}).eval()
    x = slab(depth=5)
    with torch.no_grad():
        chunks = torch.cat([logits for _, logits in segment_stack(network, x, 2)], dim=2)
        torch.testing.assert_close(chunks, network(x), rtol=0, atol=1e-9)


@LOCATIONS
def test_centre_only_learning_gives_the_middle_slice_without_a_gradient_through_the_context(location):
    x = slab(depth=3)
    every = detector(double=True, location=location).train()(x)
    network = detector(double=True, location=location, learning=CONTEXT).train()
    middle = network(x.requires_grad_())
    for all_slices, one in zip(every, middle, strict=True):
        torch.testing.assert_close(one, all_slices[:, :, 1:2], rtol=0, atol=1e-9)
    sum(level.sum() for level in middle).backward()
    assert [i for i in range(3) if x.grad[:, :, i].any()] == [1]


def test_compilation_leaves_the_detector_as_it_is():
    """With nnUNet_compile=true nnU-Net's predictor compiles the network; the number of instances varies."""
    graphs = []
    network = detector().eval()
    pyramid = network.encoder(torch.zeros(1, 1, 64, 64))
    with torch.inference_mode():
        expected = network.decoder(pyramid)
        got = torch.compile(network.decoder, backend=lambda graph, _: graphs.append(graph))(pyramid)
    assert torch.equal(got, expected) and not graphs


def test_deep_supervision_is_a_list_of_one():
    (logits,) = detector(deep_supervision=True).eval()(slab(depth=1).float())
    assert logits.shape == (1, 3, 1, *PATCH)


def test_an_unknown_location_is_named():
    with pytest.raises(ValueError, match="location='rcn' is unknown. Choose rpn or rcnn"):
        detector(location="rcn")


def test_at_most_128_regions_of_each_slice_train_the_heads():
    network = create_network("VAMaskRCNN", 1, 3, PATCH, learning=CONTEXT, **ONE_SLICE).train()
    regions = []
    network.decoder.roi_heads.box_head.register_forward_hook(lambda *call: regions.append(len(call[2])))
    network.losses(network(slab(depth=3, batch=2).float()), discs(batch=2))
    assert regions == [2 * 128]


def test_it_overfits_a_slice():
    network = create_network("VAMaskRCNN", 1, 3, PATCH, learning=SlabLearning(centre_only=True), **ONE_SLICE)
    target = discs()
    x = target.expand(1, 1, 3, *PATCH) + 0.3 * slab(depth=3).float()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(32):
        optimiser.zero_grad()
        learn(network.train(), x, target)
        optimiser.step()
    network.eval().decode_as_in_training(True)
    with torch.no_grad():
        segmented = network(x).argmax(dim=1, keepdim=True)
    for structure in (1, 2):
        found, wanted = segmented == structure, target == structure
        assert 2 * (found & wanted).sum() / (found.sum() + wanted.sum()) > 0.8
