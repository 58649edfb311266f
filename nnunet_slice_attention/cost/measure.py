"""Compares the cost of models: parameters, multiply-adds, time and memory, on one data set and one device.

Each model is measured `repeats` times, in turn with the others and in a new process each time, so that slow phases of
the machine affect all models and memory is measured per model.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from tqdm import tqdm

from ..dataset_files import read_description, read_plans
from ..environment import commit, hardware, versions
from ..files import check_own_folder, read_json, read_json_or_empty, replacing, sha256, write_text
from ..inference.trained_model import find_device
from ..model_name import ModelName
from .figure import cost_figure
from .worker import Cost, Job

RESULTS = ("cost.csv", "cost.md", "cost.png", "cost.json")
LAST_LINES = 15  # shown of a failed process
ENVIRONMENT = (
    "nnUNet_compile",
    "nnUNet_n_proc_DA",
    "OMP_NUM_THREADS",
)  # variables that change the time of a step
Repeats = dict[int, Cost]  # measurements of one model per repeat, without failed ones


def measure_costs(
    dataset: str,
    models: Sequence[str],
    output: Path,
    device: str = "cuda",
    repeats: int = 3,
    iterations: int = 10,
    cases: int = 1,
) -> list[str]:
    """Measure and write `cost.csv`, `cost.md`, `cost.png`, `cost.json` to `output`. Existing measurements are reused.

    Args:
        dataset: id or name of a planned and preprocessed data set.
        models: `TRAINER__PLANS__CONFIGURATION`, including nnU-Net's own; ratios are relative to the first.
        device: cuda, cpu or mps.
        repeats: processes per model.
        iterations: timed training steps per process, with and without data loading.
        cases: predicted validation cases per process; 0 skips prediction.

    Returns:
        one message per failed measurement; the tables contain the others.

    Raises:
        ValueError: a model's name does not have three parts, there is nothing to measure, or the device is not
            available.
    """
    if not models:
        raise ValueError("no model to measure. Give -m TRAINER__PLANS__CONFIGURATION.")
    if min(repeats, iterations) < 1:
        raise ValueError(f"--repeats {repeats} --iterations {iterations}: both must be at least 1.")
    _check_data(dataset, [ModelName.parse(model).plans for model in models])
    find_device(device)
    jobs = {model: _job(dataset, model, device, iterations, cases) for model in models}
    runs = output / "runs"
    check_own_folder(output, RESULTS, runs.name)
    runs.mkdir(parents=True, exist_ok=True)
    for name in RESULTS:  # if nothing can be measured, no earlier table is left behind
        (output / name).unlink(missing_ok=True)
    failures = []
    measurements = [(repeat, model, job) for repeat in range(repeats) for model, job in jobs.items()]
    with tqdm(measurements, unit="measurement", disable=None) as bar:
        for repeat, model, job in bar:
            title = f"{model}, repeat {repeat + 1}"
            bar.set_description(title)
            failures += _run(job, runs / f"{model}_{repeat}.json", title)
    costs = {model: _read(runs, job, model, repeats) for model, job in jobs.items()}
    costs = {model: measured for model, measured in costs.items() if measured}
    if costs:
        _write_csv(output / "cost.csv", costs)
        made_with = f"{versions()}, commit {commit()}. {hardware()}."
        note = f"Medians over {repeats} repeats; ratios to {models[0]}, with minimum and maximum in brackets."
        write_text(output / "cost.md", f"{table(costs, models[0])}\n{note} {made_with}\n")
        with replacing(output / "cost.png", ".png") as partial:
            cost_figure(costs).savefig(partial, dpi=150)
        manifest = {
            "versions": versions(),
            "commit": commit(),
            "hardware": hardware(),
            "environment": _environment(),
            "repeats": repeats,
            "jobs": {m: asdict(j) for m, j in jobs.items()},
        }
        write_text(output / "cost.json", json.dumps(manifest, indent=2))
    return failures


def _check_data(dataset: str, plans: Sequence[str]) -> None:
    """Raise ValueError if a file that all measurements need is damaged."""
    folder = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(dataset))
    for path, read in [
        (folder / "dataset.json", read_description),
        *((folder / f"{p}.json", read_plans) for p in plans),
    ]:
        if path.is_file():
            read(path)


def _job(dataset: str, model: str, device: str, iterations: int, cases: int) -> Job:
    return Job(str(dataset), *ModelName.parse(model), device, iterations, cases)


def _run(job: Job, result: Path, title: str) -> list[str]:
    if _kept(job, result):
        return []
    result.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        job_file, out = Path(scratch, "job.json"), Path(scratch, "cost.json")
        job_file.write_text(json.dumps(asdict(job)))
        command = [sys.executable, "-m", f"{__package__}.worker", str(job_file), str(out)]
        env = os.environ | {"nnUNet_results": scratch}  # constructing a trainer creates its folder
        process = subprocess.run(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if process.returncode or not out.is_file():
            last = "\n".join(process.stdout.splitlines()[-LAST_LINES:])
            return [f"{title} ended with status {process.returncode}:\n{last}"]
        write_text(result, json.dumps(_key(job) | {"cost": read_json(out, "Measure again.")}, indent=2))
    return []


def _key(job: Job) -> dict:
    """What a measurement depends on: it is repeated for another machine, version, setting or plans."""
    plans = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(job.dataset), f"{job.plans}.json")
    digest = sha256(plans) if plans.is_file() else None
    return {
        "job": asdict(job), "plans": digest, "versions": versions(), "commit": commit(), "hardware": hardware(),
        "environment": _environment(),
    }  # fmt: skip


def _environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in ENVIRONMENT}


def _kept(job: Job, result: Path) -> Cost | None:
    """The measurement in a file; None if it is missing, damaged or has another key."""
    content = read_json_or_empty(result)
    if _key(job) != {k: content.get(k) for k in _key(job)}:
        return None
    try:
        return Cost(**content["cost"])
    except (KeyError, TypeError):
        return None


def _read(runs: Path, job: Job, model: str, repeats: int) -> Repeats:
    found = {repeat: _kept(job, runs / f"{model}_{repeat}.json") for repeat in range(repeats)}
    return {repeat: cost for repeat, cost in found.items() if cost}


def _write_csv(path: Path, costs: dict[str, Repeats]) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "repeat", *Cost.__annotations__])
        for model, measured in costs.items():
            writer.writerows([model, i, *asdict(cost).values()] for i, cost in measured.items())


def table(costs: dict[str, Repeats], reference_name: str) -> str:
    """Markdown: medians over the repeats; ratios to the reference with their minimum and maximum over repeats.

    Ratios are omitted if the reference could not be measured.
    """
    reference = costs.get(reference_name, {})
    reference_cost = next(iter(reference.values()), None)
    header = [
        "model", "parameters", "GMAC per slice", "ratio", "training, ms per slice", "ratio",
        "with data loading, ms per slice", "whole schedule, ms per step", "ratio", "peak MB",
        "prediction, ms per slice", "ratio", "with mirroring, ms per slice", "ratio",
    ]  # fmt: skip
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    for model, measured in costs.items():
        one = next(iter(measured.values()))
        cells = [
            model,
            f"{one.parameters / 1e6:.1f} M",
            f"{one.gmac_per_slice:.2f}",
            f"{one.gmac_per_slice / reference_cost.gmac_per_slice:.2f}" if reference_cost else "",
            *_milliseconds(measured, reference, lambda c: c.step_s / c.slices_per_step),
            _milliseconds(measured, reference, lambda c: c.loaded_step_s / c.slices_per_step)[0],
            *_milliseconds(measured, reference, lambda c: c.schedule_s),
            f"{median(c.memory_mb for c in measured.values()):.0f}",
        ]
        for name in ("predict_s", "predict_tta_s"):
            cells += (
                ("", "")
                if one.predict_s is None
                else _milliseconds(measured, reference, lambda c, n=name: getattr(c, n) / c.predicted_slices)
            )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _milliseconds(measured: Repeats, reference: Repeats, seconds: Callable[[Cost], float]) -> tuple[str, str]:
    """(median, "ratio [minimum, maximum]"), with ratios within the repeats that both have."""
    value = f"{1000 * median(map(seconds, measured.values())):.1f}"
    ratios = [seconds(measured[r]) / seconds(reference[r]) for r in measured if r in reference]
    return value, f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]" if ratios else ""
