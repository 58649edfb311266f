"""Figures can be put in a paper as they are: size, type, overlaps, n and intervals."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from nnunet_slice_attention.evaluation.scores import Scores
from nnunet_slice_attention.evaluation.slice_profile import PARTS
from nnunet_slice_attention.report.figure_list import build_figures
from nnunet_slice_attention.report.figure_style import SMALL, WIDTH, in_lines, model_styles
from nnunet_slice_attention.report.figures import scatter_figure
from nnunet_slice_attention.report.spacing import group_by_spacing

MODELS = ("nnUNetTrainer_10epochs 2d", "nnUNetTrainerTSFMUNet_RepeatCentreLearning_10epochs 2d", "c", "d")
PATIENTS = 9


def make_scores(models=MODELS, runs=("",)) -> Scores:
    rng, rows = np.random.default_rng(0), []
    for run, patient, (i, model), structure in itertools.product(
        runs, range(PATIENTS), enumerate(models), ("left ventricle", "myocardium")
    ):
        dice = 0.8 + 0.03 * i + rng.normal(0, 0.02)
        row = {"model": model, "case": f"p{patient}", "patient": f"p{patient}", "structure": structure}
        row |= {"spacing_mm": float(5 + patient % 2), "dice": dice, "fold": "0"}
        row |= {f"dice_{part}": dice - 0.1 * (part in ("first", "last")) for part in PARTS}
        rows.append(row | ({"run": run} if run else {}))
    return Scores(pd.DataFrame(rows), models[0])


@pytest.fixture(scope="module", params=[("",), ("seed_0", "seed_1")], ids=["one run", "two runs"])
def drawn(request):
    scores = make_scores(runs=request.param)
    figures = build_figures(scores, group_by_spacing(scores), {model: 10.0 for model in MODELS})
    return scores, figures


def texts(figure, monkeypatch) -> list[Text]:
    """Those that are drawn: Matplotlib also keeps labels of ticks beyond the limits."""
    found, draw = [], Text.draw

    def record(text, renderer):
        found.append(text)
        draw(text, renderer)

    FigureCanvasAgg(figure).draw()
    monkeypatch.setattr(Text, "draw", record)
    figure.draw_without_rendering()
    monkeypatch.undo()
    return [text for text in dict.fromkeys(found) if text.get_visible() and text.get_text().strip()]


def test_figures_fit_two_columns_of_a_journal_in_legible_type(drawn, monkeypatch):
    for heading, captioned in drawn[1].items():
        assert captioned.figure.get_figwidth() <= WIDTH, heading
        assert min(text.get_fontsize() for text in texts(captioned.figure, monkeypatch)) >= SMALL, heading


def test_no_two_labels_overlap_and_none_is_cut_off(drawn, monkeypatch):
    for heading, captioned in drawn[1].items():
        figure = captioned.figure
        boxes = {text: text.get_window_extent() for text in texts(figure, monkeypatch)}
        for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
            apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
            assert apart, f"{heading}: {one.get_text()!r} and {other.get_text()!r}"
        for text, box in boxes.items():
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1
            assert inside and box.y1 <= figure.bbox.y1 + 1, f"{heading}: {text.get_text()!r}"


def test_a_figure_has_its_final_layout_when_it_is_first_saved(drawn):
    figure = scatter_figure(drawn[0])  # not yet drawn by another test
    boxes = []
    for _ in range(2):
        FigureCanvasAgg(figure).draw()
        boxes.append([axis.get_position().bounds for axis in figure.axes])
    np.testing.assert_allclose(*boxes, atol=0.002)


def test_differences_are_written_beside_their_rows_with_n(drawn):
    scores, figures = drawn
    (axis,) = figures["How large are the differences?"].figure.axes
    written = [text.get_text() for text in axis.texts]
    expected = [f"{scores.difference(model)}\nn = {PATIENTS}" for model in scores.others]
    assert written == expected  # all above 0


def test_mean_runs_and_patients_have_their_own_places(drawn):
    scores, figures = drawn
    (axis,) = figures["How large are the differences?"].figure.axes
    ours = [
        line for line in axis.lines if -0.5 < np.mean(line.get_ydata()) < 0.5 and len(line.get_xdata()) != 0
    ]
    by_marker = {
        line.get_marker(): np.asarray(line.get_ydata()) for line in ours if line.get_marker() != "None"
    }
    places = [by_marker[marker] for marker in ("D", "|", "o") if marker in by_marker]
    assert len(places) == (3 if scores.runs else 2)
    for above, below in itertools.pairwise(places):
        assert above.max() < below.min()


def test_a_model_has_one_colour_in_all_figures_and_the_baseline_is_black(drawn):
    scores, figures = drawn
    colours = [style["color"] for style in model_styles(scores.models, scores.baseline).values()]
    assert colours[0] == "black" and len(set(colours)) == len(MODELS)
    for heading in ("From the first to the last slice", "From thin to thick slices"):
        assert [line.get_color() for line in figures[heading].figure.axes[0].lines] == colours
    for axis in figures["Spread"].figure.axes:
        assert [line.get_color() for line in axis.lines if line.get_marker() == "o"] == colours
    panels = figures["Patient by patient"].figure.axes
    assert [axis.lines[1].get_color() for axis in panels] == colours[1:]
    assert [line.get_color() for line in figures["Accuracy against cost"].figure.axes[0].lines] == colours


def test_lines_of_means_come_with_paired_differences_and_intervals(drawn):
    scores, figures = drawn
    levels, differences = figures["From the first to the last slice"].figure.axes
    assert len(levels.lines) == len(MODELS)
    bars = [segment[:, 1] for collection in differences.collections for segment in collection.get_segments()]
    expected = [
        scores.difference(model, metric=f"dice_{part}")[1:] for model in scores.others for part in PARTS
    ]
    np.testing.assert_allclose(bars, expected)


def test_captions_say_what_the_intervals_are_over(drawn):
    scores, figures = drawn
    over = "over runs and patients" if scores.runs else "over the patients of one run"
    for heading in (
        "How large are the differences?",
        "From the first to the last slice",
        "From thin to thick slices",
    ):
        assert f"Intervals are {over}" in figures[heading].caption


def test_a_single_model_has_figures_without_differences():
    scores = make_scores(MODELS[:1])
    figures = build_figures(scores, {}, {})
    assert list(figures) == ["Spread", "From the first to the last slice"]
    assert len(figures["From the first to the last slice"].figure.axes) == 1


def test_long_names_are_broken_where_their_parts_begin():
    assert in_lines("c") == "c"
    assert in_lines(MODELS[0]) == MODELS[0]
    assert in_lines("nnUNetTrainer_10epochs 3d_fullres") == "nnUNetTrainer_\n10epochs 3d_fullres"
    assert in_lines(MODELS[1]) == "nnUNetTrainerTSFMUNet_\nRepeatCentreLearning_\n10epochs 2d"
    assert in_lines("") == ""
