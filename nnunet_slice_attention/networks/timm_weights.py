"""Loads timm's R50-ViT weights into CSA-Net's encoder and transformer."""

from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from pickle import UnpicklingError

import timm
import torch
from einops import rearrange
from timm.layers import resample_abs_pos_embed
from timm.models import adapt_input_conv
from torch import Tensor, nn

# Prefixes of parameter names: ours -> timm's.
NAMES = {
    "encoder.backbone.": "patch_embed.backbone.",
    "transformer.embed.": "patch_embed.proj.",
    "transformer.blocks.": "blocks.",
    "transformer.norm.": "norm.",
    "transformer.position.embedding": "pos_embed",
}


def read_timm_weights(model: str, file: Path | None = None) -> dict[str, Tensor]:
    """The state dict of a timm model.

    Args:
        model: timm's name with its tag, e.g. `vit_base_r50_s16_224.orig_in21k`.
        file: `.safetensors`, or `.pth` or `.bin` with tensors only, as timm saves them; None lets timm download the
            model or take it from its cache.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not a state dict, or timm does not know or cannot download the model.
    """
    if file is None:
        try:
            return timm.create_model(model, pretrained=True).state_dict()
        except Exception as error:  # a failed download can raise anything
            raise ValueError(
                f"timm cannot load the weights of {model!r} ({type(error).__name__}: {error}). List the names with "
                "timm.list_pretrained('vit_*r50_s16*'). Without internet access give the file with --file."
            ) from error
    if not Path(file).is_file():
        raise FileNotFoundError(f"weights {str(file)!r} do not exist. Give a timm checkpoint with --file.")
    try:
        weights = timm.models.load_state_dict(str(file), weights_only=True)
    except Exception as error:  # unpickling can raise anything
        reason = "it contains more than tensors" if isinstance(error, UnpicklingError) else f"{error}"
        raise ValueError(
            f"{str(file)!r} cannot be read as weights: {reason}. Save a timm model's state_dict() with torch.save or "
            "safetensors."
        ) from error
    return weights


def load_timm_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Load weights into a CSA-Net built with `r50_vit`, in place; parameters that timm's model lacks are kept.

    As in timm, the first convolution is adapted to the number of image channels and the positions to the token grid.
    Class token and classifier are ignored.

    Returns:
        our names of the loaded parameters.

    Raises:
        ValueError: the network has no R50-ViT, or a tensor is missing or has the wrong shape; names the key.
    """
    filled = {}
    for name, parameter in network.state_dict().items():
        beginning = next((ours for ours in NAMES if name.startswith(ours)), None)
        if beginning is None:
            continue
        key = NAMES[beginning] + name.removeprefix(beginning)
        if key not in weights:
            raise ValueError(
                f"the weights have no {key!r}, which {name!r} needs. Use a model of the vit_base_r50_s16 family."
            )
        tensor = _adapted(key, weights[key], parameter)
        if tensor.shape != parameter.shape:
            raise ValueError(
                f"{key!r} has shape {tuple(tensor.shape)}, but {name!r} has {tuple(parameter.shape)}. Use a model of "
                "the vit_base_r50_s16 family."
            )
        filled[name] = tensor
    if not any(name.startswith("encoder.backbone.") for name in filled):
        raise ValueError(
            f"{type(network).__name__} with these options has no R50-ViT. Use nnUNetTrainerCSANet_R50ViT."
        )
    with torch.no_grad():
        network.load_state_dict(filled, strict=False)
    return list(filled)


def _adapted(key: str, tensor: Tensor, parameter: Tensor) -> Tensor:
    if key == "patch_embed.backbone.stem.conv.weight":
        return adapt_input_conv(parameter.shape[1], tensor)
    if key == "pos_embed" and tensor.ndim == 3:
        height, width = parameter.shape[-2:]
        n_prefix = tensor.shape[1] - isqrt(tensor.shape[1]) ** 2  # class token, or none
        tensor = resample_abs_pos_embed(tensor, [height, width], num_prefix_tokens=n_prefix)[:, n_prefix:]
        return rearrange(tensor, "1 (h w) d -> 1 d h w", h=height)
    return tensor
