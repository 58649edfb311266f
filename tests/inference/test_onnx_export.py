"""The exported file gives the same logits as PyTorch, or is not written."""

import errno
import os
import sys

import numpy as np
import onnxruntime
import pytest
import torch

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference import onnx_export
from nnunet_slice_attention.inference.onnx_export import export_onnx
from nnunet_slice_attention.inference.trained_model import load_predictor
from tests.inference.tiny_model import TRAINER
from tests.networks.configurations import FEW_STAGES, PATCH, build


def test_logits_match_pytorch_for_any_multiple_of_the_stride_and_any_mask(tmp_path):
    options = {"num_heads": 4, "vit_depth": 1}
    network = build("CSANet", options, in_channels=2, double=False, features=FEW_STAGES).eval()
    written = export_onnx(network, PATCH, tmp_path / "new" / "folder" / "csa.onnx")
    assert (written.n_slices, written.stride, len(written.sizes)) == (3, (4, 4), 2)
    session = onnxruntime.InferenceSession(written.path)
    for size, mask in [((36, 20), [1, 1, 1]), ((4, 76), [0, 1, 1]), (PATCH, [1, 1, 0])]:
        x, valid = torch.randn(1, 6, *size), torch.tensor([mask], dtype=torch.bool)
        (got,) = session.run(None, {"x": x.numpy(), "valid": valid.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(got, network(x, valid), atol=1e-4)


def test_a_file_with_different_logits_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "_difference", lambda *_: float("nan"))
    with pytest.raises(RuntimeError, match="differ from PyTorch's by up to nan"):
        export_onnx(build("SliceUNet", {}, double=False, features=FEW_STAGES), PATCH, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["file/x.onnx", "folder"])
def test_an_output_that_cannot_be_written_is_named_before_the_export(name, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(torch.onnx, "export", None)
    with pytest.raises(
        ValueError, match=r"file is not a folder that you can write to|folder is a folder. Give a"
    ):
        export_onnx(build("SliceUNet", {}, double=False, features=FEW_STAGES), PATCH, tmp_path / name)


def test_a_full_disk_is_not_taken_for_a_network_of_fixed_size(tmp_path, monkeypatch):
    calls = []

    def full(*_, **__):
        calls.append(1)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch.onnx, "export", full)
    with pytest.raises(OSError, match="No space left"):
        export_onnx(build("SliceUNet", {}, double=False, features=FEW_STAGES), PATCH, tmp_path / "x.onnx")
    assert len(calls) == 1 and not list(tmp_path.iterdir())


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r'onnxruntime is not installed. Run: pip install ".*\[onnx\]"'):
        export_onnx(build("SliceUNet", {}, double=False), PATCH, tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("name", "option", "told"),
    [
        ("SliceAttention", "position", "its position in its volume"),
        ("TSFMUNet", "millimetres", "the slice spacing of its volume"),
    ],
)
def test_a_network_that_needs_a_side_channel_is_refused_with_another_format(name, option, told, tmp_path):
    network = build(name, {option: True}, double=False)
    with pytest.raises(ValueError, match=f"needs one more channel with {told}.* --format bundle"):
        export_onnx(network, PATCH, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_a_detector_is_refused_with_another_format(tmp_path):
    detector = build("VAMaskRCNN", {"resnet": 18}, double=False)
    with pytest.raises(ValueError, match="VAMaskRCNN is a detector.* --format bundle"):
        export_onnx(detector, PATCH, tmp_path / "x.onnx")


def test_a_network_with_a_fixed_size_is_exported_for_the_planned_one(tmp_path):
    written = export_onnx(
        build("TSFMUNet", {}, double=False, features=FEW_STAGES), PATCH, tmp_path / "tsfm.onnx"
    )
    assert written.sizes == [PATCH]
    assert written.difference < 1e-4


def test_export_writes_the_trained_weights(trained, tmp_path, capsys):
    target = tmp_path / "tsfm.onnx"
    assert main(["export", "-d", trained.id, "-tr", TRAINER, "-f", "1", "-o", str(target)]) == 0
    assert "5 slices as channels, in-plane size" in capsys.readouterr().out
    network = load_predictor(trained.folder, [1], device="cpu").network.eval()
    x, valid = torch.randn(1, 5, 40, 40), torch.ones(1, 5, dtype=torch.bool)
    (got,) = onnxruntime.InferenceSession(target).run(None, {"x": x.numpy(), "valid": valid.numpy()})
    np.testing.assert_allclose(got, network(x, valid).detach().numpy(), atol=1e-3)
