"""Parts of error messages: the first few of many values, an error in one line, and an error's last line."""

import traceback
from collections.abc import Iterable


def first_few(values: Iterable[str], separator: str = ", ", shown: int = 5) -> str:
    """The values, or the first of them and how many more there are: "a, b and 3 more"; "" without any."""
    values = list(values)
    more = f" and {len(values) - shown} more" if len(values) > shown else ""
    return separator.join(values[:shown]) + more


def in_one_line(error: Exception) -> str:
    """The message without line breaks; the error's type if it is empty."""
    return " ".join(str(error).split()) or type(error).__name__


def last_line(error: Exception) -> str:
    """The last line of its message, which usually gives the cause; the type and the place if there is no message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines:
        return lines[-1]
    where = traceback.extract_tb(error.__traceback__)
    return type(error).__name__ + (f" in {where[-1].name}: {where[-1].line}" if where else "")
