"""How long does prediction take, and what does it gain by encoding each slice once? See `run.py` and `macs.py`.

Data as for ../acdc40.
"""

import pandas as pd

from experiments.declaration import Experiment, Measure
from experiments.results import Results, question
from experiments.tables import grid

DEEP = "deep"
BASELINE = ("nnUNetTrainer", "2d")


def slices_of(results: Results) -> dict[str, int]:
    """{volume: its slices in 2D}"""
    return dict(
        results.table("times.csv").query("configuration == '2d'").groupby("case", sort=False).slices.first()
    )


@question
def table(results: Results, deep: bool) -> str:
    """A row for each model, from the deep volume or from the others."""
    times, macs = results.table("times.csv"), results.table("macs.csv").set_index("trainer")
    gmac = times.groupby(["trainer", "configuration"], sort=False).gmac_per_slice.first()
    encoded_again, slices = macs.gmac_re_encoding / macs.gmac_once, times.case.map(slices_of(results))
    times = times.assign(ms=1000 * times.seconds / slices)[(times.case == DEEP) == deep]
    times = times.set_index(["repeat", "case"])
    ways = {way: own.ms for way, own in times.groupby(["trainer", "configuration", "way"])}
    rows = []
    for model in gmac.index:
        ours = (*model, "predict") in ways
        own = ways[(*model, "predict" if ours else "stock")]
        others = [ratio(ways[(*model, way)], own) if ours else "" for way in ("stock", "re-encoding")]
        rows.append(
            {
                "trainer": model[0],
                "configuration": model[1],
                "GMAC per slice, ratio to 2D": f"{gmac[model] / gmac[BASELINE]:.2f}",
                "ms per slice": f"{own.median():.0f}",
                "ratio to nnU-Net 2D": ratio(own, ways[(*BASELINE, "stock")]),
                "stock / predict": others[0],
                "re-encoding / predict": others[1],
                "re-encoding / predict, multiply-adds": f"{encoded_again[model[0]]:.2f}" if ours else "",
            }
        )
    return grid(rows)


def ratio(times: pd.Series, others: pd.Series) -> str:
    """Median over repeats and volumes, each pair measured one after the other, with its smallest and largest."""
    ratios = times / others
    return f"{ratios.median():.2f} [{ratios.min():.2f}, {ratios.max():.2f}]"


def volumes(results: Results) -> str:
    return ", ".join(f"{case} ({n} slices)" for case, n in slices_of(results).items() if case != DEEP)


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
        "volumes": volumes,
    },
)
