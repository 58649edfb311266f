"""bfloat16 and float16, as on a GPU: close to single precision, finite at initialisation and after training."""

import torch

from nnunet_slice_attention.networks.r50_vit import WIDTHS
from tests.networks.configurations import OPTIONS, POSITION_OPTIONS, build, each, every_default, slab

LOSS_SCALE = 2**16  # initial scale of nnU-Net's gradient scaler
# Without those whose layers are another row's, or fewer.
STRUCTURES = [row for row in OPTIONS if not row[1].keys() & {"identity", "zero_start", "repeat_centre"}]
every_unet = each([*STRUCTURES, POSITION_OPTIONS[0]])


@every_unet
def test_mixed_precision_is_close_to_single_precision(name, options):
    network = build(name, options, deep_supervision=True, double=False, r50_widths=WIDTHS).train()
    x = slab(depth=3).float()
    expected = network(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(x)
        sum(o.float().square().mean() for o in outputs).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    tolerance = 0.1 if options.get("r50_vit") else 0.05  # rounding accumulates over its 43 convolutions
    assert (outputs[0] - expected).square().mean().sqrt() < tolerance * expected.std()


@every_unet
def test_weights_in_half_precision_are_close_to_single_precision(name, options):
    """Outside nnU-Net, where no autocast converts between layers."""
    network = build(name, options, double=False, r50_widths=WIDTHS).eval()
    x = slab(depth=3).float()
    expected = network(x)
    logits = network.bfloat16()(x.bfloat16())
    assert logits.dtype == torch.bfloat16
    tolerance = 0.1 if options.get("r50_vit") else 0.05
    assert (logits.float() - expected).square().mean().sqrt() < tolerance * expected.std()


@every_unet
def test_an_empty_slice_is_background_and_gradients_stay_finite_in_half_precision(name, options):
    network = build(name, options, deep_supervision=True, double=False, r50_widths=WIDTHS).train()
    x = slab(depth=network.context_radius + 2).float()
    x[:, :, 0] = 0
    with torch.autocast("cpu", torch.float16):
        outputs = network(x)
    assert all((o[:, :, 0].argmax(dim=1) == 0).all() for o in outputs)
    loss = sum(
        torch.nn.functional.cross_entropy(o.float(), torch.zeros_like(o[:, 0]).long()) for o in outputs
    )
    (loss * LOSS_SCALE).backward()
    assert [k for k, p in network.named_parameters() if not p.grad.isfinite().all()] == []


@every_default
def test_training_in_half_precision_reduces_the_loss_and_stays_finite(name, options):
    network = build(name, options, double=False).train()
    x = slab(depth=2 * network.context_radius + 1).float()
    target = (x[:, 0] > 0.5).long()
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.99, nesterov=True)
    losses = []
    for _ in range(16):
        with torch.autocast("cpu", torch.float16):
            loss = torch.nn.functional.cross_entropy(network(x).float(), target)
        optimiser.zero_grad()
        (loss * LOSS_SCALE).backward()
        for gradient in (
            p.grad for p in network.parameters() if p.grad is not None
        ):  # coarse heads have none here
            assert gradient.isfinite().all()
            gradient /= LOSS_SCALE
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
