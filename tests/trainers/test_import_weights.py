"""From timm's weights to nnU-Net's `-pretrained_weights`."""

import timm
import torch

from nnunet_slice_attention.cli import main

TRAINER = "Tiny_nnUNetTrainerCSANet_SmallR50ViT"


def test_a_run_starts_from_the_checkpoint(run_nnunet, nnunet_folders, tiny, tmp_path, capsys):
    torch.manual_seed(3)
    model = timm.create_model("vit_base_r50_s16_224", embed_dim=64, depth=1, num_heads=1)
    torch.save(model.state_dict(), tmp_path / "timm.pth")
    checkpoint = tmp_path / "new" / "folder" / "pretrained.pth"
    command = ["import-weights", "-d", str(tiny.id), "-tr", TRAINER, "-o", str(checkpoint)]
    assert main([*command, "--file", str(tmp_path / "timm.pth")]) == 0
    assert f"-tr {TRAINER} -p nnUNetPlans -pretrained_weights {checkpoint}" in capsys.readouterr().out
    assert [p.name for p in checkpoint.parent.iterdir()] == [checkpoint.name]

    train = ("nnUNetv2_train", tiny.id, "2d", 0, "-tr", TRAINER, "-device", "cpu", "-pretrained_weights")
    run_nnunet(*train, checkpoint)
    log = capsys.readouterr().out
    assert "Loading pretrained weights from file" in log
    fold = nnunet_folders / "results" / tiny.folder / f"{TRAINER}__nnUNetPlans__2d" / "fold_0"
    trained = torch.load(fold / "checkpoint_final.pth", weights_only=False)["network_weights"]
    began = torch.load(checkpoint, weights_only=True)["network_weights"]
    name = "encoder.backbone.stages.2.blocks.8.conv3.weight"
    timms = model.state_dict()[name.replace("encoder", "patch_embed")]
    assert torch.equal(began[name], timms)
    # Four steps change a weight only slightly.
    assert 0 < (trained[name] - timms).norm() < 0.1 * timms.norm()


def test_an_unknown_trainer_is_an_error(nnunet_folders, tiny, tmp_path, capsys):
    torch.save({}, tmp_path / "timm.pth")
    output = str(tmp_path / "o.pth")
    command = ["import-weights", "-d", str(tiny.id), "-o", output, "-tr", "nnUNetTrainerNobody"]
    assert main([*command, "--file", str(tmp_path / "timm.pth")]) == 1
    assert "nnU-Net finds no trainer nnUNetTrainerNobody" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named_before_weights_are_downloaded(
    nnunet_folders, tiny, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("nnunet_slice_attention.trainers.import_weights.read_timm_weights", None)
    for output, message in (
        ("file/o.pth", "file is not a folder that you can write to"),
        ("", "is a folder. Give a file with -o"),
    ):
        assert main(["import-weights", "-d", str(tiny.id), "-o", str(tmp_path / output), "-tr", TRAINER]) == 1
        assert message in capsys.readouterr().err


def test_weights_that_do_not_fit_leave_no_file(nnunet_folders, tiny, tmp_path, capsys):
    torch.save({"blocks.0.norm1.weight": torch.ones(64)}, tmp_path / "timm.pth")
    command = ["import-weights", "-d", str(tiny.id), "-o", str(tmp_path / "o.pth"), "-tr", TRAINER]
    assert main([*command, "--file", str(tmp_path / "timm.pth")]) == 1
    assert "have no 'patch_embed." in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"timm.pth"}
