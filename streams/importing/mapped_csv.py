"""A table of one's own as canonical events, by a mapping (see `mapping`).

A row is an order or one line of it: rows with the same platform, shop and order are one order, their lines its items.
`order_lines` says what they come to.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streams.importing import cells, workbook
from streams.importing.history import Order, Timeline, What
from streams.importing.mapping import ANY_OTHER, INSTANTS, WORDS, Constant, Mapping
from streams.importing.mapping import Column as MappedColumn
from streams.importing.order_lines import Line, facts
from streams.importing.report import Report
from streams.importing.table import rows


@dataclass(slots=True)
class _Gathered:
    """The lines of one order so far, from the file's line on; `spoiled` when one of them could not be read."""

    row: int
    currency: str
    lines: list[Line] = field(default_factory=list)
    spoiled: bool = False


def events(file: Path, mapping: Mapping, report: Report) -> Timeline:
    """Read `file` into events sorted by time.

    Rows that can't be read go to `report`, and the order they belong to is left out: half an order's lines would say
    wrong things about the whole. Orders without any time go there, too. Raises UnreadableError when the file or a
    mapped column is missing.
    """
    orders = _gather(file, mapping, report)
    whole = {order: gathered for order, gathered in orders.items() if not gathered.spoiled}
    for order, gathered in whole.items():
        if not any(line.times_ms for line in gathered.lines):
            report.no_time(file, gathered.row, order.order)
    undated = {order for order, gathered in whole.items() if _is_undated(gathered, mapping)}
    if undated:
        report.note(f"orders not judged by when they were shipped, as their ship_by is empty: {len(undated)}")
    return Timeline(
        fact
        for order, gathered in whole.items()
        for fact in facts(order, gathered.lines, gathered.currency, mapping.constants)
        if fact.what != "placed" or order not in undated
    )


def _is_undated(gathered: _Gathered, mapping: Mapping) -> bool:
    """Whether nobody knows any more when an order was due that was shipped. Without the event that it was placed it has
    no deadline, and counts in no ratio."""
    if mapping.ship_by_blank is None or any(line.ship_by_ms is not None for line in gathered.lines):
        return False
    return any("shipped" in line.times_ms for line in gathered.lines)


def _gather(file: Path, mapping: Mapping, report: Report) -> dict[Order, _Gathered]:
    orders: dict[Order, _Gathered] = {}
    spoiled: set[Order] = set()

    def spoil(row: dict[str, str]) -> None:
        with suppress(KeyError):  # it ends before the columns that name the order
            spoiled.add(Order(mapping.source, **_names(mapping, row)))

    table = rows(
        file,
        mapping.csv_columns(),
        report,
        delimiter=mapping.delimiter,
        encoding=mapping.encoding,
        skip=mapping.skip_rows,
        sheet=mapping.sheet,
        decimal=mapping.decimal,
        on_bad=spoil,
    )
    typed = workbook.is_one(file)
    left_out = 0
    for number, row in table:
        texts = {name: cells.unwrapped(row[column]) for name, column in mapping.columns.items()}
        if texts["order"] in mapping.total_rows:
            continue
        if any(cells.unwrapped(row[column]).casefold() in some for column, some in mapping.leave_out.items()):
            left_out += 1
            continue
        names = _names(mapping, row)
        empty = [name for name, text in names.items() if not text]
        if empty:
            report.bad_row(file, number, f"{empty[0]} is empty")
            continue
        currency = _value(mapping.currency, row) if mapping.currency else ""
        try:
            order = Order(mapping.source, *(cells.identifier(text, name) for name, text in names.items()))
        except ValueError as error:
            report.bad_row(file, number, str(error))
            continue
        gathered = orders.setdefault(order, _Gathered(number, currency))
        try:
            line = _line(texts, mapping, typed, currency, str(len(gathered.lines) + 1))
            _agree(gathered, line, currency)
        except ValueError as error:
            report.bad_row(file, number, str(error))
            gathered.spoiled = True
            continue
        gathered.lines.append(line)
    for order in spoiled & orders.keys():
        orders[order].spoiled = True
    if left_out:
        report.note(f"rows passed over by leave_out: {left_out}")
    return orders


def _names(mapping: Mapping, row: dict[str, str]) -> dict[str, str]:
    """What names a row's order. Raises KeyError where a column is missing."""
    order = cells.unwrapped(row[mapping.columns["order"]])
    return {"platform": _platform(mapping, row), "shop": _value(mapping.shop, row), "order": order}


def _platform(mapping: Mapping, row: dict[str, str]) -> str:
    name, words = _value(mapping.platform, row), mapping.words.get("platform", {})
    return words.get(name.casefold(), words.get(ANY_OTHER, name)) if name else name


def _value(place: Constant | MappedColumn, row: dict[str, str]) -> str:
    return place.value if isinstance(place, Constant) else cells.unwrapped(row[place.name])


def _line(texts: dict[str, str], mapping: Mapping, typed: bool, currency: str, name: str) -> Line:
    """`name` is the line's where the table names none."""
    times_ms: dict[What, int] = {}
    for what in INSTANTS:
        at_ms = cells.time_ms(texts.get(what, ""), what, mapping, typed)
        if at_ms is not None:
            times_ms[what] = at_ms
    for column in cells.IDS & texts.keys():
        cells.identifier(texts[column], column)
    words = {column: cells.word(texts[column], column, mapping) for column in WORDS if texts.get(column)}
    amount = "order_amount" if "order_amount" in texts else "amount"
    return Line(
        name=texts.get("line") or name,
        times_ms=times_ms,
        ship_by_ms=cells.time_ms(texts.get("ship_by", ""), "ship_by", mapping, typed),
        amount=cells.amount(texts.get(amount, ""), amount, mapping, currency),
        sku=texts.get("sku", ""),
        qty=cells.quantity(texts.get("qty", ""), mapping),
        cells=texts | words,
    )


def _agree(gathered: _Gathered, line: Line, currency: str) -> None:
    """Raise ValueError where a line contradicts those before it on something an order has only one of."""
    if currency != gathered.currency:
        raise ValueError(f"currency: {currency!r}, but {gathered.currency!r} on an earlier line of the order")
    if any(line.name == other.name for other in gathered.lines):
        raise ValueError(f"line: {line.name!r} is there twice in the order")
    if line.amount is not None and "order_amount" in line.cells:
        before = next((other.amount for other in gathered.lines if other.amount is not None), line.amount)
        if before != line.amount:
            raise ValueError(f"order_amount: {line.amount}, but {before} on an earlier line of the order")
