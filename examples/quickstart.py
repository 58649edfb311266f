"""`make quickstart`: nnU-Net 2D vs. CSA-Net on a phantom, from scratch, on a CPU, in minutes.

The phantom's two classes look the same in a single slice and differ in the neighbouring slices, so a 2D network can
only guess. Each step is an ordinary command, printed before it runs. Run again, it skips finished steps.
"""

import argparse
import importlib.util
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ID, FOLDER, PLANS = 999, "Dataset999_SlicePhantom", "nnUNetCompactPlans"
REPORT = "report/report.html"


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

    begin = time.monotonic()
    run_all(commands(trainers, device), out, environment(out))
    page = out / REPORT
    print(f"\n{summary(page.with_suffix('.md').read_text(encoding='utf-8'))}")
    print(
        "\nPerfect outlines with guessed classes give a Dice of about 0.5; higher values need neighbouring slices."
        f"\nAll steps took {(time.monotonic() - begin) / 60:.0f} min. Open in a browser: {page}"
    )


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
        # For an editable install nnU-Net needs the trainers' folder, first: another may hold an older version.
        ours = next(iter(shim.submodule_search_locations))
        others = env.get("nnUNet_extTrainer", "").split(os.pathsep)
        env["nnUNet_extTrainer"] = os.pathsep.join([ours, *(o for o in others if o.strip() and o != ours)])
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
        steps.append((predict, f"{to}/plans.json"))
    named = " ".join(f"{name}=predictions/{trainer}" for name, trainer in trainers.items())
    truth = f"--truth {raw}/labelsTs --images {raw}/imagesTs"
    steps.append((f"nnunet-slice-attention compare --predictions {named} {truth} -o report", REPORT))
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
    unchanged = True  # once a step is done again, so are those that use its result
    for number, (command, result) in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {command}", flush=True)
        if unchanged and command in finished and (out / result).exists():
            print(f"skipped, done before: {result}")
            continue
        unchanged = False
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


def summary(report: str) -> str:
    """The verdicts, and the first table of a comparison's report in Markdown."""
    sections = report.split("\n\n")
    return "\n\n".join(sections[:5])


if __name__ == "__main__":
    main()
