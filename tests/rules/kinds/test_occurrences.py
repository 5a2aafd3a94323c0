"""What counts, events and spacing take from a shop's own events."""

from typing import Any

import orjson

from rules.messages.events import decode
from tests.rules.history import START_MS, book, brief, event, rule, run, stood


def alerts_of(kind: str, *events: Any, until: str = "100d", **parts: Any) -> Any:
    stages = {"event": ["crossed"], "spacing": ["due_soon", "overdue"]}[kind]
    severity, summary = dict.fromkeys(stages, "warning"), dict.fromkeys(stages, "it happened")
    written = {"severity": severity, "summary": summary, **parts}
    base = {**rule("count", "own"), "kind": kind}
    return run(book({**base, **written}), events, until=until)


def violation(kind: str, **data: Any) -> Any:
    written = {"type": "violation.recorded", "id": "v1", "source": "test", "platform": "joom", "shop": "s1"}
    return decode(orjson.dumps({**written, "time": START_MS, "data": {"kind": kind, **data}}))


def price(at: str, amount: str, **more: Any) -> Any:
    return event("price.changed", at=at, sku="A1", price=amount, **more)


def promotion(at: str, amount: str, **more: Any) -> Any:
    return event("promotion.scheduled", at=at, sku="A1", price=amount, **more)


def test_the_points_of_an_event_are_those_of_each_time_it_names():
    penalty = {"points": 3, "ledger": "points"}
    parts = {"of": {"violation": ["prohibited_item"]}, "lasts": "1d", "penalty": penalty}
    opened, ended = alerts_of(
        "event",
        violation("prohibited_item", count=2),
        summary={"crossed": "{points} points"},
        **parts,
    )
    assert (opened.data.penalty.points, opened.data.penalty.ledger) == (6, "points")
    assert (opened.data.summary, ended.data.summary) == ("6 points", "It has been shown for its time")


def above_price(*events: Any) -> list[str]:
    return brief(alerts_of("event", *events, until="10d", of={"promotion": "above_price"}, lasts="30d"))


def test_a_promotion_is_held_against_the_price_at_its_start():
    assert above_price(price("0h", "10"), promotion("1h", "11")) == ["1h opened crossed happened"]
    assert above_price(price("0h", "10"), promotion("1h", "10")) == []
    cheaper_later = price("1h", "8", starts_at="2026-02-01T00:00:00Z")
    assert above_price(price("0h", "10"), cheaper_later, promotion("2h", "9", starts_at="2026-01-15T00:00:00Z")) == []
    assert above_price(price("0h", "10"), cheaper_later, promotion("2h", "9", starts_at="2026-02-01T00:00:00Z")) == [
        "2h opened crossed happened"
    ]


def too_soon(*events: Any) -> list[str]:
    return brief(alerts_of("spacing", *events, price_holds="10d"))


def test_the_same_price_said_again_has_not_changed():
    again = [price(f"{24 * day}h", "10") for day in range(20)]
    assert too_soon(*again, promotion("360h", "8")) == []
    changed = price("240h", "9")
    assert too_soon(changed, promotion("360h", "8")) == [
        "360h opened overdue deadline_passed",
        "480h resolved overdue period_ended",
    ]


def test_a_price_that_has_held_ten_days_to_the_hour_is_old_enough():
    assert too_soon(price("0h", "10"), promotion("1h", "8", starts_at="2026-01-11T00:00:00Z")) == []
    assert too_soon(price("0h", "10"), promotion("1h", "8", starts_at="2026-01-10T23:00:00Z")) == [
        "1h opened due_soon deadline_near",
        "239h updated overdue deadline_passed",
        "240h resolved overdue period_ended",
    ]


def chat(at: str, buyer: str, **more: Any) -> Any:
    return event("violation.recorded", at=at, kind="abusive_chat", buyer=buyer, **more)


def points_for_a_week_of(*events: Any) -> float:
    """What a week with two offended buyers costs: a point, severe ones five."""
    weekly = rule(
        "count", "chat", ("crossed",), of={"violation": ["abusive_chat"]}, per="week", distinct="buyer", threshold=2
    )
    feed = {"clause": "own-2", "of": [{"crossed": "joom.chat"}], "points": 1, "severe_points": 5}
    ledger = {"id": "joom.points", "clause": "own-2", "kind": "ledger", "source": "test", "confidence": "ours"}
    stands = stood(book(weekly, {**ledger, "ledger": "points", "feeds": [feed], "expires": "90d"}), events, "9d")
    return float(stands["ledgers"]["points"]["points"])


def test_a_weeks_crossing_is_one_whatever_brought_it_about():
    assert points_for_a_week_of(chat("1h", "x"), chat("2h", "y")) == 1
    assert points_for_a_week_of(chat("1h", "x", count=9), chat("2h", "y", count=15, severe=True)) == 1


def test_what_happened_no_time_at_all_counts_nowhere():
    assert points_for_a_week_of(chat("1h", "x"), chat("2h", "y", count=0)) == 0
