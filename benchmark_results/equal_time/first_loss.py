"""First loss of each network that starts from a trained 2D model, compared with that model's loss on the same slices.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=FOLDER_WITH_THE_2D_MODEL
    python first_loss.py --dataset 514 --plans nnUNetCompact12Plans --fold 0

Nothing is trained, and nothing is written next to the 2D model: the trainers write to a copy of its folder. The exit
status is 1 if any two losses differ by 1e-4 or more.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

STOCK = "nnUNetTrainer"
TRAINERS = (
    "SliceAttention_From2D", "SliceAttention_AllSkips_ContextSlabs_From2D", "SliceAttention_Mixing_From2D",
    "CSANet_From2D", "SAUNet_From2D", "TSFMUNet_From2D", "VAUNet_From2D", "EarlyFusion_From2D", "AxialConv_From2D",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--plans", required=True)
    parser.add_argument("--fold", type=int, default=0)
    args = parser.parse_args()
    os.environ["nnUNet_n_proc_DA"] = "0"

    from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

    name = maybe_convert_to_dataset_name(args.dataset)
    model = Path(name, f"{STOCK}__{args.plans}__2d")
    source = Path(os.environ["nnUNet_results"], model)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(source, Path(scratch, model))
        os.environ["nnUNet_results"] = scratch
        failed = [
            trainer
            for trainer in TRAINERS
            if not losses_agree(f"nnUNetTrainer{trainer}", args, Path(scratch, model))
        ]
    return 1 if failed else 0


def losses_agree(trainer_name: str, args: argparse.Namespace, model: Path) -> bool:
    """Print both losses; return whether they agree to within 1e-4."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    def build(name: str):
        return get_trainer_from_args(
            args.dataset, "2d", args.fold, name, args.plans, device=torch.device("cpu")
        )

    ours, stock = build(trainer_name), build(STOCK)
    stock.load_checkpoint(str(model / f"fold_{args.fold}" / "checkpoint_final.pth"))
    ours.on_train_start()
    # Full slabs may have missing slices, which our networks segment as background: use a batch without any.
    batch = next(b for b in ours.dataloader_train if (b["data"] != 0).any(-1).any(-1).any(1).all())
    data, target = batch["data"], batch["target"]
    with_loss = range(data.shape[2]) if target[0].shape[2] > 1 else [data.shape[2] // 2]
    with torch.no_grad():
        loss = ours.loss(ours.network.train()(data), target).item()
        slices = data[:, :, with_loss].transpose(1, 2).flatten(0, 1)
        outputs = stock.network.train()(slices)
        slab_outputs = [o.unflatten(0, (len(data), len(with_loss))).transpose(1, 2) for o in outputs]
        expected = ours.loss(slab_outputs, target).item()
    print(f"{trainer_name:50} {loss:.7f} {expected:.7f} {abs(loss - expected):.1e}", flush=True)
    return abs(loss - expected) < 1e-4


if __name__ == "__main__":
    sys.exit(main())
