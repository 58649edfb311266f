"""One HTML page that needs nothing beside it: styles, scripts, figures and volumes are in the file."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup
from matplotlib.figure import Figure

from .figure_list import Captioned
from .figure_style import BLUE
from .shown_case import ShownCase
from .tables import Table
from .typesetting import aligned, breakable, typeset
from .viewer import viewer_data

VIEWER = "Case by case"
FACTS = "Made with"


def html_page(
    title: str,
    verdicts: Sequence[str],
    figures: Mapping[str, Captioned],
    tables: Sequence[Table],
    facts: Mapping[str, str],
    cases: Sequence[ShownCase],
    short: Mapping[str, str],
    overlays: Mapping[str, Figure],
    baseline: str,
) -> str:
    """The page's text.

    Args:
        verdicts: what precedes the colon of a sentence is emphasized.
        figures: by the heading above each; the first is shown before everything else.
        facts: data, versions, hardware and so on, by name.
        cases: to scroll through, see `viewer_data`.
        short: the models' short names.
        overlays: images of the same cases, for a browser without WebGL2; by heading.
        baseline: the model that the others are compared with.
    """
    shown, left_out = viewer_data(cases, short)
    names = list(figures)
    headings = [*names[:1], *([VIEWER] if shown else []), *names[1:], *(t.title for t in tables), FACTS]
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"slug": slug, "typeset": typeset, "breakable": breakable}
    return environment.from_string(_template("report.html.j2")).render(
        title=title,
        headings=headings,
        verdicts=verdicts,
        figures=[
            (name, Markup(svg(drawn.figure, name)), drawn.caption, drawn.figure.get_figwidth())
            for name, drawn in figures.items()
        ],
        plain={name: Markup(png(figure, name)) for name, figure in overlays.items()},
        tables=[(table, _set(table)) for table in tables],
        facts=facts,
        baseline=baseline,
        cases=Markup(json.dumps(shown, allow_nan=False).replace("<", r"\u003c")) if shown else "",
        left_out=left_out,
        css=Markup(_template("report.css")),
        sort_js=Markup(_template("sort.js")),
        page_js=Markup(_template("page.js")),
        viewer_js=Markup(_template("viewer.js")),
        niivue=base64.b64encode(_file("niivue.umd.js.gz").read_bytes()).decode() if shown else "",
    )


def _set(table: Table) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The table's groups, with numbers aligned over all of them."""
    columns = zip(*(row for _, rows in table.groups for row in rows), strict=True)
    columns = [
        aligned(cells) if number else cells for cells, number in zip(columns, table.numeric, strict=True)
    ]
    rows = zip(*columns, strict=True)
    return [(structure, [next(rows) for _ in own]) for structure, own in table.groups]


def slug(heading: str) -> str:
    """ "How large?" -> "how-large", for the address of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def png(figure: Figure, name: str) -> str:
    """The figure as an element of the page, for what is mostly image."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150)
    encoded = base64.b64encode(out.getvalue()).decode()
    return f'<img alt="{Markup.escape(name)}" src="data:image/png;base64,{encoded}">'


def svg(figure: Figure, name: str) -> str:
    """The figure as an element of the page, with ids of its own, and black and dark blue in the page's own colours."""
    for patch in (figure.patch, *(axis.patch for axis in figure.axes)):
        patch.set_alpha(0)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    text = text.replace(BLUE.lower(), "var(--blue)")
    described = f'aria-label="{Markup.escape(name)}" aria-describedby="{slug(name)}-caption"'
    text = text.replace("<svg", f'<svg role="img" {described} fill="currentColor"', 1)
    unique = f"f{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{unique}", text)


def _file(name: str):
    return files(__package__).joinpath("templates", name)


def _template(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")
