"""The four papers' tables, asked again within nnU-Net: equal steps, fold 0, two seeds.

export nnUNet_raw=... nnUNet_preprocessed=...
python benchmark_results/spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus             # 504
python benchmark_results/equal_time/make_data.py --hippocampus ... --btcv FOLDER/Dataset030_BTCV30     # 530
python -m benchmark_results.papers.make_data --source FOLDER/Dataset004_Hippocampus                    # the others
bash benchmark_results/equal_time/prepare.sh 504 530 && bash benchmark_results/papers/prepare.sh
"""

from collections.abc import Sequence

import pandas as pd

from experiments.budget import STOCK
from experiments.collectors import compared, overlaps, parameters, process_time, validated
from experiments.declaration import Experiment, Runs
from experiments.results import Results, question
from experiments.runs_table import NOT_RUN, listed, run_means, runs_table, with_runs
from experiments.tables import Scores, grid

SEEDS = (0, 1)
DETECTOR = "VAMaskRCNN_ResNet18_1sliceImages"

CSA_SLICES = ["2D", "CSANet_1slice", "CSANet", "CSANet_5slices", "CSANet_7slices"]
CSA_HEADS = ["CSANet", "CSANet_1head", "CSANet_4heads", "CSANet_8heads", "CSANet_16heads", "CSANet_32heads"]
CSA_MODULES = ["CSANet", "CSANet_NoCSA", "CSANet_NoISA", "CSANet_NoCSA_NoISA"]
CSA_PAIR = ["2D", "CSANet"]
SAU = ["2D", "3D", "SAUNet_Identity", "SAUNet", "SAUNet_PlainBlocks_Identity", "SAUNet_PlainBlocks"]
TSFM = ["2D", "3D", "LSTMUNet", "TSFMUNet", "TSFMUNet_Millimetres"]
VA_NETWORKS = ["2D", "3D", "VAUNet", f"{DETECTOR}_Identity", DETECTOR]
VA_MODULES = ["VAUNet_Identity", "VAUNet_ChannelOnly", "VAUNet_SpatialOnly", "VAUNet"]
VA_PLACES = [f"{DETECTOR}_Identity", DETECTOR, f"{DETECTOR}_BeforeRCNN"]
VA_SLICES = ["VAUNet", "VAUNet_5slices", "VAUNet_7slices", "VAUNet_9slices", "VAUNet_3sliceImages"]
VA_PRETRAINED = ["SliceUNet", "SliceUNet_ImageNet", "VAUNet", "VAUNet_ImageNet"]
ON_HIPPOCAMPUS = {
    "csa_net": [*CSA_SLICES, *CSA_HEADS, *CSA_MODULES],
    "sau_net": SAU,
    "va": [*VA_NETWORKS, *VA_MODULES, *VA_PLACES, *VA_SLICES, *VA_PRETRAINED],
}
HIPPOCAMPUS = "Dataset504_HippocampusEvery3"
FARTHER = {6: "Dataset506_HippocampusEvery6", 12: "Dataset512_HippocampusEvery12"}  # mm between slices
CT = "Dataset530_BTCV30EightOrgans"
AS_IT_IS, RESLICED = "Dataset520_HippocampusMixedSpacing", "Dataset521_HippocampusResliced"

SEGMENTED = {"dice": ("Dice", ".4f"), "precision": ("precision", ".4f"), "recall": ("recall", ".4f")}
SEGMENTED |= {"jaccard": ("Jaccard", ".4f"), "hd95": ("HD95 [mm]", ".2f")}
COSTS = {"cpu_s": ("process time of training [min]", 60), "parameters": ("parameters [million]", 1e6)}


def tables(part: str) -> dict:
    return {f"{part}/cases.csv": validated, f"{part}/process_time.csv": process_time}


def metrics(part: str) -> dict:
    return {
        f"{part}/overlaps.csv": overlaps,
        f"{part}/distances.csv": compared,
        f"{part}/size.csv": parameters,
    }


@question
def metrics_table(results: Results, part: str, arms: Sequence[str]) -> str:
    """SAU-Net's metrics, a value for each run: means over cases and structures."""
    if not results.has(f"{part}/overlaps.csv"):
        return NOT_RUN
    found = [run_means(results.cases(f"{part}/{file}.csv")) for file in ("overlaps", "distances")]
    means = found[0].join(found[1][["hd95"]])
    return grid(
        {"arm": arm} | {title: listed(runs[name], form) for name, (title, form) in SEGMENTED.items()}
        for arm, runs in by_arm(means, arms)
    )


@question
def costs_table(results: Results, part: str, arms: Sequence[str]) -> str:
    """SAU-Net's Table 2: what a training takes, and the size of the model."""
    if not results.has(f"{part}/size.csv"):
        return NOT_RUN
    found = [run_means(results.table(f"{part}/{file}.csv")) for file in ("process_time", "size")]
    return grid(
        {"arm": arm} | {title: listed(runs[name] / unit, ".1f") for name, (title, unit) in COSTS.items()}
        for arm, runs in by_arm(found[0].join(found[1][["parameters"]]), arms)
    )


def by_arm(runs: pd.DataFrame, arms: Sequence[str]):
    return [(arm, runs.loc[arm]) for arm in arms if arm in runs.index]


@question
def resliced_table(results: Results, part: str, arms: Sequence[str]) -> str:
    """TSFMUNet's two tables: trained on the data as they are, on re-sliced data, and what the latter loses."""
    if not results.has(f"{part}_resliced/cases.csv"):
        return NOT_RUN
    trained = {"as they are": f"{part}/cases.csv", "re-sliced": f"{part}_resliced/cases.csv"}
    cases = pd.concat(with_runs(results.cases(file)).assign(model=data) for data, file in trained.items())
    rows = []
    for arm, own in ((arm, cases[cases.name == arm]) for arm in arms):
        both = own.groupby("run").model.nunique() == len(trained)
        shared = own[own.run.isin(both.index[both])]
        dice = own.groupby(["model", "run", "case"]).dice.mean().groupby(["model", "run"]).mean()
        row = {"arm": arm} | {
            f"trained on data {data}": listed(dice.get(data, ()), ".4f") for data in trained
        }
        drop = Scores(shared, "as they are").paired("re-sliced").difference if len(shared) else None
        rows.append(row | {"re-sliced minus as they are [95 % CI]": drop})
    return grid(rows)


def together(*arms: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(arm for group in arms for arm in group))


def on(dataset: str, part: str, arms: Sequence[str], **options: str) -> Runs:
    return Runs(tables(part), together(arms), seeds=SEEDS, dataset=dataset, **options)


NAMES = together(*ON_HIPPOCAMPUS.values(), TSFM)
EXPERIMENT = Experiment(
    dataset=HIPPOCAMPUS,
    plans="nnUNetCompact12Plans",
    arms={"2D": STOCK, "3D": f"{STOCK} 3d_fullres"}
    | {name: f"nnUNetTrainer{name}" for name in NAMES if name not in ("2D", "3D")},
    epochs=20,
    runs=[
        *(on(HIPPOCAMPUS, part, arms) for part, arms in ON_HIPPOCAMPUS.items()),
        Runs(metrics("sau_net"), SAU, seeds=SEEDS),
        *(on(dataset, f"csa_net_{mm}mm", CSA_PAIR) for mm, dataset in FARTHER.items()),
        on(CT, "csa_net_ct", ["2D", "CSANet", "CSANet_NoCSA"], plans="nnUNetCompactPlans"),
        on(AS_IT_IS, "tsfm_unet", TSFM),
        on(RESLICED, "tsfm_unet_resliced", TSFM),
    ],
    questions={
        "csa_slices": runs_table("csa_net", "2D", CSA_SLICES),
        "csa_heads": runs_table("csa_net", "CSANet", CSA_HEADS),
        "csa_modules": runs_table("csa_net", "CSANet", CSA_MODULES),
        "csa_ct": runs_table("csa_net_ct", "2D", ["2D", "CSANet", "CSANet_NoCSA"]),
        **{f"csa_{mm}mm": runs_table(f"csa_net_{mm}mm", "2D", CSA_PAIR) for mm in FARTHER},
        "sau": runs_table("sau_net", "2D", SAU),
        "sau_metrics": metrics_table("sau_net", SAU),
        "sau_costs": costs_table("sau_net", SAU),
        "tsfm": resliced_table("tsfm_unet", TSFM),
        "va_networks": runs_table("va", "2D", VA_NETWORKS),
        "va_modules": runs_table("va", "VAUNet_Identity", VA_MODULES),
        "va_places": runs_table("va", f"{DETECTOR}_Identity", VA_PLACES),
        "va_slices": runs_table("va", "VAUNet", VA_SLICES),
        "va_pretrained": runs_table("va", "SliceUNet", VA_PRETRAINED),
    },
)
