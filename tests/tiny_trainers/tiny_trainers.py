"""`Tiny_X` is trainer X for two epochs of two iterations, `Long_X` for ten; found through nnUNet_extTrainer."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

EPOCHS = {"Tiny": 2, "Long": 10}
SMALL = "_SmallR50ViT"  # the R50-ViT variant with a small transformer


def __getattr__(name: str) -> type:
    length, _, wanted = name.partition("_")
    if length not in EPOCHS:
        raise AttributeError(name)
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    from nnunet_slice_attention.trainers import resolve_trainer

    options = (
        {"network_options": {"r50_vit": True, "vit_width": 64, "vit_depth": 1}} if SMALL in wanted else {}
    )
    wanted = wanted.removesuffix(SMALL)
    base = nnUNetTrainer if wanted == "nnUNetTrainer" else resolve_trainer(wanted)

    def initialize(self) -> None:
        self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = 2, 1
        self.num_epochs, self.save_every = EPOCHS[length], 1
        torch.set_num_threads(1)  # nnU-Net uses all, and tests run in parallel
        # Drawing it takes longer than an epoch.
        self.logger.plot_progress_png = lambda folder: Path(folder, "progress.png").touch()
        base.initialize(self)

    members = {"initialize": initialize, "__module__": __name__} | options
    if "VAMaskRCNN" in wanted:
        members["build_network_architecture"] = finding_few(base.build_network_architecture)
    return type(name, (base,), members)


def finding_few(build: Callable) -> staticmethod:
    """An untrained detector finds hundreds of instances per slice, which takes seconds."""

    @wraps(build)
    def build_network_architecture(*arguments, **named):
        network = build(*arguments, **named)
        network.decoder.roi_heads.detections_per_img = 5
        network.decoder.rpn._post_nms_top_n = {"training": 20, "testing": 20}
        return network

    return staticmethod(build_network_architecture)
