"""Train and validate a list of models on one fold, each from fixed seeds, through nnU-Net's own loop. Resumable.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnUNetv2_plan_and_preprocess -d 27 -c 2d        # then copy splits_final.json into the preprocessed data set
    nnunet-slice-attention plan-compact -d 27
    python run.py --dataset 27 --trainers design_choices/trainers.txt --seeds 0 1 --epochs 8 --workers 2

The list names a trainer a line, for configuration 2d with compact plans, or TRAINER__PLANS__CONFIGURATION. Each run
trains one fold, then validates the final checkpoint on all validation volumes without mirroring. On a CPU training
steps run in mixed precision (bfloat16), as nnU-Net's do on a GPU, or in single precision, which some processors are
faster in; validation in single precision. On a GPU (`--device cuda --loaders 4`) all is as nnU-Net has it.
Results go to `$nnUNet_results/seedN`: use one results folder for one number of epochs and one precision. A finished run
is skipped, a cut-off one goes on from its last epoch. The report beside the list makes the table.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nnunet_slice_attention.model_name import ModelName

PLANS = "nnUNetCompactPlans"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, help="nnU-Net data set id or name")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--workers", type=int, default=2, help="runs at a time, one CPU thread each")
    parser.add_argument("--epochs", type=int, help="of 250 iterations; default: what the trainer's name says")
    parser.add_argument(
        "--trainers", type=Path, required=True, help="file with the name of a trainer or a model a line"
    )
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--precision", choices=("bfloat16", "single"), default="bfloat16", help="on a CPU")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    # 0 loads data in the training process, which makes a run repeatable.
    parser.add_argument("--loaders", type=int, default=0, help="processes that load data, for each run")
    args = parser.parse_args()
    runs = [(trainer, seed) for seed in args.seeds for trainer in args.trainers.read_text().split()]
    with ThreadPoolExecutor(args.workers) as pool:
        failed = [
            run
            for run, ok in zip(
                runs,
                pool.map(lambda r: launch(*r, args), runs),
                strict=True,
            )
            if not ok
        ]
    for name, seed in failed:
        print(f"FAILED {name} seed {seed}: see {log_file(name, args.fold, seed)}", file=sys.stderr)
    return 1 if failed else 0


def log_file(name: str, fold: int, seed: int) -> Path:
    return Path(os.environ["nnUNet_results"]) / f"seed{seed}" / f"{name}_fold{fold}.log"


def launch(name: str, seed: int, args: argparse.Namespace) -> bool:
    """One run in a process of its own, so that seeds and threads are its own."""
    log = log_file(name, args.fold, seed)
    log.parent.mkdir(parents=True, exist_ok=True)
    threads = {k: "1" for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "nnUNet_def_n_proc")}
    env = os.environ | threads | {"nnUNet_results": str(log.parent), "nnUNet_n_proc_DA": str(args.loaders)}
    print(f"run {name} fold {args.fold} seed {seed}", flush=True)
    with log.open("a") as out:
        of_run = (args.dataset, args.fold, name, seed, args.epochs, args.precision, args.device)
        # Before the working directory, whose own run.py may be the one that is at work.
        path = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
        command = [
            sys.executable,
            "-c",
            f"{path}; from run import train_and_validate; train_and_validate(*{of_run!r})",
        ]
        return (
            subprocess.run(command, env=env, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
            == 0
        )


def train_and_validate(
    dataset: str, fold: int, name: str, seed: int, epochs: int | None, precision: str, device_name: str
) -> None:
    import numpy as np
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_slice_attention.crossval.training import put_aside_broken_checkpoints
    from nnunet_slice_attention.environment import commit

    torch.manual_seed(seed)
    np.random.seed(seed)
    model = ModelName.parse(name) if "__" in name else ModelName(name, PLANS, "2d")
    of_model = (dataset, model.configuration, fold, model.trainer, model.plans)
    device = torch.device(device_name)
    torch.backends.cudnn.benchmark = device.type == "cuda"  # as nnUNetv2_train has it
    trainer = get_trainer_from_args(*of_model, device=device)
    epochs = trainer.num_epochs if epochs is None else epochs
    trainer.num_epochs = epochs
    folder = Path(trainer.output_folder)
    if (folder / "validation" / "summary.json").is_file():
        return
    put_aside_broken_checkpoints(folder)
    if not (folder / "checkpoint_final.pth").is_file():
        found = (folder / f"checkpoint_{name}.pth" for name in ("latest", "best"))
        if checkpoint := next((path for path in found if path.is_file()), None):
            trainer = get_trainer_from_args(*of_model, continue_training=True, device=device)
            trainer.num_epochs = epochs
            trainer.load_checkpoint(str(checkpoint))
            torch.manual_seed(
                seed + 1000 * trainer.current_epoch
            )  # not the samples of the first epochs again
            np.random.seed(seed + 1000 * trainer.current_epoch)
        commits = folder / "commit.txt"
        before = commits.read_text().split("+") if commits.is_file() else []
        commits.write_text("+".join(dict.fromkeys([*before, commit()])))
        trainer.save_every = 1
        trainer.num_val_iterations_per_epoch = 5  # the online figure is not used
        if device.type == "cpu" and precision == "bfloat16":
            trainer.train_step = torch.autocast("cpu", torch.bfloat16)(trainer.train_step)
        trainer.run_training()
    trainer.load_checkpoint(str(folder / "checkpoint_final.pth"))
    trainer.inference_allowed_mirroring_axes = None  # a quarter of the time, the same for all
    trainer.perform_actual_validation()


if __name__ == "__main__":
    sys.exit(main())
