"""CSV files as rows of named cells, with the line each row begins on."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from streams.importing.report import Report, UnreadableError


def rows(
    file: Path,
    columns: Collection[str],
    report: Report,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, cells) for each row, with only the named columns and with outer blanks removed.

    Rows that can't be split into the header's columns go to `report`; blank lines are passed over. Raises
    UnreadableError when the file can't be opened, is empty, or lacks one of the columns.
    """
    try:
        # Bytes that are not text stay in their cell as surrogates, so that one bad row doesn't end the file.
        text = file.open(encoding=encoding, errors="surrogateescape", newline="")
    except OSError as error:
        raise UnreadableError(f"{file}: {error.strerror}") from error
    with text:
        reader = csv.reader(text, delimiter=delimiter)
        try:
            header = [name.strip() for name in next(reader)]
        except StopIteration:
            raise UnreadableError(f"{file}:1: the file is empty") from None
        except (csv.Error, UnicodeError) as error:
            raise UnreadableError(f"{file}:1: {error}") from error
        places = {column: _place(file, header, column) for column in columns}
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                report.bad_row(file, line, str(error))
                continue
            except UnicodeError as error:
                raise UnreadableError(f"{file}:{line}: {error}") from error
            if not any(cells):
                continue
            if len(cells) != len(header):
                report.bad_row(file, line, f"{len(cells)} cells where the header has {len(header)}")
                continue
            row = {column: cells[place].strip() for column, place in places.items()}
            garbled = next((column for column, cell in row.items() if not _is_text(cell)), None)
            if garbled is not None:
                report.bad_row(file, line, f"{garbled}: not {encoding.removesuffix('-sig')} text")
                continue
            yield line, row


def _place(file: Path, header: list[str], column: str) -> int:
    found = header.count(column)
    if found == 0:
        shown = ", ".join(ascii(name) for name in header[:20]) + (", …" if len(header) > 20 else "")
        raise UnreadableError(f"{file}:1: no column {column!r}; the columns are {shown}")
    if found > 1:
        raise UnreadableError(f"{file}:1: column {column!r} is there {found} times")
    return header.index(column)


def _is_text(cell: str) -> bool:
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
