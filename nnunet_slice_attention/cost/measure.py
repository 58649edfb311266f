"""Compares the cost of models: parameters, multiply-adds, time and memory, on one data set and one device.

Each model is measured `repeats` times, in turn with the others and in a new process each time, so that slow phases of
the machine affect all models and memory is measured per model.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from tqdm import tqdm

from ..dataset_files import read_plans
from ..environment import commit, hardware, versions
from ..files import (
    check_own_folder,
    check_writable,
    read_json,
    read_json_or_empty,
    replacing,
    sha256,
    write_text,
)
from ..inference.trained_model import find_device
from ..model_name import ModelName
from ..plans.plans_file import check_planned, check_preprocessed, plans_file
from .figure import cost_figure
from .model_cost import Cost, Measurement
from .table import Repeats, cost_table, write_csv

RESULTS = ("cost.csv", "cost.md", "cost.png", "cost.json")
LAST_LINES = 15  # shown of a failed process
ENVIRONMENT = ("nnUNet_compile", "nnUNet_n_proc_DA", "OMP_NUM_THREADS")  # they change the time of a step


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
        ValueError: a model's name does not have three parts, there is nothing to measure, the device is not available,
            or `output` cannot be written.
        FileNotFoundError: a model is not planned, or not preprocessed.
    """
    if not models:
        raise ValueError("no model to measure. Give -m TRAINER__PLANS__CONFIGURATION.")
    if min(repeats, iterations) < 1:
        raise ValueError(f"--repeats {repeats} --iterations {iterations}: both must be at least 1.")
    _check_data(dataset, list(map(ModelName.parse, models)))
    find_device(device)
    planned = {
        model: Measurement(str(dataset), *ModelName.parse(model), device, iterations, cases)
        for model in models
    }
    runs = output / "runs"
    check_writable(output)
    check_own_folder(output, RESULTS, runs.name)
    runs.mkdir(parents=True, exist_ok=True)
    failures = []
    turns = [(repeat, model) for repeat in range(repeats) for model in planned]
    with tqdm(turns, unit="measurement", disable=None) as bar:
        for repeat, model in bar:
            title = f"{model}, repeat {repeat + 1}"
            bar.set_description(title)
            failures += _run(planned[model], runs / f"{model}_{repeat}.json", title)
    costs = {model: _read(runs, measurement, model, repeats) for model, measurement in planned.items()}
    if costs := {model: measured for model, measured in costs.items() if measured}:
        _write_results(output, costs, planned, repeats)
    else:
        for name in RESULTS:  # no earlier table is left behind
            (output / name).unlink(missing_ok=True)
    return failures


def _write_results(
    output: Path, costs: dict[str, Repeats], planned: dict[str, Measurement], repeats: int
) -> None:
    """Write `RESULTS`; ratios are relative to the first of `planned`, the models in the order given."""
    reference = next(iter(planned))
    write_csv(output / "cost.csv", costs)
    made_with = f"{versions()}, commit {commit()}. {hardware()}."
    note = f"Medians over {repeats} repeats; ratios to {reference}, with minimum and maximum in brackets."
    write_text(output / "cost.md", f"{cost_table(costs, reference)}\n{note} {made_with}\n")
    with replacing(output / "cost.png", ".png") as partial:
        cost_figure(costs).savefig(partial, dpi=150)
    manifest = {
        "versions": versions(),
        "commit": commit(),
        "hardware": hardware(),
        "environment": _environment(),
        "repeats": repeats,
        "jobs": {model: asdict(measurement) for model, measurement in planned.items()},
    }
    write_text(output / "cost.json", json.dumps(manifest, indent=2))


def _check_data(dataset: str, models: Sequence[ModelName]) -> None:
    """Raise FileNotFoundError or ValueError if what all measurements need is missing or damaged."""
    check_planned(dataset, [model.plans for model in models])
    for model in models:
        file = plans_file(dataset, model.plans)
        data = PlansManager(read_plans(file)).get_configuration(model.configuration).data_identifier
        check_preprocessed(dataset, model, [file.parent / data])


def _run(measurement: Measurement, result: Path, title: str) -> list[str]:
    if _kept(measurement, result):
        return []
    result.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        task, out = Path(scratch, "measurement.json"), Path(scratch, "cost.json")
        task.write_text(json.dumps(asdict(measurement)))
        command = [sys.executable, "-m", f"{__package__}.measure_model", str(task), str(out)]
        env = os.environ | {"nnUNet_results": scratch}  # constructing a trainer creates its folder
        process = subprocess.run(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if process.returncode or not out.is_file():
            last = "\n".join(process.stdout.splitlines()[-LAST_LINES:])
            return [f"{title} ended with status {process.returncode}:\n{last}"]
        content = _key(measurement) | {"cost": read_json(out, "Measure again.")}
        write_text(result, json.dumps(content, indent=2))
    return []


def _key(measurement: Measurement) -> dict:
    """What a measurement depends on: it is repeated for another machine, version, setting or plans."""
    folder = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(measurement.dataset))
    plans = folder / f"{measurement.plans}.json"
    digest = sha256(plans) if plans.is_file() else None
    return {
        "job": asdict(measurement), "plans": digest, "versions": versions(), "commit": commit(),
        "hardware": hardware(), "environment": _environment(),
    }  # fmt: skip


def _environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in ENVIRONMENT}


def _kept(measurement: Measurement, result: Path) -> Cost | None:
    """The measurement in a file; None if it is missing, damaged or has another key."""
    content = read_json_or_empty(result)
    if _key(measurement) != {k: content.get(k) for k in _key(measurement)}:
        return None
    try:
        return Cost(**content["cost"])
    except (KeyError, TypeError):
        return None


def _read(runs: Path, measurement: Measurement, model: str, repeats: int) -> Repeats:
    found = {repeat: _kept(measurement, runs / f"{model}_{repeat}.json") for repeat in range(repeats)}
    return {repeat: cost for repeat, cost in found.items() if cost}
