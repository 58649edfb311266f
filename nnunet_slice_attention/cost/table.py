"""The tables of a comparison of costs: every measurement as CSV, medians and ratios as Markdown."""

import csv
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from ..files import replacing
from .model_cost import Cost

Repeats = dict[int, Cost]  # measurements of one model per repeat, without failed ones


def write_csv(path: Path, costs: dict[str, Repeats]) -> None:
    """One row per model and repeat."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "repeat", *Cost.__annotations__])
        for model, measured in costs.items():
            writer.writerows([model, i, *asdict(cost).values()] for i, cost in measured.items())


def cost_table(costs: dict[str, Repeats], reference_name: str) -> str:
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
            cells += _milliseconds(
                measured, reference, lambda c, n=name: getattr(c, n) and getattr(c, n) / c.predicted_slices
            )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _milliseconds(
    measured: Repeats, reference: Repeats, seconds: Callable[[Cost], float | None]
) -> tuple[str, str]:
    """(median, "ratio [minimum, maximum]"), with ratios within the repeats that both have; empty if unmeasured."""
    times, others = (
        {repeat: s for repeat, cost in costs.items() if (s := seconds(cost)) is not None}
        for costs in (measured, reference)
    )
    if not times:
        return "", ""
    value = f"{1000 * median(times.values()):.1f}"
    ratios = [times[r] / others[r] for r in times if r in others]
    return value, f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]" if ratios else ""
