"""Workbooks (XLSX, XLS, ODS) as rows of text."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from streams.importing.report import UnreadableError

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")

EXACT_BELOW = 1e15
"""Spreadsheets keep 15 digits of a number."""


def is_one(file: Path) -> bool:
    """Whether a file is a workbook by its name."""
    return file.suffix.lower() in SUFFIXES


def begins_as_one(file: Path) -> bool:
    """Whether a file is a workbook by its first bytes: a ZIP or an OLE file."""
    with file.open("rb") as raw:
        return raw.read(4) in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def rows(file: Path, sheet: str | None, decimal: str) -> Iterator[tuple[int, list[str]]]:
    """The number of each row from 1 on, and its cells as text; dates as ISO 8601, numbers with this decimal sign.

    Raises UnreadableError.
    """
    if not file.exists():
        raise UnreadableError(f"{file}: No such file or directory")
    try:
        book = CalamineWorkbook.from_path(str(file))
        names = book.sheet_names
        if sheet is not None and sheet not in names:
            raise UnreadableError(f"{file}: no sheet {sheet!r}; the sheets are {', '.join(names)}")
        table = book.get_sheet_by_name(names[0] if sheet is None else sheet).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        hint = "" if begins_as_one(file) else "; it is a text file by that name: name it .csv"
        raise UnreadableError(f"{file}: not a workbook that can be read: {error}{hint}") from error
    for number, cells in enumerate(table, 1):
        yield number, [_text(cell, decimal) for cell in cells]


def _text(cell: Any, decimal: str) -> str:
    match cell:
        case datetime():
            return cell.isoformat(" ", "seconds")
        case date():
            return cell.isoformat()
        case float() if cell.is_integer():
            return str(int(cell)) if abs(cell) < EXACT_BELOW else f"{cell:.14E}"
        case float():
            return str(cell).replace(".", decimal)
    return str(cell)
