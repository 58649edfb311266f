"""CSV files as spreadsheets save them."""

import codecs
import csv
import io
from pathlib import Path

DELIMITERS = (",", ";", "\t")


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file, cells stripped; rows without any text, and empty cells at a row's end, are left out.

    UTF-8, UTF-16 with its byte-order mark, or else Windows' code page of Western Europe; cells in quotes or not;
    commas, semicolons or tabs between them, whichever the first row has most of.
    """
    text = _decoded(path.read_bytes())
    if text[:4].lower() == "sep=":  # a line by which Excel tells itself the delimiter
        text = "".join(text.splitlines(keepends=True)[1:])
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    ]
    return [_without_empty_end(row) for row in rows if any(row)]


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _without_empty_end(row: list[str]) -> list[str]:
    return row if row[-1] else _without_empty_end(row[:-1])
