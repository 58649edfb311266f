"""Dense U-Net of SAU-Net (MIDL 2020): the planned U-Net with densely connected stages (Huang et al. 2017)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import conv_block_like


class DenseBlock(nn.Module):
    """Max pooling, densely connected convolutions, then a 1x1 convolution to the stage's width.

    (N, in, H, W) -> (N, width, H / stride, W / stride)

    Args:
        encoder: determines norm, activation and convolution type.
        in_channels, width, kernel_size, stride, n_convs: those of the stage it replaces.
        max_weights: the growth rate is the largest multiple of 8 channels with which the block has at most so many
            weights.
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
        """A convolution of concatenated features is the sum of convolutions of each of them.

        So each feature goes through all convolutions that use it at once, without concatenating feature maps.
        """
        convs = [block.all_modules[0] for block in self.convs]
        features = [self.pool(x)]
        seen = features[0].shape[1]
        sums = _convolve(features[0], convs, slice(0, seen), first=True)
        for k, block in enumerate(self.convs):
            feature = block.all_modules[1:](sums[k])
            features.append(feature)
            part = slice(seen, seen + feature.shape[1])
            seen = part.stop
            later = _convolve(feature, convs[k + 1 :], part)
            sums[k + 1 :] = [total + piece for total, piece in zip(sums[k + 1 :], later, strict=True)]
        return self.transition(torch.cat(features, dim=1))


def _convolve(x: Tensor, convs: list[nn.Conv2d], part: slice, first: bool = False) -> list[Tensor]:
    """Contribution of input channels `part`, which are x, to several convolutions; the biases are added if `first`."""
    if not convs:
        return []
    weight = torch.cat([conv.weight[:, part] for conv in convs])
    bias = torch.cat([conv.bias for conv in convs]) if first and convs[0].bias is not None else None
    out = F.conv2d(x, weight, bias, padding=convs[0].padding)
    return list(out.split([conv.out_channels for conv in convs], dim=1))


def largest_growth(
    in_channels: int, width: int, kernel_size: list[int], n_convs: int, max_weights: int
) -> int:
    """Largest growth rate within `max_weights`, at least 8.

    Multiples of 8 only, because convolution kernels work on blocks of channels.
    """

    def weights(growth: int) -> int:
        area = kernel_size[0] * kernel_size[1]
        convs = sum(area * (in_channels + k * growth) * growth for k in range(n_convs))
        biases_and_norms = 3 * (n_convs * growth + width)
        return convs + (in_channels + n_convs * growth) * width + biases_and_norms

    return max((g for g in range(8, 2 * width, 8) if weights(g) <= max_weights), default=8)


def make_dense(encoder: nn.Module, decoder: nn.Module, kwargs: dict) -> None:
    """Replace the stages of a planned U-Net, in place, by dense blocks of the same shape with no more weights."""
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
