"""Reads CSV files saved by spreadsheet programs."""

import codecs
import csv
import io
from pathlib import Path

DELIMITERS = (",", ";", "\t")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, which are zip files; .xls


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file, with cells stripped and without empty rows and trailing empty cells.

    Encodings: UTF-8, UTF-16 with a byte-order mark, or else Windows-1252. Delimiters: comma, semicolon or tab,
    whichever is most frequent in the first row. Cells may be quoted.

    Raises:
        ValueError: it is a workbook, not a CSV file.
    """
    content = path.read_bytes()
    if content.startswith(WORKBOOKS):
        raise ValueError(f"{path} is a workbook of a spreadsheet program. Save its table as CSV.")
    text = _decoded(content)
    if text[:4].lower() == "sep=":  # Excel's delimiter line
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
    return row[: max(i for i, cell in enumerate(row) if cell) + 1]
