from pathlib import Path

import pytest

from streams.importing.report import Report, UnreadableError
from streams.importing.table import rows


def read(file: Path, *columns: str, encoding: str = "utf-8-sig") -> tuple[list[tuple[int, dict[str, str]]], Report]:
    report = Report()
    return list(rows(file, columns, report, encoding=encoding)), report


def test_rows_come_with_the_line_they_begin_on(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('id,note\n1,"two\nlines"\n\n2,x\n')
    found, _ = read(file, "id")
    assert found == [(2, {"id": "1"}), (5, {"id": "2"})]


def test_a_byte_order_mark_and_blanks_are_not_part_of_a_name(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xef\xbb\xbfid , note\n 1 ,x\n")
    assert read(file, "id", "note")[0] == [(2, {"id": "1", "note": "x"})]


def test_a_row_that_is_not_text_is_bad_and_the_next_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,note\n1,\xff\n2,x\n")
    found, report = read(file, "id", "note")
    assert found == [(3, {"id": "2", "note": "x"})]
    assert report.bad_rows == [f"{file}:2: note: not utf-8 text"]


def test_rows_of_commas_only_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,note\n1,x\n,\n,\n")
    found, report = read(file, "id")
    assert len(found) == 1
    assert not report.bad_rows


def test_a_cell_past_all_measure_is_a_bad_row(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"id\n{'x' * 200_000}\n2\n")
    found, report = read(file, "id")
    assert found == [(3, {"id": "2"})]
    assert report.bad_rows == [f"{file}:2: field larger than field limit (131072)"]


@pytest.mark.parametrize("content", ["id,b\n1,2,,\n", "id,b,,\n1,2\n", "id,b,,\n1,2,\n", "id,b\n1,2, \n"])
def test_empty_cells_after_the_last_named_column_are_passed_over(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content)
    found, report = read(file, "id", "b")
    assert (found, report.bad_rows) == ([(2, {"id": "1", "b": "2"})], [])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,3", "3 cells where the header has 2"),
        ("1", "1 cells where the header has 2"),
        ('"1,2\n3,4\n', "1 cells where the header has 2; one of them has 3 lines: is a quotation mark left open?"),
    ],
)
def test_a_row_with_other_cells_than_its_header_is_bad(tmp_path: Path, row: str, message: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"id,b\n{row}")
    found, report = read(file, "id", "b")
    assert (found, report.bad_rows) == ([], [f"{file}:2: {message}"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ":1: the file is empty"),
        ("a,b\n", ":1: no column 'id'; the columns are 'a', 'b'"),
        ("id,id\n", ":1: column 'id' is there 2 times"),
    ],
)
def test_a_file_without_the_column_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content)
    with pytest.raises(UnreadableError) as refused:
        read(file, "id")
    assert str(refused.value) == f"{file}{message}"


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        read(tmp_path / "a.csv", "id")
    with pytest.raises(UnreadableError, match="Is a directory"):
        read(tmp_path, "id")
