"""Tables are read as spreadsheet programs save them."""

import pytest

from nnunet_slice_attention.spreadsheet import read_rows

ROWS = [["case", "patient"], ["case_0", "Müller"], ["case_1", "A, B"]]
TEXT = 'case,patient\r\ncase_0,Müller\r\ncase_1,"A, B"\r\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + TEXT.encode("utf-16-be"),
        TEXT.encode("latin-1"),
        TEXT.replace("\r\n", "\n").encode(),
        TEXT.replace("\r\n", "\r").encode(),
        ("\r\n" + TEXT + "\r\n,\r\n").encode(),
        ("sep=,\r\n" + TEXT).encode("utf-8-sig"),
        'case;patient\r\ncase_0;Müller\r\ncase_1;A, B\r\n'.encode(),
        'case\tpatient\tnotes\r\ncase_0\tMüller\t\r\ncase_1\tA, B\t\r\n'.replace("\tnotes", "\t").encode(),
        TEXT.replace("\r\n", 2000 * "," + "\r\n").encode(),
        '"case" ;"patient"\r\n"case_0";"Müller"\r\n"case_1"; A, B \r\n'.encode(),
    ],
)  # fmt: skip
def test_encodings_line_endings_delimiters_quotes_and_empty_cells(content, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert read_rows(path) == ROWS


def test_an_empty_file_has_no_rows(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"\r\n;;\r\n")
    assert read_rows(path) == []


@pytest.mark.parametrize("begin", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"], ids=["xlsx", "xls"])
def test_a_workbook_is_named(begin, tmp_path):
    path = tmp_path / "patients.xlsx"
    path.write_bytes(begin + bytes(range(256)))
    with pytest.raises(
        ValueError, match=r"patients.xlsx is a workbook of a spreadsheet program\. Save its table as CSV"
    ):
        read_rows(path)
