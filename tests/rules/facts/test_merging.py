"""Facts of orders with more than the plain case: the same in any order of arrival, any number of times, and what plain
orders take in place is what follows from all that was said."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rules.facts.merge import as_of, facts_from, merge
from rules.facts.order_facts import OrderFacts
from rules.facts.statements import canonical, statement_of
from rules.facts.stored import decode_facts, encode_facts
from tests.rules.histories import shuffled_with_repeats
from tests.rules.history import TimedEvent, event, ms

AT = st.integers(-4, 12).map(lambda n: f"{12 * n}h" if n >= 0 else f"2025-12-{31 + n}T00:00:00Z")
NAMES = st.sampled_from([{}, {}, {"tracking_no": "P1"}, {"tracking_no": "p1 "}, {"tracking_no": "P2"}, {"parcel": "A"}])
ITEMS = st.sampled_from(
    [
        {},
        {},
        {"items": [{"sku": "A", "qty": 2}]},
        {"items": [{"sku": "B"}]},
        {"items": [{"sku": "A"}, {"sku": "B", "qty": 0.5}]},
    ]
)
SHIP_BY = st.sampled_from(
    [{}, {}, {"ship_by": ms("60h")}, {"ship_by": "2026-01-05"}, {"ship_by": "2062-01-01T00:00:00Z"}]
)


def one_of(*choices: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(choices)


PLACED = st.tuples(
    one_of({}, {}, {"amount": "10"}, {"amount": "12", "currency": "USD"}),
    SHIP_BY,
    one_of({}, {}, {"items": [{"sku": "A", "qty": 3}, {"sku": "B", "qty": 1}]}, {"items": [{"sku": "A", "line": "1"}]}),
    one_of({}, {}, {"paid": False}, {"paid": True}, {"sensitive": False}, {"sensitive": True, "mode": "presale"}),
)
SHIPPED = st.tuples(
    NAMES,
    one_of({}, {"carrier": "X"}),
    ITEMS,
    one_of({}, {}, {"complete": True}, {"complete": False}),
    one_of({}, {}, {}, {"replaces": "P1"}, {"replaces": "Q7"}),
)
STATES = ("info_received", "in_transit", "delivered", "returned", "exception")
DATA: dict[str, st.SearchStrategy[Any]] = {
    "order.placed": PLACED,
    "order.paid": st.tuples(one_of({}, {"amount": "11"})),
    "order.deadline_changed": st.tuples(
        one_of({"ship_by": ms("50h")}, {"ship_by": ms("90h")}, {"ship_by": "2026-01-06"})
    ),
    "order.shipped": SHIPPED,
    "order.cancelled": st.tuples(one_of({"by": "buyer"}, {"by": "seller", "reason": "stock"}, {}), ITEMS),
    "order.reopened": st.tuples(SHIP_BY),
    "order.voided": st.tuples(one_of({}, {"reason": "test"})),
    "order.returned": st.tuples(one_of({}, {"cause": "buyer"}, {"cause": "undelivered"})),
    "order.refunded": st.tuples(one_of({}, {"amount": "4"}, {"amount": "8"}, {"full": True}, {"full": False}), ITEMS),
    "pickup.collected": st.tuples(NAMES),
    "pickup.failed": st.tuples(NAMES),
    "tracking.updated": st.tuples(
        NAMES,
        one_of(*({"status": each} for each in STATES)),
    ),
}
USUAL = ["order.placed", "order.shipped", "pickup.collected", "tracking.updated"]


@st.composite
def happenings(draw: st.DrawFn) -> TimedEvent:
    kind = draw(st.sampled_from([*DATA, *USUAL, *USUAL]))
    data: dict[str, Any] = {}
    for part in draw(DATA[kind]):
        data |= part
    if data.get("replaces") == "P1" and data.get("tracking_no", "").strip().upper() == "P1":
        del data["replaces"]
    return event(kind, "1", draw(AT), **data)


@st.composite
def thin(draw: st.DrawFn) -> list[TimedEvent]:
    """Mostly what plain orders have, so that the two ways meet often."""
    kinds = draw(st.lists(st.sampled_from(USUAL), min_size=2, max_size=8))
    number = draw(one_of({}, {"tracking_no": "P1"}))
    found = []
    for kind in kinds:
        named = {} if kind == "order.placed" else draw(one_of(number, number, {}))
        status = (
            {"status": draw(st.sampled_from(["in_transit", "delivered", "exception"]))} if "tracking" in kind else {}
        )
        found.append(event(kind, "1", draw(AT), **named, **status))
    return found


HISTORIES = st.lists(happenings(), min_size=1, max_size=9) | thin()


def facts_of(events: Iterable[TimedEvent]) -> OrderFacts:
    facts = OrderFacts()
    for happened, at_ms in events:
        facts, _ = merge(facts, happened, (at_ms, happened.source, happened.id))
    return facts


def by_definition(events: Iterable[TimedEvent]) -> OrderFacts:
    """What follows from all that was said, at once."""
    return facts_from(canonical(statement_of(each, (at_ms, each.source, each.id)) for each, at_ms in events))


@given(st.data())
def test_facts_follow_from_what_was_said_in_any_order_of_arrival_and_any_number_of_times(data):
    events = data.draw(HISTORIES)
    facts = facts_of(data.draw(shuffled_with_repeats(events)))
    assert facts == by_definition(events)
    assert type(facts) is type(by_definition(events))
    assert encode_facts(facts) == encode_facts(by_definition(events))


def test_a_deadline_that_is_moved_to_the_same_by_several_at_once_is_so_in_any_order_of_arrival():
    moves = [event("order.deadline_changed", "1", "5h", ship_by=ms("60h"), id=id) for id in "abc"]
    orders = permutations([event("order.placed", "1"), *moves])
    assert len({encode_facts(facts_of(order)) for order in orders}) == 1


def test_one_of_several_alike_that_is_sent_again_at_another_time_counts_once_in_any_order_of_arrival():
    alike = [event("order.refunded", "1", "5h", amount="4", id=id) for id in "abc"]
    for id, at in (("b", "6h"), ("a", "4h")):
        events = [*alike, event("order.refunded", "1", at, amount="4", id=id)]
        (facts,) = {encode_facts(facts_of(order)): facts_of(order) for order in permutations(events)}.values()
        assert len(facts.statements) == 3


def test_a_deadline_promised_when_the_order_was_placed_and_then_moved_is_so_in_any_order_of_arrival():
    events = [
        event("order.placed", "1", ship_by=ms("60h")),
        event("order.deadline_changed", "1", "5h", ship_by=ms("50h")),
    ]
    assert (
        encode_facts(facts_of(events))
        == encode_facts(facts_of(reversed(events)))
        == encode_facts(by_definition(events))
    )


def test_a_plain_order_takes_a_pickup_and_scans_before_it_is_placed_and_shipped():
    number = {"tracking_no": "P1"}
    events = [
        event("pickup.collected", "1", "30h", **number),
        event("tracking.updated", "1", "40h", status="in_transit", **number),
        event("tracking.updated", "1", "60h", status="delivered", **number),
        event("order.placed", "1"),
        event("order.shipped", "1", "20h", **number),
    ]
    for n in range(1, len(events) + 1):
        assert facts_of(events[:n]).plain


def test_news_of_a_number_that_the_order_is_not_shipped_under_is_kept():
    events = [
        event("pickup.collected", "1", "30h", tracking_no="P1"),
        event("order.placed", "1"),
        event("order.shipped", "1", "20h", tracking_no="P2"),
    ]
    facts = facts_of(events)
    assert [each.fields.get("tracking_no") for each in facts.statements] == [None, "P2", "P1"]
    assert facts == facts_of(reversed(events))


def test_the_history_of_a_number_may_come_before_its_order():
    scans = [event("tracking.updated", "1", f"{n}h", status="info_received", tracking_no="P1") for n in range(1, 13)]
    scans += [event("tracking.updated", "1", f"{n}h", status="in_transit", tracking_no="P1") for n in range(13, 40)]
    placed = event("order.placed", "1")
    assert facts_of([*scans, placed]) == facts_of([placed, *scans])


def test_of_an_order_in_fifteen_parcels_each_counts():
    events = [event("order.placed", "1")]
    for n in range(15):
        events.append(event("order.shipped", "1", f"{n}h", tracking_no=f"P{n}"))
        for hours, status in ((30, "in_transit"), (60, "exception"), (90, "delivered"), (120, "info_received")):
            events.append(event("tracking.updated", "1", f"{hours + n}h", status=status, tracking_no=f"P{n}"))
    facts = facts_of(reversed(events))
    assert facts.delivered is not None
    assert facts.delivered[0] == ms("104h")
    assert all(parcel.delivered and parcel.scanned for parcel in facts.parcels)


@given(st.data())
def test_merging_what_is_known_already_changes_nothing(data):
    events = data.draw(HISTORIES)
    facts = facts_of(events)
    before = encode_facts(facts)
    for happened, at_ms in events:
        assert merge(facts, happened, (at_ms, happened.source, happened.id)) == (facts, 0)
    assert encode_facts(facts) == before


@given(HISTORIES)
def test_facts_survive_being_stored(events):
    facts = facts_of(events)
    stored = decode_facts(encode_facts(facts))
    assert stored == facts
    assert type(stored) is type(facts)


@given(HISTORIES)
def test_a_restart_in_between_changes_nothing(events):
    middle = len(events) // 2
    facts = decode_facts(encode_facts(facts_of(events[:middle])))
    for happened, at_ms in events[middle:]:
        facts, _ = merge(facts, happened, (at_ms, happened.source, happened.id))
    assert facts == facts_of(events)


@given(HISTORIES, st.integers(0, 12))
def test_what_had_happened_by_a_moment_is_what_was_said_by_then(events, n):
    at_ms = ms(f"{12 * n}h")
    then = facts_of(each for each in events if each[1] <= at_ms)
    assert _words(as_of(facts_of(events), at_ms)) == _words(then)


def _words(facts: OrderFacts) -> dict[str, Any]:
    """What rules look at: no shipment before one has gone out. Of news only the last is kept."""
    kept = {name: getattr(facts, name) for name in OrderFacts.__struct_fields__ if name not in ("news", "moved_before")}
    if kept["moved_to_ms"] is None:
        kept["deadline_moved"] = None
    if facts.shipped is None and not facts.parcels:
        kept["shipment"] = None
    return msgspec.to_builtins(kept) | {"sent_back": facts.sent_back, "part_cancelled": facts.part_cancelled}
