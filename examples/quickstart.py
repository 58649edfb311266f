"""`make quickstart`: nnU-Net 2D vs. CSA-Net on a phantom, from scratch, on a CPU, in minutes.

The phantom's two classes look the same in a single slice and differ in the neighbouring slices, so a 2D network can
only guess. Each step is an ordinary command, printed before it runs. Run again, it skips finished steps.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, stdev

ID, FOLDER, PLANS = 999, "Dataset999_SlicePhantom", "nnUNetCompactPlans"
CLASSES = {1: "vessel", 2: "nodule"}
COLOURS = {1: "#56B4E9", 2: "#E69F00"}  # colour-blind safe


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("quickstart"), help="output folder (default: quickstart)"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda", "mps"), help="default: cuda if there is one, else cpu"
    )
    parser.add_argument(
        "--epochs", default="5epochs", help="schedule, a suffix of trainers (default: 5epochs)"
    )
    args = parser.parse_args()
    out, device = args.out.resolve(), args.device or default_device()
    trainers = {"2D": f"nnUNetTrainer_{args.epochs}", "CSA-Net": f"nnUNetTrainerCSANet_{args.epochs}"}

    run_all(commands(trainers, device), out, environment(out))
    report = markdown(out, trainers, device)
    (out / "report.md").write_text(report, encoding="utf-8")
    overlay(out, trainers)
    print(f"\n{report}\nWritten: {out / 'report.md'} and {out / 'overlay.png'}")


def default_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def environment(out: Path) -> dict[str, str]:
    """The caller's environment with nnU-Net's variables."""
    env = dict(os.environ)
    env["PATH"] = str(Path(sys.executable).parent) + os.pathsep + env.get("PATH", "")  # venv not activated
    for folder in ("raw", "preprocessed", "results"):
        env[f"nnUNet_{folder}"] = str(out / folder)
    env.setdefault("nnUNet_n_proc_DA", "2")
    env.setdefault("nnUNet_def_n_proc", "2")
    env.setdefault("PYTHONUNBUFFERED", "1")  # shows progress in pipes and logs too
    env.setdefault("nnUNet_compile", "f")  # compiling takes longer than training here
    try:
        installed = importlib.util.find_spec("nnunetv2.training.nnUNetTrainer.variants.slice_attention")
        shim = importlib.util.find_spec("nnunet_slice_attention.shim")
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. Install the package first, with this Python: {sys.executable} -m pip install .")
    if installed is None and shim is not None:
        # For an editable install nnU-Net needs the trainers' folder.
        env.setdefault("nnUNet_extTrainer", next(iter(shim.submodule_search_locations)))
    return env


def commands(trainers: dict[str, str], device: str) -> list[tuple[str, str]]:
    """Each command with the file or folder that it creates; paths are relative to the output folder."""
    raw, preprocessed, results = f"raw/{FOLDER}", f"preprocessed/{FOLDER}", f"results/{FOLDER}"
    draw = f"nnunet-slice-attention phantom -o raw -d {ID} --cases 30 --test-cases 8 --seed 0"
    steps = [
        (draw, f"{raw}/dataset.json"),
        (f"nnUNetv2_plan_and_preprocess -d {ID} -c 2d -np 2 -npfp 2", f"{preprocessed}/nnUNetPlans_2d"),
        (
            f"nnunet-slice-attention plan-compact -d {ID} --batch-size 4 --features 128 --convs 1",
            f"{preprocessed}/{PLANS}.json",
        ),
    ]
    for trainer in trainers.values():
        train = f"nnUNetv2_train {ID} 2d 0 -tr {trainer} -p {PLANS} -device {device}"
        steps.append((train, f"{results}/{trainer}__{PLANS}__2d/fold_0/checkpoint_final.pth"))
    for trainer in trainers.values():
        to, model = f"predictions/{trainer}", f"-d {ID} -c 2d -f 0 -tr {trainer} -p {PLANS}"
        predict = (
            f"nnUNetv2_predict -i {raw}/imagesTs -o {to} {model} --disable_tta -npp 1 -nps 1 -device {device}"
        )
        plans = f"-djfile {to}/dataset.json -pfile {to}/plans.json"
        evaluate = f"nnUNetv2_evaluate_folder {raw}/labelsTs {to} {plans} -np 2"
        steps += [(predict, f"{to}/plans.json"), (evaluate, f"{to}/summary.json")]
    return steps


def run_all(steps: list[tuple[str, str]], out: Path, env: dict[str, str]) -> None:
    """Run unfinished steps in `out`; exit with status 1 at the first failure."""
    out.mkdir(parents=True, exist_ok=True)
    print(f"cd {shlex.quote(str(out))}")
    for name in sorted(name for name in env if name.startswith("nnUNet_")):
        print(f"export {name}={shlex.quote(env[name])}")

    # Some commands create their folder before they finish, so an existing result does not prove success.
    finished_file = out / "finished_commands.txt"
    finished = finished_file.read_text().splitlines() if finished_file.exists() else []
    for number, (command, result) in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {command}", flush=True)
        if command in finished and (out / result).exists():
            print(f"skipped, done before: {result}")
            continue
        start = time.monotonic()
        try:
            status = subprocess.run(command.split(), env=env, cwd=out).returncode
        except FileNotFoundError:
            sys.exit(f"Command not found: {command.split()[0]}. Install the package first: pip install .")
        if status or not (out / result).exists():
            problem = f"exit status {status}" if status else f"did not write {out / result}"
            sys.exit(f"Step {number} of {len(steps)} failed ({problem}):\n    {command}")
        with finished_file.open("a") as file:
            file.write(command + "\n")
        print(f"took {time.monotonic() - start:.0f} s", flush=True)


def markdown(out: Path, trainers: dict[str, str], device: str) -> str:
    """Dice per class and network over the test cases, mean and standard deviation."""
    rows = []
    for network, trainer in trainers.items():
        summary = json.loads((out / "predictions" / trainer / "summary.json").read_text())
        dice = {c: [case["metrics"][str(c)]["Dice"] for case in summary["metric_per_case"]] for c in CLASSES}
        cells = " | ".join(f"{mean(values):.3f} ± {stdev(values):.3f}" for values in dice.values())
        rows.append(f"| {network} | `{trainer}` | {len(dice[1])} | {cells} |")
    packages = ("nnunet-slice-attention", "nnunetv2", "torch")
    versions = ", ".join(f"{name} {installed_version(name)}" for name in packages)
    return "\n".join(
        [
            "# Quickstart: two classes that look the same in a single slice",
            "",
            f"| Network | Trainer | n cases | {' | '.join(f'Dice {name}' for name in CLASSES.values())} |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "Mean ± SD over test cases; one run each, fold 0. The SD is between cases, not runs.",
            "Perfect outlines with guessed classes give a Dice of about 0.5; higher values need neighbouring slices.",
            "",
            f"{versions}; Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} CPU cores, device {device}.",
            "",
        ]
    )


def installed_version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def overlay(out: Path, trainers: dict[str, str], case: str = "phantomTs_000") -> None:
    """Three neighbouring slices (columns): image, ground truth and each network's prediction (rows)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    import SimpleITK
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    def read(folder: Path, name: str = case):
        return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(folder / f"{name}.nii.gz"))

    dataset = out / "raw" / FOLDER
    image = read(dataset / "imagesTs", f"{case}_0000")
    rows = {"image": None, "ground truth": read(dataset / "labelsTs")}
    rows |= {network: read(out / "predictions" / trainer) for network, trainer in trainers.items()}
    first = len(image) // 2 - 1

    figure, axes = plt.subplots(len(rows), 3, figsize=(7.2, 2.3 * len(rows) + 0.8), layout="constrained")
    figure.suptitle(f"{case}: a vessel continues in the next slice, a nodule does not", fontsize=11)
    for axis_row, (title, label) in zip(axes, rows.items(), strict=True):
        for axis, s in zip(axis_row, range(first, first + 3), strict=True):
            axis.imshow(image[s], cmap="gray", vmin=image.min(), vmax=image.max())
            if label is not None:
                axis.imshow(
                    np.ma.masked_equal(label[s], 0),
                    cmap=ListedColormap(COLOURS.values()),
                    vmin=1,
                    vmax=2,
                    alpha=0.75,
                )
            axis.set(xticks=[], yticks=[])
        axis_row[0].set_ylabel(title, fontsize=12)
    for axis, s in zip(axes[0], range(first, first + 3), strict=True):
        axis.set_title(f"slice {s + 1} of {len(image)}", fontsize=11)
    patches = [Patch(color=COLOURS[c], label=name) for c, name in CLASSES.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=2, fontsize=11, frameon=False)
    figure.savefig(out / "overlay.png", dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
