"""Whatever a record holds, it is read or turned away with a reason, and what is read never makes the engine fail."""

import contextlib
import re
from typing import Any, get_args

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, LATEST_MS
from rules.engine.engine import Engine
from rules.messages.alerts import encode
from rules.messages.bad_events import BadEvent
from rules.messages.events import AnyEvent, ClockTick, decode
from rules.reports.forecast import with_forecast
from rules.reports.standing import standing
from streams.runtime.changelog import fact_records
from tests.rules.history import START_MS, every_pack

BOOK = every_pack()
PLATFORMS = sorted({pack.platform for pack in BOOK.packs})

DIGITS = ["0", "-0", "1", "-1", "7", "0.5", "1E+14", "999999999999999.99", "-999999999999999", "1E-40", "0E-40"]
TOO_MANY = ["1E+15", "1E+1000000", "-1E+1000000", "1E-1000000", "0E+1000000", "1E400", "9" * 40, f"0.{'3' * 60}"]
NUMBERS = DIGITS + TOO_MANY
WHOLE = ["9007199254740992", "-9007199254740992", "9007199254740993", "9" * 30]
TIMES = [
    START_MS,
    START_MS + DAY_MS,
    LATEST_MS - 1,
    978_307_200_000,
    0,
    -1,
    "2099-12-31T23:59:59Z",
    "2001-01-01T00:00:00Z",
]
TEXTS = [
    "",
    "A",
    "-",
    "店" * 128,
    "x" * 128,
    "x" * 256,
    "x" * 257,
    "a:b/c%d",
    "{order}",
    "\u202e",
    "\0",
    "\n",
    "🚚",
    "NaN",
]

extreme = st.sampled_from(
    [f"#{digits}" for digits in DIGITS + TOO_MANY + WHOLE] + DIGITS + TOO_MANY + TIMES + TEXTS + [None, True, [], {}]
)
"""A text with `#` before it is written as a JSON number of these very digits."""

anything = st.recursive(extreme | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def _values(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[Any]:
    """What may stand in a field: of its own type, at its bounds and beyond."""
    type_name, choices = str(field.type), set(re.findall(r"'([a-z_]+)'", str(field.type)))
    if choices:
        return st.sampled_from(sorted(choices))
    if "Decimal" in type_name:
        return st.sampled_from([*NUMBERS, "NaN", "sNaN", "Infinity", *(f"#{digits}" for digits in NUMBERS)])
    if "datetime" in type_name:
        return st.sampled_from(TIMES[:4])
    if "int" in type_name or "float" in type_name:
        return st.sampled_from(["#0", "#1", "#-1", "#8784", *(f"#{digits}" for digits in WHOLE[:2])])
    if "bool" in type_name:
        return st.booleans()
    return st.sampled_from(["A", "USD", "店" * 128, "a:b/c%d", "{order}", "notify_customers", "abusive_chat", "TW"])


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record: an event of any type, in which some fields hold what they shouldn't."""
    kind = draw(st.sampled_from(get_args(AnyEvent)))
    written: dict[str, Any] = {"type": kind.__struct_config__.tag, "time": draw(st.sampled_from(TIMES[:2]))}
    if kind is not ClockTick:
        written |= {name: draw(st.sampled_from(["1", "2"])) for name in ("id", "order", "shop")}
        written |= {"source": "test", "platform": draw(st.sampled_from(PLATFORMS))}
        data = next(each.type for each in msgspec.structs.fields(kind) if each.name == "data")
        fields = [each for each in msgspec.structs.fields(data) if each.name != "items"]
        written["data"] = {each.name: draw(_values(each)) for each in fields if draw(st.booleans())}
        if kind.__struct_config__.tag == "order.placed":
            item = st.fixed_dictionaries({}, optional={"sku": st.sampled_from(TEXTS[:5]), "qty": st.just("#7")})
            written["data"]["items"] = draw(st.lists(item, max_size=3))
        if draw(st.integers(0, 3)) == 0:
            part = draw(st.sampled_from([written, written["data"]]))
            if part:
                part[draw(st.sampled_from(sorted(part)))] = draw(anything)
    return re.sub(rb'"#([^"]*)"', rb"\1", orjson.dumps(written))


@given(st.binary(max_size=60) | records())
def test_a_record_is_read_or_turned_away_with_a_reason_of_one_short_line(raw: bytes) -> None:
    try:
        decode(raw)
    except BadEvent as bad:
        assert len(str(bad).splitlines()) == 1
        assert len(str(bad)) <= 301


def finish(engine: Engine, to_ms: int) -> None:
    """Judges up to a moment and writes all there is to write."""
    engine.advance(to_ms)
    changes = engine.drain()
    for alert in changes.alerts:
        encode(alert)
    fact_records(changes)
    for shop in engine.shops.values():
        orjson.dumps(with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms))


NUMBER_FIELDS = [
    (kind.__struct_config__.tag, field.name)
    for kind in get_args(AnyEvent)
    if kind is not ClockTick
    for data in [next(each.type for each in msgspec.structs.fields(kind) if each.name == "data")]
    for field in msgspec.structs.fields(data)
    if "Decimal" in str(field.type)
]


@pytest.mark.parametrize("number", [*NUMBERS, "NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_number_in_any_field_makes_the_engine_fail(platform: str, number: str) -> None:
    engine = Engine(BOOK, stepping=True)
    for kind, field in NUMBER_FIELDS:
        for n in range(3):
            about = {"order": "1", "sku": "A", "name": "late_rate", "provider": "p", "currency": "USD"}
            written = {"type": kind, "id": f"{field}{n}", "source": "test", "time": START_MS + n, "platform": platform}
            written |= {"shop": "s", "order": "1", "data": about | {field: number}}
            with contextlib.suppress(BadEvent):
                engine.apply(*decode(orjson.dumps(written)))
    finish(engine, START_MS + 100 * DAY_MS)


@given(st.lists(records(), min_size=1, max_size=12), st.booleans(), st.sampled_from([1, 40, 400, 1_500]))
def test_what_is_read_never_makes_the_engine_fail(raws: list[bytes], stepping: bool, days: int) -> None:
    engine = Engine(BOOK, stepping=stepping)
    for raw in raws:
        try:
            engine.apply(*decode(raw))
        except BadEvent:
            continue
        engine.settle()
    finish(engine, START_MS + days * DAY_MS)
