"""The Vision Transformer: positions on another grid, and what a token depends on."""

import pytest
import torch

from nnunet_slice_attention.attention.position import LearnedPosition
from nnunet_slice_attention.attention.vit import VisionTransformerEncoder


def test_positions_are_resized_for_another_grid_and_unchanged_on_their_own():
    vit = VisionTransformerEncoder(4, 64, 1, (2, 3))
    assert vit.position(2, 3) is vit.position.embedding
    assert vit.position(5, 4).shape == (1, 64, 5, 4)
    assert vit(torch.randn(2, 4, 5, 4)).shape == (2, 64, 5, 4)


def test_a_token_attends_to_all_others_and_depends_on_its_position():
    torch.manual_seed(0)
    vit = VisionTransformerEncoder(4, 64, 1, (3, 3)).double()
    x = torch.randn(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    vit(x)[0, 0, 0, 0].backward()
    assert (x.grad.abs().amax(dim=1) > 0).all()
    uniform = vit(torch.ones(1, 4, 3, 3, dtype=torch.float64))[0]
    assert not torch.allclose(uniform[:, 0, 0], uniform[:, 2, 2])


def test_a_width_that_heads_do_not_divide_is_an_error():
    with pytest.raises(ValueError, match="vit_width=130 is not divisible by 4 heads"):
        VisionTransformerEncoder(4, 130, 1, (2, 2), num_heads=4)


@pytest.mark.parametrize(("std", "realised"), [(0.02, 0.02), (0.5, 0.5), (1.5, 1.02)])
def test_the_initial_sd_of_positions(std, realised):
    torch.manual_seed(0)
    assert LearnedPosition(64, (32, 32), std).embedding.std().item() == pytest.approx(realised, abs=0.01)
