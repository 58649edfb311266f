"""The page in a real browser, opened from disk: scroll, switch, sort; no error, and nothing fetched."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.browser import CHROMIUM
from tests.report.shown_page import LONG
from tests.report.shown_page import page as shown_page

WEBGL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(shown_page(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=WEBGL)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, page_file):
    page = browser.new_page(viewport={"width": 700, "height": 600})
    said, fetched = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(page_file.as_uri())
    page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
    yield page
    assert said == []
    assert {url.split(":")[0] for url in fetched} <= {"file", "data", "blob"}
    page.close()


def part(page, name: str):
    return page.locator(f"[data-part={name}]")


def test_wheel_keys_and_slider_scroll_within_the_stack(page):
    place = part(page, "place")
    assert place.text_content() == "slice 5 of 8"  # where a prediction is most wrong
    part(page, "canvas").hover()
    page.mouse.wheel(0, 120)
    assert place.text_content() == "slice 6 of 8"
    part(page, "canvas").focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    assert place.text_content() == "slice 1 of 8"
    page.keyboard.press("End")
    assert place.text_content() == "slice 8 of 8"
    part(page, "slice").fill("6")
    assert place.text_content() == part(page, "slice").get_attribute("aria-valuetext") == "slice 7 of 8"


def test_cases_chosen_quickly_are_drawn_one_after_the_other(page):
    case = part(page, "case")
    page.evaluate(
        """() => {
            const select = document.querySelector("[data-part=case]");
            for (const value of ["1", "0", "1"]) {
                select.value = value;
                select.dispatchEvent(new Event("change"));
            }
        }"""
    )
    page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
    seen = part(page, "canvas").screenshot()
    assert case.input_value() == "1" and part(page, "layers").locator("label").count() == 3
    page.reload()
    page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
    part(page, "case").select_option("1")
    page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
    assert part(page, "canvas").screenshot() == seen


def test_the_weights_of_slices_are_drawn_where_a_model_has_them(page):
    choice = part(page, "weights")
    assert choice.is_hidden()  # the first case has none
    part(page, "case").select_option("1")
    page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
    before = part(page, "canvas").screenshot()
    assert choice.locator("option").all_inner_texts() == ["none", "b, next slice"]
    choice.select_option("b, next slice")
    assert part(page, "canvas").screenshot() != before
    choice.select_option("none")
    assert part(page, "canvas").screenshot() == before


def test_outlines_errors_and_window_change_what_is_drawn(page):
    canvas = part(page, "canvas")
    seen = [canvas.screenshot()]
    labels = part(page, "layers").locator("label")
    assert labels.all_inner_texts() == ["ground truth", "a", "b"]
    labels.nth(2).locator("input").uncheck()
    seen.append(canvas.screenshot())
    part(page, "errors").select_option("b")
    seen.append(canvas.screenshot())
    part(page, "level").fill("300")
    part(page, "level").blur()
    seen.append(canvas.screenshot())
    assert len(set(seen)) == 4


def test_another_case_opens_with_its_reason(page):
    options = part(page, "case").locator("option").all_inner_texts()
    assert options == ["case_0", f"{LONG}: highest of b (+0.000 Dice)"]
    before = part(page, "canvas").screenshot()
    part(page, "case").select_option("1")
    page.wait_for_selector("#viewer[data-state=ready]")
    assert part(page, "canvas").screenshot() != before


def test_a_table_sorts_by_number_and_keeps_what_is_none_last(page):
    heading = page.get_by_role("button", name="a rather long metric 0 [mm]")
    column = page.locator("table").first.locator("tbody tr td:nth-child(2)")
    heading.click()
    assert [text[:4] for text in column.all_inner_texts()] == ["9.25", "10.5", "n/a "]
    heading.click()
    assert [text[:4] for text in column.all_inner_texts()] == ["10.5", "9.25", "n/a "]


def test_a_table_sorts_within_each_structure(page):
    table = page.locator("table").nth(1)
    assert table.locator("thead th").all_inner_texts() == ["model", "p"]
    table.get_by_role("button", name="p", exact=True).click()
    assert table.locator("tbody tr").all_inner_texts() == [
        "disc", "y\t< 0.001", "x\t0.004", "core", "x\t0.500", "y\tn/a",
    ]  # fmt: skip
    numbers = table.locator("td:nth-child(2)").first
    assert numbers.evaluate("c => [getComputedStyle(c).textAlign, getComputedStyle(c).whiteSpace]") == [
        "right",
        "nowrap",
    ]


def test_the_verdict_and_its_figure_come_first(page):
    assert page.locator(".verdicts strong").all_inner_texts() == ["b is better than a:"]
    assert page.locator(".verdicts li").inner_text().endswith("+0.1 [−0.1, +0.3] Dice.")
    order = page.locator("h1, .verdicts, figure, nav, #viewer").evaluate_all(
        "found => found.map(e => e.id || e.className || e.localName)"
    )
    assert order == ["h1", "verdicts", "figure", "nav", "viewer", "figure"]


def test_a_swipe_to_the_side_changes_the_slice_and_leaves_the_page_to_scroll(page):
    canvas, place = part(page, "canvas"), part(page, "place")
    canvas.evaluate(
        """canvas => {
            const touch = (kind, x) => {
                const touches = [new Touch({ identifier: 0, target: canvas, clientX: x, clientY: 50 })];
                canvas.dispatchEvent(new TouchEvent(kind, { touches, bubbles: true, cancelable: true }));
            };
            touch("touchstart", 100);
            touch("touchmove", 50);
        }"""
    )
    assert place.text_content() == "slice 7 of 8"
    assert canvas.evaluate("c => getComputedStyle(c).touchAction") == "pan-y pinch-zoom"


def test_a_figure_is_saved_as_a_vector_file_that_needs_no_page(page):
    page.emulate_media(color_scheme="dark")
    with page.expect_download() as saved:
        page.get_by_role("button", name='Save "How large are the differences?" as SVG').click()
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


def test_every_heading_is_in_the_contents(page):
    links = page.locator("nav a").evaluate_all("links => links.map(a => a.getAttribute('href').slice(1))")
    assert links == page.locator("h2").evaluate_all("headings => headings.map(h => h.id)")


def test_dark_mode_turns_page_and_figures(browser, page_file):
    page = browser.new_page(color_scheme="dark")
    page.goto(page_file.as_uri())
    text, back = (page.evaluate(f"getComputedStyle(document.body).{p}") for p in ("color", "backgroundColor"))
    assert text == "rgb(228, 228, 228)" and back == "rgb(22, 24, 27)"
    line = page.locator("svg[role=img] path[style*='currentColor']").first
    assert line.evaluate("p => getComputedStyle(p).stroke") == text
    figure = page.locator("svg[role=img]").first
    assert figure.get_attribute("aria-label") == "How large are the differences?"
    described = page.locator(f"#{figure.get_attribute('aria-describedby')}")
    assert described.inner_text().startswith("Mean and 95 % interval.")
    page.close()


def test_without_webgl_the_plain_images_stay(browser, page_file):
    page = browser.new_page()
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };"
    )
    page.goto(page_file.as_uri())
    assert page.locator("#viewer").is_hidden()
    image = page.locator("#plain-images img")
    assert image.is_visible() and image.get_attribute("alt") == "b against a"
    page.close()
