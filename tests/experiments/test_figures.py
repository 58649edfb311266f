"""Figures of an experiment: curves in the time of the reference on the same hardware, and differences."""

import json

import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments.declaration import Experiment
from experiments.figures import curves_figure, forest_figure, mean_curves
from experiments.made_with import FILE
from experiments.results import Results

RUNS = {  # (seconds of the training, hardware)
    ("2D", 0): (100.0, "A"), ("2D", 1): (140.0, "A"), ("2D", 2): (999.0, ""), ("X", 0): (90.0, "A"),
    ("X", 1): (200.0, "B"),
}  # fmt: skip


@pytest.fixture
def results(tmp_path):
    of_run = [{"name": name, "fold": 0, "seed": seed, "epochs": 2} for name, seed in RUNS]
    times = [run | {"cpu_s": s} for run, (s, _) in zip(of_run, RUNS.values(), strict=True)]
    curves = [
        run
        | {"epoch": epoch, "cpu_s": s * (epoch + 1) / 2, "case": case, "structure": structure, "dice": dice}
        for run, (s, _) in zip(of_run, RUNS.values(), strict=True)
        for epoch in range(2)
        for case, structure, dice in (("p", "a", 0.5), ("p", "b", 0.6), ("q", "a", 0.7), ("q", "b", 0.8))
    ]
    (tmp_path / "part").mkdir()
    pd.DataFrame(times).to_csv(tmp_path / "part" / "process_time.csv", index=False)
    pd.DataFrame(curves).to_csv(tmp_path / "part" / "curves.csv", index=False)
    made = {f"{name}, 0, {seed}, 2": {"hardware": RUNS[name, seed][1]} for name, seed in RUNS}
    (tmp_path / FILE).write_text(json.dumps(made))
    return Results(tmp_path, Experiment())


def test_time_is_relative_to_the_references_whole_training_of_the_same_seed_on_the_same_hardware(results):
    points = mean_curves(results, "part", "2D")
    assert list(points.index.droplevel("epoch").unique()) == [("2D", 0, 0), ("2D", 0, 1), ("X", 0, 0)]
    assert list(points.time) == pytest.approx([0.5, 1, 0.5, 1, 0.45, 0.9])
    assert points.dice.tolist() == pytest.approx([0.65] * 6)


def test_parts_that_have_not_run_are_left_out(results, tmp_path):
    curves_figure(results, tmp_path / "none.png", {"elsewhere": "nothing"}, {"2D": "2D"})
    assert not (tmp_path / "none.png").exists()
    curves_figure(
        results, tmp_path / "some.png", {"elsewhere": "nothing", "part": "it"}, {"2D": "nnU-Net", "X": "ours"}
    )
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")


def test_a_forest_has_a_row_for_each_comparison_that_has_run(results, tmp_path, monkeypatch):
    rows = [
        {"name": name, "fold": 0, "seed": seed, "case": case, "structure": "a", "dice": dice}
        for name, dice in (("2D", 0.5), ("X", 0.6))
        for seed in (0, 1)
        for case in ("p", "q")
        if (name, seed) != ("X", 1)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "part" / "cases.csv", index=False)
    drawn = {}
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: drawn.update({path.name: figure}))
    forest_figure(
        results, tmp_path / "none.png", {"no folder": ("else", "X", "2D"), "no arm": ("part", "Y", "2D")}
    )
    forest_figure(results, tmp_path / "one.png", {"ours": ("part", "X", "2D"), "no arm": ("part", "Y", "2D")})
    (axis,) = drawn.pop("one.png").axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["ours"] and not drawn
    assert [text.get_text() for text in axis.texts] == ["+0.1000 [+0.1000, +0.1000]\nn = 2"]
