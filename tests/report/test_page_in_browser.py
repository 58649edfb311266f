"""The page in a real browser: order, tables, figures, print, dark mode, narrow screens."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.browser import CHROMIUM

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


def test_a_table_sorts_by_number_and_keeps_what_is_none_last(plain):
    heading = plain.get_by_role("button", name="a rather long metric 0 [mm]")
    column = plain.locator("table").first.locator("tbody tr td:nth-child(2)")
    heading.click()
    assert [text[:4] for text in column.all_inner_texts()] == ["9.25", "10.5", "n/a "]
    heading.click()
    assert [text[:4] for text in column.all_inner_texts()] == ["10.5", "9.25", "n/a "]


def test_a_table_sorts_within_each_structure(plain):
    table = plain.locator("table").nth(1)
    assert table.locator("thead th").all_inner_texts() == ["model", "p"]
    table.get_by_role("button", name="p", exact=True).click()
    assert table.locator("tbody tr").all_inner_texts() == [
        "disc", "y\t<\N{NO-BREAK SPACE}0.001", "x\t0.004", "core", "x\t0.500", "y\tn/a",
    ]  # fmt: skip
    numbers = table.locator("td:nth-child(2)").first
    assert numbers.evaluate("c => [getComputedStyle(c).textAlign, getComputedStyle(c).whiteSpace]") == [
        "right",
        "nowrap",
    ]


def test_the_verdict_and_its_figure_come_first(plain):
    assert plain.locator(".verdicts strong").all_inner_texts() == ["b is better than a:"]
    assert plain.locator(".verdicts li").inner_text().endswith("+0.1 [−0.1,\N{NO-BREAK SPACE}+0.3] Dice.")
    order = plain.locator("h1, .verdicts, figure, nav, #viewer").evaluate_all(
        "found => found.map(e => e.id || e.className || e.localName)"
    )
    assert order == ["h1", "verdicts", "figure", "nav", "viewer", "figure"]


def test_a_figure_is_saved_as_a_vector_file_that_needs_no_page(plain):
    plain.emulate_media(color_scheme="dark")
    with plain.expect_download() as saved:
        plain.get_by_role("button", name='Save "How large are the differences?" as SVG').click()
    assert saved.value.suggested_filename == "how-large-are-the-differences.svg"
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).get("width") == "648pt"  # 9 inches
    assert "#000000" in text and "#0072B2" in text and "currentColor" not in text and "var(" not in text


def test_paper_shows_what_can_be_read_on_it(page):
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in ("nav", "#viewer", "#case-by-case", "button.save >> nth=0"):
        assert page.locator(hidden).is_hidden()
    assert page.locator("#plain-images img").is_visible()
    overflow = page.locator(".wide").evaluate_all("all => all.map(e => getComputedStyle(e).overflowX)")
    assert set(overflow) == {"visible"}


@pytest.mark.parametrize("width", [1400, 390])
def test_no_column_is_out_of_reach(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    table = page.locator("table").first
    reach = table.evaluate("t => t.parentElement.scrollWidth >= t.scrollWidth")
    assert reach and table.evaluate("t => getComputedStyle(t.parentElement).overflowX") == "auto"


def test_every_heading_is_in_the_contents(plain):
    links = plain.locator("nav a").evaluate_all("links => links.map(a => a.getAttribute('href').slice(1))")
    assert links == plain.locator("h2").evaluate_all("headings => headings.map(h => h.id)")


def test_dark_mode_turns_page_and_figures(plain):
    plain.emulate_media(color_scheme="dark")
    text, back = (
        plain.evaluate(f"getComputedStyle(document.body).{p}") for p in ("color", "backgroundColor")
    )
    assert text == "rgb(228, 228, 228)" and back == "rgb(22, 24, 27)"
    line = plain.locator("svg[role=img] path[style*='currentColor']").first
    assert line.evaluate("p => getComputedStyle(p).stroke") == text
    figure = plain.locator("svg[role=img]").first
    assert figure.get_attribute("aria-label") == "How large are the differences?"
    described = plain.locator(f"#{figure.get_attribute('aria-describedby')}")
    assert described.inner_text().startswith("Mean and 95\N{NO-BREAK SPACE}% interval.")
