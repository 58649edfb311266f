"""How long does prediction take, and what does it gain by encoding each slice once? See `run.py` and `macs.py`.

nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to the preprocessed data set
nnunet-slice-attention plan-compact -d 27
python -m experiments run inference
"""

from collections.abc import Callable

import pandas as pd

from experiments.declaration import Experiment, Measure
from experiments.page import Results, made_with
from experiments.tables import grid

DEEP = "deep"
BASELINE = ("nnUNetTrainer", "2d")
COLUMNS = (
    "trainer", "configuration", "GMAC a slice, ratio to 2D", "ms a slice", "ratio to nnU-Net 2D", "stock / predict",
    "re-encoding / predict", "the same in multiply-adds",
)  # fmt: skip


def slices_of(results: Results) -> dict[str, int]:
    """{volume: its slices in 2D}"""
    times = results.table("times.csv")
    return dict(times[times.configuration == "2d"].groupby("case", sort=False).slices.first())


def table(deep: bool) -> Callable[[Results], str]:
    """A row for each model, from the deep volume or from the others."""

    def answer(results: Results) -> str:
        times, macs = results.table("times.csv"), results.table("macs.csv").set_index("trainer")
        slices = slices_of(results)
        gmac = times.groupby(["trainer", "configuration"], sort=False).gmac_per_slice.first()
        times = times[(times.case == DEEP) == deep].set_index(["repeat", "case"])
        ways = {key: own.seconds for key, own in times.groupby(["trainer", "configuration", "way"])}
        rows = []
        for model in gmac.index:
            ours = (*model, "predict") in ways
            own = ways[(*model, "predict" if ours else "stock")]
            per_slice = (1000 * own / own.index.get_level_values("case").map(slices)).median()
            to_2d = ratio(own, ways[(*BASELINE, "stock")])
            others = [ratio(ways[(*model, way)], own) if ours else "" for way in ("stock", "re-encoding")]
            limit = macs.gmac_re_encoding.get(model[0], 0) / macs.gmac_once.get(model[0], 1)
            cells = f"{gmac[model] / gmac[BASELINE]:.2f}", f"{per_slice:.0f}", to_2d, *others
            rows.append((*model, *cells, f"{limit:.2f}" if limit else ""))
        return grid(COLUMNS, rows)

    return answer


def ratio(times: pd.Series, others: pd.Series) -> str:
    """Median over repeats and volumes, each pair measured one after the other, with its smallest and largest."""
    ratios = times / others
    return f"{ratios.median():.2f} [{ratios.min():.2f}, {ratios.max():.2f}]"


EXPERIMENT = Experiment(
    measure=[
        Measure({"times.csv": None}, "python run.py --dataset 27 --device {device}"),
        Measure({"macs.csv": None}, "python macs.py"),
    ],
    questions={
        "shallow": table(deep=False),
        "deep": table(deep=True),
        "depth": lambda results: slices_of(results)[DEEP],
        "repeats": lambda results: results.table("times.csv").repeat.nunique(),
        "volumes": lambda results: ", ".join(
            f"{case} ({n} slices)" for case, n in slices_of(results).items() if case != DEEP
        ),
        "made_with": made_with("times.csv"),
    },
)
