"""Tables in files as rows of named cells, with the line each row begins on."""

import codecs
import csv
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from streams.importing import workbook
from streams.importing.report import Report, UnreadableError

DELIMITERS = (";", "\t", ",", "|")

ENCODINGS = ("utf-8", "gb18030", "cp1251", "shift_jis", "big5", "euc_kr", "cp1252")
"""What a file is likely to be in that is not in the encoding its mapping names."""

_NO_TEXT = re.compile("[\ud800-\udfff]+")

Row = tuple[int, list[str]]
"""The line a row begins on, and its cells."""


def rows(
    file: Path,
    columns: Collection[str],
    report: Report,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
    skip: Collection[int] = (),
    sheet: str | None = None,
    decimal: str = ".",
    on_bad: Callable[[dict[str, str]], None] = lambda _: None,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, cells) for each row, with only the named columns and with outer blanks removed.

    `skip` are lines that are neither header nor row. A workbook (told by the file's name) has no delimiter or encoding;
    it is read from `sheet` (the first where None), its numbers with `decimal` as their sign. Rows that can't be split
    into the header's columns go to `report`, and what cells they have to `on_bad`; blank lines are passed over. Raises
    UnreadableError when the file can't be opened, is empty, or lacks one of the columns.
    """
    table = (
        workbook.rows(file, sheet, decimal) if workbook.is_one(file) else _csv_rows(file, delimiter, encoding, report)
    )
    kept = ((line, cells) for line, cells in table if line not in skip)
    try:
        line, header = next(kept)
    except StopIteration:
        raise UnreadableError(f"{file}:1: the file is empty") from None
    header = [name.strip() for name in header]
    missing = next((column for column in columns if column not in header), None)
    if missing is not None:
        hint = _hint(file, header, missing, encoding) or _below(kept, missing)
        shown = ", ".join(_shown(name) for name in header[:20]) + (", …" if len(header) > 20 else "")
        raise UnreadableError(f"{file}:{line}: no column {missing!r}; the columns are {shown}{hint}")
    places = {column: _place(file, line, header, column) for column in columns}
    for line, cells in kept:
        if not any(cells):
            continue
        row = {column: cells[place].strip() for column, place in places.items() if place < len(cells)}
        if len(cells) != len(header) and not _differ_in_nothing(cells, header):
            report.bad_row(file, line, f"{len(cells)} cells where the header has {len(header)}{_open_quote(cells)}")
            on_bad(row)
            continue
        garbled = next((column for column, cell in row.items() if not _is_text(cell)), None)
        if garbled is not None:
            report.bad_row(file, line, f"{garbled}: not {encoding.removesuffix('-sig')} text")
            on_bad(row)
            continue
        yield line, row


def _csv_rows(file: Path, delimiter: str, encoding: str, report: Report) -> Iterator[Row]:
    try:
        # Bytes that are not text stay in their cell as surrogates, so that one bad row doesn't end the file.
        text = file.open(encoding=encoding, errors="surrogateescape", newline="")
    except OSError as error:
        raise UnreadableError(f"{file}: {error.strerror}") from error
    with text:
        reader = csv.reader(text, delimiter=delimiter)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if line == 1:
                    raise UnreadableError(f"{file}:1: {error}") from error
                report.bad_row(file, line, str(error))
                continue
            except UnicodeError as error:
                raise UnreadableError(f"{file}:{line}: {error}") from error
            yield line, cells


def _differ_in_nothing(cells: list[str], header: list[str]) -> bool:
    """Whether a row is longer or shorter than its header only by empty cells after the last column that has a name."""
    named = max((n for n, name in enumerate(header, 1) if name), default=0)
    return len(cells) >= named and not any(cell.strip() for cell in cells[named:])


def _open_quote(cells: list[str]) -> str:
    lines = max(cell.count("\n") for cell in cells) + 1
    return "" if lines == 1 else f"; one of them has {lines} lines: is a quotation mark left open?"


def _place(file: Path, line: int, header: list[str], column: str) -> int:
    if (found := header.count(column)) > 1:
        raise UnreadableError(f"{file}:{line}: column {column!r} is there {found} times")
    return header.index(column)


def _hint(file: Path, header: list[str], column: str, encoding: str) -> str:
    """What to set in the mapping where its columns aren't found."""
    if workbook.is_one(file):
        return _near(header, column)
    if workbook.begins_as_one(file):
        return "; the file is a workbook: name it .xlsx (or .xls)"
    if any("\0" in name for name in header) or _begins_as_utf_16(file):
        return "; the file looks like UTF-16: set `encoding: utf-16`"
    if not all(_is_text(name) for name in header):
        name = encoding.removesuffix("-sig")
        if found := _encoding_with(header, column, encoding):
            return f"; the header is not {name} text: set `encoding: {found}`, with which it has {column!r}"
        return f"; the header is not {name} text: set `encoding`, such as cp1251, gb18030 or shift_jis"
    if len(header) == 1:
        others = [each for each in DELIMITERS if each in header[0]]
        return f"; set `delimiter: {others[0]!r}`" if others else ""
    return _near(header, column)


def _shown(name: str) -> str:
    """A column's name as it can be read; � for each run of bytes that are no text."""
    return repr(_NO_TEXT.sub("�", name))


def _encoding_with(header: list[str], column: str, encoding: str) -> str | None:
    """In which encoding the header has the column."""
    raw = [name.encode(encoding.removesuffix("-sig"), "surrogateescape") for name in header]
    for other in ENCODINGS:
        with suppress(UnicodeDecodeError):
            if column in [name.decode(other).strip() for name in raw]:
                return other
    return None


def _near(header: list[str], column: str) -> str:
    near = get_close_matches(column, header, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _below(rows_below: Iterator[Row], column: str) -> str:
    """Where a title stands above the header."""
    for line, cells in islice(rows_below, 20):
        if column in (cell.strip() for cell in cells):
            return f"; line {line} has it: set `skip_rows: {line - 1}`"
    return ""


def _begins_as_utf_16(file: Path) -> bool:
    with file.open("rb") as raw:
        return raw.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _is_text(cell: str) -> bool:
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
