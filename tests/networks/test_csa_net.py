"""The place of CSA-Net's attention in a U-Net deeper than stride 16."""

import pytest
import torch
from einops import rearrange
from torch.nn import functional as F

from nnunet_slice_attention.networks import create_network

PATCH, FEATURES = (128, 128), (4, 4, 8, 8, 16, 16)


def build():
    torch.manual_seed(0)
    return create_network("CSANet", 1, 2, PATCH, FEATURES, num_heads=4, vit_depth=1).double().eval()


def test_deeper_stages_are_kept_and_the_attention_is_on_the_skip_at_stride_16():
    network = build()
    assert len(network.encoder.stages) == len(FEATURES)
    x = torch.randn(1, 1, 3, *PATCH, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, 0] = torch.randn_like(changed[:, :, 0])
    skips = []
    network.decoder.register_forward_pre_hook(lambda module, inputs: skips.append(inputs[0]))
    network(x), network(changed)
    differs = [not torch.equal(a[1], b[1]) for a, b in zip(*skips, strict=True)]  # inputs of the middle slice
    assert differs == [False, False, False, False, True, False]
    assert skips[0][4].shape[-2:] == (8, 8)


def test_from_there_each_neighbour_and_no_other_slice_affects_the_output():
    x = torch.randn(1, 1, 5, *PATCH, dtype=torch.float64, requires_grad=True)
    build()(x)[:, :, 2].square().sum().backward()
    influence = x.grad.abs().amax(dim=(0, 1, 3, 4))
    assert [i for i in range(5) if influence[i] > 0] == [1, 2, 3]
    assert influence[[1, 3]].min() > 1e-4 * influence[2]


@pytest.mark.parametrize(
    ("width", "patch"), [(64, (96, 96)), (128, (256, 224)), (512, (256, 224)), (512, (512, 512))]
)
def test_attention_is_initially_on_the_same_location_of_the_other_slice(width, patch):
    """For any width and patch size: otherwise a new network averages over all locations of the neighbour."""
    torch.manual_seed(0)
    network = create_network("CSANet", 1, 2, patch, (8, 8, 8, 8, width), vit_depth=1)
    attention, grid = network.previous.attention, [side // 16 for side in patch]
    position = rearrange(network.position(*grid), "n d h w -> n (h w) d")
    centre, neighbour = (F.leaky_relu(torch.randn(2, grid[0] * grid[1], width), 0.01) for _ in range(2))

    split = {"pattern": "n l (heads d) -> n heads l d", "heads": attention.num_heads}
    query = rearrange(attention.query(centre + position), **split)
    key = rearrange(attention.key(neighbour + position), **split)
    weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)
    assert weights.diagonal(dim1=-2, dim2=-1).mean() > 0.5


def test_in_the_papers_direction_features_dominate_positions():
    """With positions stronger than features, the attention weights would be the same for every neighbour."""
    torch.manual_seed(0)
    networks = [
        create_network("CSANet", 1, 2, (96, 96), (8, 8, 8, 8, 128), vit_depth=1, direction=d)
        for d in ("paper", "centre_query")
    ]
    centre, neighbour, other = (F.leaky_relu(torch.randn(1, 128, 6, 6), 0.01) for _ in range(3))
    changed = []
    for network in networks:
        network.previous.direction = "paper"
        a, b = (network.previous(centre, n, network.position(6, 6)) for n in (neighbour, other))
        changed.append((a - b).square().mean())
    assert changed[0] > 2 * changed[1]


@pytest.mark.parametrize("cross_slice", [True, False])
def test_an_unknown_direction_is_an_error(cross_slice):
    options = {"vit_depth": 1, "direction": "up", "cross_slice": cross_slice}
    with pytest.raises(ValueError, match=r"direction='up' is unknown.*centre_query.*paper"):
        create_network("CSANet", 1, 2, (96, 96), (8, 8, 8, 8, 64), **options)


def test_the_default_has_four_transformer_blocks_and_r50_vit_the_papers_twelve():
    with torch.device("meta"):
        default, paper = (create_network("CSANet", patch_size=PATCH, r50_vit=r50) for r50 in (False, True))
    assert len(default.transformer.blocks) == 4
    assert len(paper.transformer.blocks) == 12
