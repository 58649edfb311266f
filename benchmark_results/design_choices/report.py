"""Turn the finished runs of `run.py` into `runs.csv`, `cases.csv` and `README.md` beside this file.

    export nnUNet_results=...   # the folder run.py wrote to
    python report.py

Runs that are in `cases.csv` already and whose results are no longer there stay in the table.

The unit is the patient: ACDC's two volumes of a patient are averaged. Confidence intervals are percentile
bootstraps over patients (10,000 draws, seed 0) of the mean paired difference to nnU-Net's 2D network.
"""

import csv
import json
import os
import platform
import re
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from run import PLANS, TRAINERS

HERE = Path(__file__).parent
BASELINE = TRAINERS[0]
PACKAGES = ("nnunetv2", "torch", "dynamic-network-architectures", "batchgeneratorsv2", "numpy")
CLASSES = {"1": "RV", "2": "myocardium", "3": "LV cavity"}
CASE_COLUMNS = ["trainer", "seed", "commit", "case", *CLASSES.values()]


def main() -> None:
    results = Path(os.environ["nnUNet_results"])
    cases = [
        row for folder in sorted(results.glob(f"seed*/*/*__{PLANS}__2d/fold_0")) for row in read_cases(folder)
    ]
    here = {(row["trainer"], row["seed"]) for row in cases}
    cases += [row for row in earlier_cases() if (row["trainer"], row["seed"]) not in here]
    if not cases:
        raise SystemExit(f"{results} holds no validated run. Start run.py first.")
    write_csv(HERE / "cases.csv", CASE_COLUMNS, cases)
    runs = summarise(cases)
    write_csv(HERE / "runs.csv", list(runs[0]), runs)
    (HERE / "README.md").write_text(as_markdown(runs), encoding="utf-8")
    print((HERE / "README.md").read_text(encoding="utf-8"))


def read_cases(fold: Path) -> list[dict]:
    """Dice per class of every validation volume of one run; NaN where a structure is empty in both."""
    summary = fold / "validation" / "summary.json"
    if not summary.is_file():
        return []
    seed = int(fold.parents[2].name.removeprefix("seed"))
    trainer = fold.parent.name.split("__")[0]
    commit = fold / "commit.txt"
    run = {"trainer": trainer, "seed": seed, "commit": commit.read_text() if commit.is_file() else "unknown"}
    rows = []
    for case in json.loads(summary.read_text())["metric_per_case"]:
        name = Path(case["prediction_file"]).name.removesuffix(".nii.gz")
        dice = {label: case["metrics"][key]["Dice"] for key, label in CLASSES.items()}
        rows.append(run | {"case": name} | dice)
    return rows


def patient_means(rows: list[dict]) -> dict[str, float]:
    """Foreground Dice of each patient: mean over classes, then over the patient's volumes."""
    volumes = defaultdict(list)
    for row in rows:
        volumes[row["case"].split("_")[0]].append(np.nanmean([row[c] for c in CLASSES.values()]))
    return {patient: float(mean(v)) for patient, v in volumes.items()}


def difference_to(baseline: dict[str, float], other: dict[str, float]) -> tuple[float, float, float]:
    """Mean paired difference and its 95 % bootstrap interval over patients."""
    deltas = np.array([other[p] - baseline[p] for p in sorted(baseline)])
    rng = np.random.default_rng(0)
    draws = deltas[rng.integers(0, len(deltas), (10_000, len(deltas)))].mean(axis=1)
    return float(deltas.mean()), *np.percentile(draws, [2.5, 97.5]).tolist()


def summarise(cases: list[dict]) -> list[dict]:
    by_run = defaultdict(list)
    for row in cases:
        by_run[row["trainer"], row["seed"]].append(row)
    runs = []
    for trainer, seed in sorted(by_run, key=lambda run: (run[1], TRAINERS.index(run[0]))):
        rows = by_run[trainer, seed]
        patients = patient_means(rows)
        run = {"trainer": trainer, "seed": seed, "volumes": len(rows), "patients": len(patients)}
        run |= {f"Dice {c}": round(float(np.nanmean([r[c] for r in rows])), 4) for c in CLASSES.values()}
        run |= {
            "Dice": round(mean(patients.values()), 4),
            "SD over patients": round(stdev(patients.values()), 4),
        }
        baseline = by_run.get((BASELINE, seed))
        if baseline and trainer != BASELINE:
            delta, low, high = difference_to(patient_means(baseline), patients)
            run["difference to 2D [95 % CI]"] = f"{delta:+.4f} [{low:+.4f}, {high:+.4f}]"
        else:
            run["difference to 2D [95 % CI]"] = ""
        runs.append(run | {"commit": rows[0]["commit"]})
    return runs


def earlier_cases() -> list[dict]:
    """The rows of `cases.csv` as it stands."""
    path = HERE / "cases.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row | {"seed": int(row["seed"])} | {c: float(row[c]) for c in CLASSES.values()} for row in rows]


def write_csv(path: Path, columns: list[str], rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def as_markdown(runs: list[dict]) -> str:
    columns = list(runs[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(run[c]) for c in columns) + " |" for run in runs]
    done = {(run["trainer"], run["seed"]) for run in runs}
    missing = [f"{t} (seed {s})" for s in (0, 1) for t in TRAINERS if (t, s) not in done]
    versions = ", ".join(f"{p} {version(p)}" for p in PACKAGES)
    return (
        (HERE / "text.md")
        .read_text(encoding="utf-8")
        .format(
            table="\n".join(lines),
            missing="none" if not missing else ", ".join(missing),
            versions=f"Python {platform.python_version()}, {versions}",
            hardware=cpu_name(),
        )
    )


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.is_file() else []
    return f"{len(names)} x {names[0]}, no GPU" if names else platform.processor()


if __name__ == "__main__":
    main()
