"""timm's R50-ViT inside CSA-Net: the same outputs as timm's model, and clear errors for weights that do not fit."""

import pytest
import timm
import torch
from einops import rearrange
from safetensors.torch import save_file

from nnunet_slice_attention.networks import create_network
from nnunet_slice_attention.networks.timm_weights import load_timm_weights, read_timm_weights

PATCH = (32, 48)
SMALL = {"embed_dim": 64, "depth": 2, "num_heads": 1}


def small_timm(**options):
    torch.manual_seed(3)
    return timm.create_model("vit_base_r50_s16_224", num_classes=5, **SMALL, **options).eval()


def network(in_channels=3, **options):
    torch.manual_seed(0)
    options = {"r50_vit": True, "vit_width": 64, "vit_depth": 2} | options
    return create_network("CSANet", in_channels, 2, PATCH, **options).eval()


@pytest.fixture(scope="module")
def weights():
    return small_timm().state_dict()


def test_encoder_and_transformer_match_timm(weights):
    # Our transformer has no class token.
    reference = small_timm(img_size=PATCH, class_token=False, global_pool="avg", fc_norm=False)
    ours = network()
    filled = load_timm_weights(ours, weights)
    grid_positions = rearrange(ours.transformer.position.embedding, "1 d h w -> 1 (h w) d")
    reference.load_state_dict(
        {**{k: v for k, v in weights.items() if k != "cls_token"}, "pos_embed": grid_positions}
    )
    x = torch.randn(2, 3, *PATCH)
    with torch.no_grad():
        features = ours.encoder(x)[-1]
        torch.testing.assert_close(features, reference.patch_embed.backbone(x))
        tokens = rearrange(ours.transformer(features), "n d h w -> n (h w) d")
        torch.testing.assert_close(tokens, reference.forward_features(x), rtol=1e-4, atol=1e-5)
    timm_backed = {n for n, _ in ours.named_parameters() if n.startswith(("encoder.backbone", "transformer"))}
    assert set(filled) == timm_backed


def test_positions_are_resampled_as_timm_does(weights):
    ours = network()
    load_timm_weights(ours, weights)
    timms = timm.layers.resample_abs_pos_embed(weights["pos_embed"], [2, 3])[:, 1:]
    assert torch.equal(rearrange(ours.transformer.position.embedding, "1 d h w -> 1 (h w) d"), timms)


@pytest.mark.parametrize("channels", [1, 4])
def test_the_first_convolution_is_adapted_to_the_number_of_channels(weights, channels):
    ours = network(channels)
    load_timm_weights(ours, weights)
    rgb = weights["patch_embed.backbone.stem.conv.weight"]
    weight = ours.encoder.backbone.stem.conv.weight
    expected = rgb.sum(dim=1, keepdim=True) if channels == 1 else 3 / 4 * torch.cat([rgb, rgb[:, :1]], dim=1)
    torch.testing.assert_close(weight, expected)


def test_both_file_formats_are_read(weights, tmp_path):
    torch.save(weights, tmp_path / "w.pth")
    save_file(weights, tmp_path / "w.safetensors")
    for name in ("w.pth", "w.safetensors"):
        read = read_timm_weights("any", tmp_path / name)
        assert read.keys() == weights.keys()
        assert all(torch.equal(read[k], weights[k]) for k in weights)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.pth"):
        read_timm_weights("any", tmp_path / "gone.pth")


class Code:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_a_file_without_weights_is_an_error_and_runs_no_code(tmp_path, content, capsys):
    path = tmp_path / "w.pth"
    torch.save({"w": Code()}, path) if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as weights"):
        read_timm_weights("any", path)
    assert "code ran" not in capsys.readouterr().out


def test_the_error_for_an_unknown_model_says_how_to_list_names():
    with pytest.raises(ValueError, match=r"'vit_unknown'.*--file"):
        read_timm_weights("vit_unknown")


def test_the_error_for_another_width_names_the_key(weights):
    with pytest.raises(ValueError, match=r"'patch_embed.proj.weight' has shape \(64, 1024, 1, 1\)"):
        load_timm_weights(network(vit_width=128), weights)


def test_the_error_for_a_missing_tensor_names_the_key_and_changes_nothing(weights):
    ours = network()
    before = {k: v.clone() for k, v in ours.state_dict().items()}
    with pytest.raises(ValueError, match=r"no 'blocks.1.mlp.fc2.bias'"):
        load_timm_weights(ours, {k: v for k, v in weights.items() if k != "blocks.1.mlp.fc2.bias"})
    assert all(torch.equal(v, before[k]) for k, v in ours.state_dict().items())


def test_a_network_without_r50_vit_is_an_error(weights):
    plain = create_network("SliceUNet", 1, 2, PATCH)
    with pytest.raises(ValueError, match="SliceUNet with these options has no R50-ViT"):
        load_timm_weights(plain, weights)
