"""Text and numbers of the HTML page as they are set in print: where lines break, and what is below each other."""

import re
from collections.abc import Sequence

from markupsafe import Markup

from .tables import minus_signs

NO_BREAK, FIGURE = "\N{NO-BREAK SPACE}", "\N{FIGURE SPACE}"  # a figure space is as wide as a digit
KEPT_TOGETHER = (  # before "±" a line may break, or tables would not fit on paper
    r"(?<=[=<±]) | (?=[=<])",
    r"(?<=mean) (?=±)",
    r"(?<=\d) (?=%|mm\b|ml\b)",
    rf"(?<=\d,) (?={FIGURE}*[+-]?[\d.]+\])",
)
NUMBER = re.compile(r"(?<![\w.-])([+-]?\d+)(\.\d+)?(?![\w.])")  # not within a name, such as "10000_1000"


def typeset(text: str) -> str:
    """With minus signs, and no line break within an interval or between a number and its sign or unit."""
    for spaces in KEPT_TOGETHER:
        text = re.sub(spaces, NO_BREAK, text)
    return minus_signs(text)


def breakable(name: str) -> Markup:
    """The name of a model for HTML; a line may break after "_", and before a capital as in "nnUNetTrainer|CSANet"."""
    return Markup(re.sub(r"(?<=_)|(?<=[a-z]{3})(?=[A-Z])", "<wbr>", str(Markup.escape(name))))


def aligned(column: Sequence[str]) -> list[str]:
    """Cells of a column that is set flush right, padded so that the decimal points of all their numbers align.

    E.g. "12.0 ± 11.6" above "5.6 ±  4.0". Cells with other text between their numbers are padded on their own:
    "0.9 (n = 1)" has nothing below the numbers of "0.9 ± 0.1 (n = 12)".
    """
    split = [NUMBER.split(cell) for cell in column]  # text, whole, decimals, text, whole, decimals, ..., text
    alike: dict[tuple[str, ...], list[list[str]]] = {}  # by the text after each number
    for parts in split:
        alike.setdefault(tuple(parts[3::3]), []).append(parts)
    widths = {
        text: [max(len(part or "") for part in place) for place in zip(*own, strict=True)]
        for text, own in alike.items()
    }
    return [
        "".join(_padded(i, part or "", widths[tuple(parts[3::3])][i]) for i, part in enumerate(parts))
        for parts in split
    ]


def _padded(place: int, part: str, width: int) -> str:
    """The first number needs no space before it: its cell is set flush right."""
    if place % 3 == 1 and place > 1:
        return part.rjust(width, FIGURE)
    return part.ljust(width, FIGURE) if place % 3 == 2 else part
