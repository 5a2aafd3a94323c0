"""Whatever bytes come in: an engine turns them away, or evaluates and stores them."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, MIN_MS
from rules.engine.engine import Engine
from rules.facts.merge import MERGE
from rules.messages.alerts import decode, encode
from rules.messages.bad_events import BadEvent
from rules.messages.events import decode as decode_event
from rules.reports.standing import standings
from tests.rules.engine.test_properties import EVERYTHING
from tests.rules.histories import (
    END_MS,
    Worker,
    apply,
    assert_well_formed,
    histories,
    shuffled_with_repeats,
)
from tests.rules.history import (
    START_MS,
)

instants = st.one_of(
    st.integers(978_307_200_000, 4_102_444_799_999),
    st.sampled_from(
        [0, 1767225600, -1, 1 << 62, "2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z", "2024-02-29T00:00:00+14:00"]
    ),
)
texts = st.text(min_size=1, max_size=8) | st.sampled_from(["{order}", "a:b/c", "\0", "%s", "x" * 512])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
contents = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.decimals(0, 10**15).map(str)
        | st.sampled_from(["1e-999999", "-0", "NaN", "1e15", "0." + "1" * 200])
        | anything,
        "currency": st.text(max_size=4) | anything,
        "items": st.lists(st.fixed_dictionaries({"sku": st.text(max_size=4), "qty": st.integers()}), max_size=2)
        | anything,
        "mode": st.sampled_from(["spot", "stepped", "presale"]) | anything,
        "ship_by": instants | anything,
        "handling_h": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, 1e-300, 8784]) | anything,
        "by": st.sampled_from(["buyer", "seller", "system"]) | anything,
        "status": st.sampled_from(["in_transit", "delivered", "returned", "info_received"]) | anything,
        "tracking_no": st.text(max_size=4) | anything,
    },
)
kinds = st.sampled_from([str(kind.__struct_config__.tag) for kind in MERGE] + ["stock.level", "clock.tick", "nonsense"])
written = st.fixed_dictionaries(
    {
        "id": texts,
        "source": texts,
        "type": kinds,
        "time": instants,
        "platform": st.sampled_from(["joom", "douyin", "other"]),
    }
    | {"shop": texts, "order": texts, "data": contents}
)


@given(st.binary(max_size=40) | anything.map(msgspec.json.encode))
def test_no_record_does_more_than_be_turned_away(raw: bytes):
    with pytest.raises(BadEvent):
        decode_event(raw)


@given(st.lists(written, min_size=1, max_size=6), st.booleans())
def test_whatever_can_be_read_can_be_judged_told_and_stored(records: list[dict[str, Any]], stepping: bool):
    worker = Worker(EVERYTHING, stepping)
    for record in records:
        try:
            event, at_ms = decode_event(msgspec.json.encode(record))
            worker.engine.check(event)
        except BadEvent:
            continue
        if stepping:
            at_ms = START_MS + at_ms % (100 * DAY_MS)
        with suppress(BadEvent):  # it may be from before what is kept
            worker.commit_cycle([(event, at_ms)], at_ms)
    worker.commit_cycle([], max(worker.clock_ms, START_MS) + 400 * DAY_MS)
    assert all(decode(encode(alert)) == alert for alert in worker.alerts)
    assert msgspec.json.encode(standings(worker.engine))
    assert_well_formed(worker.alerts)


@given(st.data())
def test_the_clock_starts_at_the_first_known_fact_of_any_shop(data: st.DataObject):
    engine = Engine(EVERYTHING, stepping=True)
    for platform in ("joom", "douyin"):
        apply(engine, data.draw(shuffled_with_repeats(data.draw(histories(platform, detailed=True)))))
    engine.begin(END_MS + DAY_MS)
    assert engine.clock_ms == min((shop.first_at_ms() for shop in engine.shops.values()), default=MIN_MS)
