"""Dense U-Net of SAU-Net (MIDL 2020): a plan's U-Net whose stages are densely connected (Huang et al. 2017)."""

import torch
from torch import Tensor, nn

from .blocks import conv_block_like


class DenseBlock(nn.Module):
    """Max-pool, then convolutions that each see the block's input and all before them, then 1x1 to the stage's width.

    (N, in, H, W) -> (N, width, H / stride, W / stride)

    Args:
        encoder: gives norm, activation and convolution type.
        in_channels, width, kernel_size, stride, n_convs: as the stage it takes the place of.
        max_weights: the block gets the largest growth rate, in channels, for which it holds no more weights.
    """

    def __init__(
        self,
        encoder: nn.Module,
        in_channels: int,
        width: int,
        kernel_size: list[int],
        stride: list[int],
        n_convs: int,
        max_weights: int,
    ):
        super().__init__()
        growth = largest_growth(in_channels, width, kernel_size, n_convs, max_weights)
        self.pool = nn.MaxPool2d(stride, stride) if max(stride) > 1 else nn.Identity()
        inputs = [in_channels + k * growth for k in range(n_convs + 1)]
        self.convs = nn.ModuleList(
            conv_block_like(encoder, n_in, growth, tuple(kernel_size)) for n_in in inputs[:-1]
        )
        self.transition = conv_block_like(encoder, inputs[-1], width, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.pool(x)]
        for conv in self.convs:
            features.append(conv(torch.cat(features, dim=1)))
        return self.transition(torch.cat(features, dim=1))


def largest_growth(
    in_channels: int, width: int, kernel_size: list[int], n_convs: int, max_weights: int
) -> int:
    """Channels each convolution adds, at least 4."""

    def weights(growth: int) -> int:
        area = kernel_size[0] * kernel_size[1]
        convs = sum(area * (in_channels + k * growth) * growth for k in range(n_convs))
        biases_and_norms = 3 * (n_convs * growth + width)
        return convs + (in_channels + n_convs * growth) * width + biases_and_norms

    return max((g for g in range(4, 2 * width) if weights(g) <= max_weights), default=4)


def make_dense(encoder: nn.Module, decoder: nn.Module, kwargs: dict) -> None:
    """Replace the stages of a plan's U-Net, in place, by dense blocks of the same shapes and of no more weights."""
    n_convs = kwargs.get("n_conv_per_stage") or kwargs["n_blocks_per_stage"]
    stem = getattr(encoder, "stem", None)  # of residual encoders
    in_channels = stem.output_channels if stem is not None else _input_channels(encoder)
    for s, width in enumerate(encoder.output_channels):
        encoder.stages[s] = DenseBlock(
            encoder,
            in_channels,
            width,
            list(kwargs["kernel_sizes"][s]),
            list(kwargs["strides"][s]),
            max(2, n_convs[s]),
            _n_weights(encoder.stages[s]),
        )
        in_channels = width
    for d, stage in enumerate(decoder.stages):
        level = len(encoder.output_channels) - 2 - d
        width = encoder.output_channels[level]
        decoder.stages[d] = DenseBlock(
            encoder,
            2 * width,
            width,
            list(kwargs["kernel_sizes"][level]),
            [1, 1],
            max(2, kwargs["n_conv_per_stage_decoder"][d]),
            _n_weights(stage),
        )


def _input_channels(encoder: nn.Module) -> int:
    return next(m.in_channels for m in encoder.modules() if isinstance(m, nn.Conv2d))


def _n_weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
