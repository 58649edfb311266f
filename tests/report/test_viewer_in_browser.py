"""The slice viewer in a real browser: scroll, swipe, switch what is drawn."""

import pytest

from tests.browser import CHROMIUM
from tests.report.shown_page import LONG

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


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
    for value in ("0", "1"):  # one at a time
        case.select_option(value)
        page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
        shown = part(page, "canvas").screenshot()
        assert (shown == seen) == (value == "1")


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


def test_without_webgl_the_plain_images_stay(plain):
    assert plain.locator("#viewer").is_hidden()
    image = plain.locator("#plain-images img")
    assert image.is_visible() and image.get_attribute("alt") == "b against a"
