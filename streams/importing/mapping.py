"""The YAML that says which column of a CSV of one's own means what.

    platform: ozon                     # a constant, or {column: NAME}; so are shop and currency
    shop: {column: Warehouse}
    currency: RUB                      # optional
    zone: Europe/Moscow                # of times that name none; needed unless all of them do
    time: "%d.%m.%Y %H:%M"             # iso (default), epoch_s, epoch_ms, spreadsheet (days) or a
                                       # strptime format; a ship_by without a time of day ends with its day
    no_time: ["2000-01-01", "0"]       # stands for "no time", as the empty cell does; a bare
                                       # date also with any time of day
    ship_by_blank: unknown             # optional: of an order that was shipped an empty ship_by says nothing of when
                                       # it was due, as where the platform empties it then: it isn't judged by that
    source: erp/1                      # optional: the events' source, default "csv"
    delimiter: ";"                     # optional, default ","
    encoding: cp1251                   # optional, default utf-8
    decimal: ","                       # optional, default "."
    thousands: "."                     # optional: groups digits, as in 1.250,50
    sheet: Orders                      # optional, of a workbook (.xlsx, .xls, .ods): default the first
    skip_rows: [1, 2]                  # optional: lines that are neither header nor row, or how many at the top
    total_rows: [Total]                # optional: rows with one of these in place of an order are passed over
    leave_out: {Status: [cancelled]}   # optional: rows with one of these texts in a column are passed over
    words:                             # optional: their words for ours; "*" is any other
      platform: {Озон: ozon}           # one without a word here is taken as it is
      cancelled_by: {User: buyer, Seller: seller, "*": system}
      cancel_reason: {Out of stock: stock, "*": other}
    columns:
      order: Posting number            # required
      placed: Accepted                 # at least one of placed, shipped, collected, delivered, cancelled
      ship_by: Ship until
      amount: Line total               # of a line: summed over the lines of an order …
      order_amount: Order total        # … or of the order, the same on each of its lines; not both
      sku: Article
      qty: Pieces                      # 1 where not mapped or empty
      line: Line no.                   # names a line; else they are numbered where that is needed
      parcel: Package                  # names a parcel; else its tracking number does
      carrier: Carrier
      tracking_no: Track
      cancelled_by: By                 # buyer, seller or system
      cancel_reason: Reason            # as the contract names them
    constants:                         # optional: more data, the same in every event of the kind
      placed: {mode: spot}
      cancelled: {by: seller}

Only the YAML's own scalars are read, never tags or objects.
"""

import codecs
import re
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import yaml

from rules.calendar.instants import EARLIEST_MS
from rules.dsl.yaml_source import BadYamlError, compose
from rules.messages.bad_events import BadEvent
from rules.messages.events import CancelReason, Party, decode
from streams.importing.history import Fact, Order, What, event
from streams.importing.report import UnreadableError
from streams.importing.times import EPOCH_MS, EPOCH_S, ISO, SPREADSHEET

INSTANTS: tuple[What, ...] = get_args(What)
COLUMNS = (
    "order",
    *INSTANTS,
    "ship_by",
    "amount",
    "order_amount",
    "sku",
    "qty",
    "line",
    "parcel",
    "carrier",
    "tracking_no",
    "cancelled_by",
    "cancel_reason",
)
_TOP = (
    "platform",
    "shop",
    "currency",
    "zone",
    "time",
    "no_time",
    "ship_by_blank",
    "source",
    "delimiter",
    "encoding",
    "decimal",
    "thousands",
    "sheet",
    "skip_rows",
    "total_rows",
    "leave_out",
    "words",
)

WORDS: dict[str, tuple[str, ...]] = {"cancelled_by": get_args(Party), "cancel_reason": get_args(CancelReason)}
"""Columns whose cells are from a closed list."""

NAMES_IN_WORDS = ("platform",)
"""Other names that `words` may replace, by any text."""

ANY_OTHER = "*"


MOST_SKIPPED = 1_000

LONGEST_FORM = 128
"""Characters of a strptime format."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: str


@dataclass(frozen=True, slots=True)
class Column:
    name: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a CSV's columns mean; `columns` goes from the field's name here to the CSV's column."""

    platform: Constant | Column
    shop: Constant | Column
    columns: dict[str, str]
    currency: Constant | Column | None = None
    zone: ZoneInfo | None = None
    time: str = ISO
    no_time: tuple[str, ...] = ()
    ship_by_blank: Literal["unknown"] | None = None
    source: str = "csv"
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    decimal: str = "."
    thousands: str | None = None
    sheet: str | None = None
    skip_rows: frozenset[int] = frozenset()
    total_rows: frozenset[str] = frozenset()
    leave_out: dict[str, frozenset[str]] = field(default_factory=dict)
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    constants: dict[str, dict[str, Any]] = field(default_factory=dict)

    def csv_columns(self) -> tuple[str, ...]:
        """Every column the CSV must have, in one order, so that of several that are missing the same is named."""
        named = [each.name for each in (self.platform, self.shop, self.currency) if isinstance(each, Column)]
        return tuple(dict.fromkeys([*named, *self.columns.values(), *self.leave_out]))


def read(file: Path) -> Mapping:
    """Read a mapping. Raises UnreadableError, with file and line, for anything not as described above."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{file}:1: not utf-8 text") from error
    try:
        root = compose(text)
    except BadYamlError as error:
        raise UnreadableError(f"{file}:{error.line}: {error}") from error
    return _Reader(file).mapping(root)


class _Reader:
    """Turns YAML nodes into a Mapping; every error names the file and the node's line."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def mapping(self, root: yaml.Node | None) -> Mapping:
        if root is None:
            raise UnreadableError(f"{self._file}:1: the mapping is empty")
        top = self._fields(root, "the mapping", (*_TOP, "columns", "constants"))
        for name in ("platform", "shop", "columns"):
            if name not in top:
                raise self._wrong(root, f"{name} is missing")
        columns = self._columns(top["columns"])
        return Mapping(
            platform=self._constant_or_column(top["platform"], "platform"),
            shop=self._constant_or_column(top["shop"], "shop"),
            columns=columns,
            currency=self._constant_or_column(top["currency"], "currency") if "currency" in top else None,
            zone=self._zone(top["zone"]) if "zone" in top else None,
            time=self._time(top["time"]) if "time" in top else ISO,
            no_time=self._no_time(top["no_time"]) if "no_time" in top else (),
            ship_by_blank=self._ship_by_blank(top["ship_by_blank"], columns) if "ship_by_blank" in top else None,
            source=self._text(top["source"], "source") if "source" in top else "csv",
            delimiter=self._character(top["delimiter"], "delimiter") if "delimiter" in top else ",",
            encoding=self._encoding(top["encoding"]) if "encoding" in top else "utf-8-sig",
            decimal=self._character(top["decimal"], "decimal") if "decimal" in top else ".",
            thousands=self._thousands(top) if "thousands" in top else None,
            sheet=self._text(top["sheet"], "sheet") if "sheet" in top else None,
            skip_rows=self._skip_rows(top["skip_rows"]) if "skip_rows" in top else frozenset(),
            total_rows=frozenset(self._texts(top["total_rows"], "total_rows")) if "total_rows" in top else frozenset(),
            leave_out=self._leave_out(top["leave_out"]) if "leave_out" in top else {},
            words=self._words(top["words"]) if "words" in top else {},
            constants=self._constants(top["constants"]) if "constants" in top else {},
        )

    def _wrong(self, node: yaml.Node, message: str) -> UnreadableError:
        return UnreadableError(f"{self._file}:{node.start_mark.line + 1}: {message}")

    def _fields(self, node: yaml.Node, name: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        """The fields of a YAML mapping; one left empty counts as not there. `known` empty allows any name."""
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, f"{name} must be names with values")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key, f"{name} must have plain names")
            if known and key.value not in known:
                near = get_close_matches(key.value, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                raise self._wrong(key, f"unknown name {key.value!r} in {name}: {hint}")
            if key.value in fields:
                raise self._wrong(key, f"{key.value!r} is there twice in {name}")
            if value.tag != "tag:yaml.org,2002:null":
                fields[key.value] = value
        return fields

    def _text(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._wrong(node, f"{name} must be a text")
        return str(node.value)

    def _character(self, node: yaml.Node, name: str) -> str:
        text = self._text(node, name)
        if len(text) != 1 or text in '"\r\n' or text.isalnum():
            raise self._wrong(node, f"{name} must be one character, not {text!r}")
        return text

    def _constant_or_column(self, node: yaml.Node, name: str) -> Constant | Column:
        if isinstance(node, yaml.ScalarNode):
            return Constant(self._text(node, name))
        fields = self._fields(node, name, ("column",))
        if "column" not in fields:
            raise self._wrong(node, f"{name} must be a constant or {{column: NAME}}")
        return Column(self._text(fields["column"], f"{name}'s column"))

    def _columns(self, node: yaml.Node) -> dict[str, str]:
        columns = {name: self._text(value, name) for name, value in self._fields(node, "columns", COLUMNS).items()}
        if "order" not in columns:
            raise self._wrong(node, "columns: order is missing")
        if not columns.keys() & set(INSTANTS):
            raise self._wrong(node, f"columns: at least one of {', '.join(INSTANTS)} is needed")
        if {"amount", "order_amount"} <= columns.keys():
            raise self._wrong(node, "columns: amount (of a line) and order_amount (of the order) exclude each other")
        return columns

    def _zone(self, node: yaml.Node) -> ZoneInfo:
        name = self._text(node, "zone")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self._wrong(node, f"unknown zone {name!r}; zones are named like Europe/Moscow") from None

    def _time(self, node: yaml.Node) -> str:
        form = self._text(node, "time")
        if form in (ISO, EPOCH_S, EPOCH_MS, SPREADSHEET):
            return form
        if len(form) > LONGEST_FORM:
            raise self._wrong(node, f"time: a format has at most {LONGEST_FORM} characters")
        if "%" not in form:
            raise self._wrong(node, f"time: {form!r} is not iso, epoch_s, epoch_ms, spreadsheet or a strptime format")
        noon = datetime(2026, 10, 21, 12)
        try:
            whole = datetime.strptime(noon.strftime(form), form).date() == noon.date()
        except re.error:  # the format's regular expression, such as where a part stands in it twice
            raise self._wrong(node, f"time: {form!r} names a part twice, or is none that Python reads") from None
        except (ValueError, OverflowError, RecursionError) as error:
            raise self._wrong(node, f"time: {error}") from None
        if not whole:
            raise self._wrong(node, f"time: {form!r} does not hold year, month and day")
        return form

    def _no_time(self, node: yaml.Node) -> tuple[str, ...]:
        # The empty cell always means "no time", so listing it is allowed and changes nothing.
        return tuple(self._texts(node, "no_time"))

    def _ship_by_blank(self, node: yaml.Node, columns: dict[str, str]) -> Literal["unknown"]:
        text = self._text(node, "ship_by_blank")
        if text != "unknown":
            raise self._wrong(node, f"ship_by_blank: {text!r} is not unknown")
        if "ship_by" not in columns:
            raise self._wrong(node, "ship_by_blank goes with a column for ship_by")
        return "unknown"

    def _texts(self, node: yaml.Node, name: str) -> list[str]:
        if not isinstance(node, yaml.SequenceNode) or not all(isinstance(n, yaml.ScalarNode) for n in node.value):
            raise self._wrong(node, f"{name} must be a list of texts")
        return [each.value for each in node.value if each.value]

    def _thousands(self, top: dict[str, yaml.Node]) -> str:
        node = top["thousands"]
        found = self._character(node, "thousands")
        if found == (top["decimal"].value if "decimal" in top else "."):
            raise self._wrong(node, f"thousands and decimal are both {found!r}")
        return found

    def _skip_rows(self, node: yaml.Node) -> frozenset[int]:
        """One number is how many lines at the top; a list has the lines themselves."""
        if isinstance(node, yaml.ScalarNode):
            return frozenset(range(1, self._line(node) + 1))
        if isinstance(node, yaml.SequenceNode):
            return frozenset(self._line(each) for each in node.value)
        raise self._wrong(node, "skip_rows must be how many lines, or a list of lines")

    def _line(self, node: yaml.Node) -> int:
        text = self._text(node, "skip_rows")
        if not text.isascii() or not text.isdecimal() or not 0 < int(text[:10]) <= MOST_SKIPPED:
            raise self._wrong(node, f"skip_rows: {text!r} is no line from 1 to {MOST_SKIPPED}")
        return int(text)

    def _words(self, node: yaml.Node) -> dict[str, dict[str, str]]:
        return {
            column: {
                theirs.casefold(): self._word(value, column)
                for theirs, value in self._fields(words, f"words of {column}", ()).items()
            }
            for column, words in self._fields(node, "words", (*WORDS, *NAMES_IN_WORDS)).items()
        }

    def _leave_out(self, node: yaml.Node) -> dict[str, frozenset[str]]:
        return {
            column: frozenset(text.casefold() for text in self._texts(texts, f"leave_out of {column}"))
            for column, texts in self._fields(node, "leave_out", ()).items()
        }

    def _word(self, node: yaml.Node, column: str) -> str:
        word = self._text(node, f"words of {column}")
        if column in WORDS and word not in WORDS[column]:
            raise self._wrong(node, f"words of {column}: {word!r} is none of {', '.join(WORDS[column])}")
        return word

    def _encoding(self, node: yaml.Node) -> str:
        name = self._text(node, "encoding")
        try:
            found = codecs.lookup(name).name
            "-".encode(name)  # refuses what is a codec and not of text
        except (LookupError, UnicodeError):
            raise self._wrong(node, f"unknown encoding {name!r}") from None
        return "utf-8-sig" if found == "utf-8" else found

    def _constants(self, node: yaml.Node) -> dict[str, dict[str, Any]]:
        constants = {}
        for kind, fields in self._fields(node, "constants", INSTANTS).items():
            data = {
                name: self._plain(value, name)
                for name, value in self._fields(fields, f"constants of {kind}", ()).items()
            }
            self._check_data(fields, kind, data)
            constants[kind] = data
        return constants

    def _check_data(self, node: yaml.Node, kind: str, data: dict[str, Any]) -> None:
        """Constants go into every event, so a wrong one would spoil them all: try one now."""
        what = next(what for what in INSTANTS if what == kind)
        sample = event(Fact(Order("-", "-", "-", "-"), what, EARLIEST_MS, data))
        try:
            decode(orjson.dumps(sample))
        except BadEvent as error:
            raise self._wrong(node, f"constants of {kind}: {str(error).removeprefix('kept without ')}") from None

    def _plain(self, node: yaml.Node, name: str) -> str | bool | int:
        text = self._text(node, name)
        if node.tag == "tag:yaml.org,2002:bool":
            return text.lower() in ("true", "yes", "on")
        if node.tag == "tag:yaml.org,2002:int" and text.isdecimal():
            return int(text)
        return text
