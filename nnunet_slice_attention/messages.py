"""Parts of error messages: the first few of many values, and an error in one line."""

from collections.abc import Iterable


def first_few(values: Iterable[str], separator: str = ", ", shown: int = 5) -> str:
    """The values, or the first of them and how many more there are: "a, b and 3 more"; "" without any."""
    values = list(values)
    more = f" and {len(values) - shown} more" if len(values) > shown else ""
    return separator.join(values[:shown]) + more


def in_one_line(error: Exception) -> str:
    """The message without line breaks; the error's type if it is empty."""
    return " ".join(str(error).split()) or type(error).__name__
