"""timm's weights of the hybrid R50-ViT models into CSA-Net's extractor and transformer."""

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

# Ours -> timm's, by the beginning of a name.
NAMES = {
    "encoder.backbone.": "patch_embed.backbone.",
    "transformer.embed.": "patch_embed.proj.",
    "transformer.blocks.": "blocks.",
    "transformer.norm.": "norm.",
    "transformer.position.embedding": "pos_embed",
}


def read_timm_weights(model: str, file: Path | None = None) -> dict[str, Tensor]:
    """The weights of a timm model, by timm's names.

    Args:
        model: timm's name with its tag, e.g. `vit_base_r50_s16_224.orig_in21k`.
        file: `.safetensors`, or `.pth` or `.bin` holding tensors only, as timm saves them; None asks timm, which
            downloads the model or finds it in its cache.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file holds something else, or timm does not know or cannot fetch the model.
    """
    if file is None:
        try:
            return timm.create_model(model, pretrained=True).state_dict()
        except Exception as error:  # whatever the hub's libraries make of a failed download
            raise ValueError(
                f"timm cannot provide the weights of {model!r} ({type(error).__name__}: {error}). On a machine without "
                "network give the file with --file; the names are listed by timm.list_pretrained('vit_*r50_s16*')."
            ) from error
    if not Path(file).is_file():
        raise FileNotFoundError(f"weights {str(file)!r} do not exist. Give --file a timm checkpoint.")
    try:
        weights = timm.models.load_state_dict(str(file), weights_only=True)
    except Exception as error:  # unpickling and safetensors raise whatever a foreign file makes them raise
        reason = "it holds more than tensors" if isinstance(error, UnpicklingError) else f"{error}"
        raise ValueError(
            f"{str(file)!r} cannot be read as weights: {reason}. Save a timm model's state_dict() with torch.save or "
            "safetensors."
        ) from error
    return weights


def load_timm_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Fill a CSA-Net built with `r50_vit` in place; what timm's model does not have keeps its values.

    The first convolution is adapted to the number of image channels and the positions to the token grid, as timm
    does it. Class token and classifier are left out.

    Returns:
        our names of the filled parameters.

    Raises:
        ValueError: the network has no such part, or a tensor is missing or of another shape; names the key.
    """
    filled = {}
    for name, parameter in network.state_dict().items():
        beginning = next((ours for ours in NAMES if name.startswith(ours)), None)
        if beginning is None:
            continue
        key = NAMES[beginning] + name.removeprefix(beginning)
        if key not in weights:
            raise ValueError(
                f"the weights have no {key!r}, which {name!r} needs. Take a model of the vit_base_r50_s16 family."
            )
        tensor = _adapted(key, weights[key], parameter)
        if tensor.shape != parameter.shape:
            raise ValueError(
                f"{key!r} has shape {tuple(tensor.shape)}, but {name!r} has {tuple(parameter.shape)}. Take a model of "
                "the vit_base_r50_s16 family."
            )
        filled[name] = tensor
    if not any(name.startswith("encoder.backbone.") for name in filled):
        raise ValueError(
            f"{type(network).__name__} with these options has no R50-ViT to fill. Use nnUNetTrainerCSANet_R50ViT."
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
