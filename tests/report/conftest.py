"""A report in a real browser, opened from disk."""

from contextlib import contextmanager

import pytest

from tests.browser import CHROMIUM
from tests.report.shown_page import page as shown_page

WEBGL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


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


WITHOUT_WEBGL = """
    const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };
"""


@contextmanager
def opened(browser, page_file, script=""):
    """The page, whose scripts must run without a message and fetch nothing."""
    page = browser.new_page(viewport={"width": 700, "height": 400})  # the viewer takes 70 % of it
    page.add_init_script(script)
    said, fetched = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(page_file.as_uri())
    yield page
    assert said == []
    assert {url.split(":")[0] for url in fetched} <= {"file", "data", "blob"}
    page.close()


@pytest.fixture
def page(browser, page_file):
    with opened(browser, page_file) as page:
        page.wait_for_selector("#viewer[data-state=ready]", timeout=60_000)
        yield page


@pytest.fixture
def plain(browser, page_file):
    """Without WebGL, which a browser without a GPU takes seconds to start."""
    with opened(browser, page_file, WITHOUT_WEBGL) as page:
        yield page
