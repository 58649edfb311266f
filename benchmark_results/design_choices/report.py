"""Turn the finished runs of `../run.py` into `runs.csv`, `cases.csv` and `README.md` beside this file.

    export nnUNet_results=...   # the folder run.py wrote to
    python report.py

Runs that are in `cases.csv` already and whose results are no longer there stay in the table.

The unit is the patient: ACDC's two volumes of a patient are averaged. Confidence intervals are percentile
bootstraps over patients (10,000 draws, seed 0) of the mean paired difference to nnU-Net's 2D network.
"""

import csv
import os
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.evaluation.nnunet_summary import read_dice
from nnunet_slice_attention.evaluation.statistics import paired_difference, patient_means

HERE = Path(__file__).parent
PLANS = "nnUNetCompactPlans"
TRAINERS = (HERE / "trainers.txt").read_text(encoding="utf-8").split()
BASELINE = TRAINERS[0]
WITHOUT_NEIGHBOURS = "nnUNetTrainerSliceUNet_ShortSlabs_SGD"
CLASSES = {"1": "RV", "2": "myocardium", "3": "LV cavity"}
CASE_COLUMNS = ["trainer", "seed", "commit", "case", *CLASSES.values()]


def main() -> None:
    results = Path(os.environ["nnUNet_results"])
    folds = sorted(results.glob(f"seed*/Dataset027_*/*__{PLANS}__2d/fold_0"))
    cases = [row for fold in folds for row in read_cases(fold)]
    here = {run_of(row) for row in cases}
    cases += [row for row in earlier_cases() if run_of(row) not in here]
    if not cases:
        raise SystemExit(f"{results} holds no validated run. Start ../run.py first.")
    write_csv(HERE / "cases.csv", CASE_COLUMNS, cases)
    runs = summarise(cases)
    write_csv(HERE / "runs.csv", list(runs[0]), runs)
    (HERE / "README.md").write_text(as_markdown(runs, over_seeds(cases)), encoding="utf-8")
    print((HERE / "README.md").read_text(encoding="utf-8"))


def run_of(row: dict) -> tuple[str, int, str]:
    """A run of another commit is another run."""
    return row["trainer"], row["seed"], row["commit"]


def read_cases(fold: Path) -> list[dict]:
    """Dice per class of every validation volume of one run; NaN where a structure is empty in both."""
    summary = fold / "validation" / "summary.json"
    if not summary.is_file():
        return []
    seed = int(fold.parents[2].name.removeprefix("seed"))
    trainer = fold.parent.name.split("__")[0]
    commit = fold / "commit.txt"
    run = {"trainer": trainer, "seed": seed, "commit": commit.read_text() if commit.is_file() else "unknown"}
    return [run | {"case": case} | dice for case, dice in read_dice(summary, CLASSES).items()]


def patients_of(rows: list[dict]) -> dict[str, float]:
    dice = {row["case"]: {c: row[c] for c in CLASSES.values()} for row in rows}
    return patient_means(dice, lambda case: case.split("_")[0])


def summarise(cases: list[dict]) -> list[dict]:
    by_run = defaultdict(list)
    for row in cases:
        by_run[run_of(row)].append(row)
    baselines = {}
    for (trainer, seed, _), rows in by_run.items():  # runs found here come before those of cases.csv
        if trainer == BASELINE:
            baselines.setdefault(seed, rows)
    runs = []
    for trainer, seed, commit in sorted(by_run, key=lambda run: (run[1], TRAINERS.index(run[0]), run[2])):
        rows = by_run[trainer, seed, commit]
        patients = patients_of(rows)
        run = {"trainer": trainer, "seed": seed, "volumes": len(rows), "patients": len(patients)}
        run |= {f"Dice {c}": round(float(np.nanmean([r[c] for r in rows])), 4) for c in CLASSES.values()}
        run |= {
            "Dice": round(mean(patients.values()), 4),
            "SD over patients": round(stdev(patients.values()), 4),
        }
        baseline = baselines.get(seed)
        if baseline and trainer != BASELINE:
            run["difference to 2D [95 % CI]"] = str(paired_difference(patients_of(baseline), patients))
        else:
            run["difference to 2D [95 % CI]"] = ""
        runs.append(run | {"commit": commit})
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


def over_seeds(cases: list[dict]) -> list[dict]:
    """One row a trainer: each patient's mean over the seeds, and the differences to two references over the same seeds.

    Of several commits of a run the one found first counts, which is the present one.
    """
    of_run = {}
    for run in dict.fromkeys(map(run_of, cases)):
        of_run.setdefault(run[:2], patients_of([row for row in cases if run_of(row) == run]))
    rows = []
    for trainer in TRAINERS:
        seeds = sorted(seed for name, seed in of_run if name == trainer)
        if not seeds:
            continue
        patients = mean_of([of_run[trainer, seed] for seed in seeds])
        row = {"trainer": trainer, "seeds": len(seeds), "patients": len(patients)}
        row["Dice of each seed"] = ", ".join(f"{mean(of_run[trainer, seed].values()):.4f}" for seed in seeds)
        row |= {
            "Dice": f"{mean(patients.values()):.4f}",
            "SD over patients": f"{stdev(patients.values()):.4f}",
        }
        for name, reference in (("2D", BASELINE), ("SliceUNet", WITHOUT_NEIGHBOURS)):
            comparable = trainer != reference and all((reference, seed) in of_run for seed in seeds)
            other = mean_of([of_run[reference, seed] for seed in seeds]) if comparable else {}
            row[f"difference to {name} [95 % CI]"] = str(paired_difference(other, patients)) if other else ""
        rows.append(row)
    return rows


def mean_of(runs: list[dict[str, float]]) -> dict[str, float]:
    return {patient: mean(run[patient] for run in runs) for patient in runs[0]}


def as_table(rows: list[dict]) -> str:
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(str(row[c]) for c in columns) + " |" for row in rows])


def as_markdown(runs: list[dict], seeds: list[dict]) -> str:
    done = {(run["trainer"], run["seed"]) for run in runs}
    missing = [f"{t} (seed {s})" for s in (0, 1) for t in TRAINERS if (t, s) not in done]
    text = (HERE / "text.md").read_text(encoding="utf-8")
    return text.format(
        table=as_table(runs),
        over_seeds=as_table(seeds),
        missing=", ".join(missing) or "none",
        versions=versions(),
        hardware=hardware(),
    )


if __name__ == "__main__":
    main()
