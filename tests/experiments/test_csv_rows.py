"""Tables grow: rows are told apart by run and case, added, and never dropped."""

import pytest

from experiments.csv_rows import columns_of, merge, read_csv, row_key

HEADER = "name,fold,seed,commit,case,structure,dice\n"
OLD = HEADER + "2D,0,0,abc,case_1,RV,0.90\n2D,0,0,abc,case_1,LV,\n"


def row(**changed: str) -> dict[str, str]:
    found = {"name": "2D", "fold": "0", "seed": "0", "commit": "abc", "case": "case_1", "structure": "RV"}
    return found | {"dice": "0.90", "trainer": "not a column"} | changed


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text(OLD)
    return path


@pytest.mark.parametrize("column", ["name", "fold", "seed", "commit", "case", "structure"])
def test_a_row_with_another_key_is_added_and_all_others_stay_as_they_are(table, column):
    assert merge(table, [row(**{column: "other", "dice": "0.5"})]) == 1
    assert table.read_text().startswith(OLD)
    assert read_csv(table)[-1] == {
        k: v for k, v in row(**{column: "other", "dice": "0.5"}).items() if k != "trainer"
    }


def test_what_is_there_already_is_not_written_again(table):
    before = table.stat().st_mtime_ns
    assert merge(table, [row(), row()]) == 0 and merge(table, []) == 0
    assert table.stat().st_mtime_ns == before


def test_other_values_of_a_finished_run_are_refused_by_name_and_nothing_is_written(table):
    with pytest.raises(ValueError, match=r"cases.csv.*0.90.*0.80.*another name, or remove the rows"):
        merge(table, [row(case="case_2"), row(dice="0.80")])
    assert table.read_text() == OLD


def test_even_rows_with_the_same_key_stay(table):
    table.write_text(OLD + "2D,0,0,abc,case_1,RV,0.90\n")
    merge(table, [row(case="case_2")])
    assert len(read_csv(table)) == 4


def test_lines_end_as_they_did(table):
    table.write_bytes(OLD.replace("\n", "\r\n").encode())
    merge(table, [row(case="case_2")])
    assert table.read_bytes().startswith(OLD.replace("\n", "\r\n").encode())
    assert table.read_bytes().count(b"\n") == table.read_bytes().count(b"\r\n")


def test_a_table_without_structures_has_a_column_for_each(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("trainer,seed,case,RV,LV\nT,0,case_1,0.9,0.8\n")
    rows = [row(trainer="T", case="case_2", structure=s, dice=d) for s, d in (("RV", "0.7"), ("LV", ""))]
    assert merge(path, rows) == 1
    assert read_csv(path)[-1] == {"trainer": "T", "seed": "0", "case": "case_2", "RV": "0.7", "LV": ""}


def test_a_new_table_begins_with_what_tells_runs_apart(tmp_path):
    path = tmp_path / "part" / "cases.csv"
    assert columns_of(path, [row()]) == ["name", "fold", "seed", "commit", "case", "structure", "dice"]
    merge(path, [row()])
    assert path.read_text().startswith(HEADER)


def test_the_key_of_a_run_is_what_the_table_has_of_it():
    assert row_key(row(), ["name", "seed", "case", "dice"]) == "2D, 0"
    assert row_key(row(), ["commit", "name"]) == "abc, 2D"
