"""A resolved alert says what ended it, with the figures as of then."""

from typing import Any

import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from tests.rules.conformance.example import Example
from tests.rules.conformance.examples import examples
from tests.rules.history import (
    TimedEvent,
    book,
    cancelled,
    event,
    late_ship,
    moved,
    ms,
    placed,
    refunded,
    rule,
    run,
    scanned,
    shipped,
)

WARNED = late_ship(ship_by=True, warn=[{"before": "24h", "severity": "info"}])
SILENT = rule("silence", "silent", after=["shipped", "news"], until=["delivered"], within="48h")


def last_of(rules: Any, events: list[TimedEvent], until: str = "200h") -> tuple[str, str]:
    """The reason of the last resolved record, and what it says."""
    *_, last = [each.data for each in run(rules, events, until) if each.data.state == "resolved"]
    return last.reason, last.summary


@pytest.mark.parametrize(
    ("events", "reason", "says"),
    [
        ([shipped(at="75h")], "fulfilled", "Order 1 was shipped 3 h late"),
        ([shipped(at="72h"), shipped(at="60h")], "fulfilled", "Order 1 was shipped in time"),
        ([shipped(at="4330m")], "fulfilled", "Order 1 was shipped 10 min late"),
        ([shipped(at="180h")], "fulfilled", "Order 1 was shipped 4.5 days late"),
        ([cancelled(at="60h")], "cancelled", "Order 1 was cancelled"),
        ([cancelled(at="75h")], "cancelled", "Order 1 was cancelled 3 h past its deadline"),
        ([event("order.voided", "1", "80h")], "voided", "Order 1 was voided"),
        (
            [moved(at="60h", to="150h"), shipped(at="100h")],
            "deadline_moved",
            "Order 1 has until 2026-01-07T06:00:00Z now",
        ),
        ([placed("2", "80h"), shipped(at="70h")], "evidence_arrived", "Order 1 was shipped in time, as is known now"),
    ],
)  # fmt: skip
def test_of_a_deadline_it_says_what_was_done_and_how_late(events: list[TimedEvent], reason: str, says: str):
    assert last_of(book(WARNED), [placed(), *events], "199h") == (reason, says)


def test_of_a_parcel_that_another_stands_for_it_says_the_others_deadline():
    pickup = rule("deadline", "pickup", **{"from": "shipped"}, until=["collected"], within="24h")
    again = [shipped(at="1h", tracking_no="P1"), shipped(at="30h", tracking_no="P2", replaces="P1")]
    says = "Order 1 has until 2026-01-03T06:00:00Z now"
    assert last_of(book(pickup), [placed(), *again], "40h") == ("deadline_moved", says)


@pytest.mark.parametrize(
    ("at", "says"), [("60h", "Order 1 was refunded"), ("75h", "Order 1 was refunded 3 h past its deadline")]
)
def test_a_refund_keeps_no_deadline_so_it_is_neither_in_time_nor_late(at: str, says: str):
    rules = book(late_ship(until=["shipped", "refunded"], warn=[{"before": "24h", "severity": "info"}]))
    assert last_of(rules, [placed(), refunded(at=at)], "100h") == ("fulfilled", says)


def test_of_a_silence_it_says_that_there_is_news():
    events = [placed(), shipped(), scanned(at="50h")]
    assert last_of(book(SILENT), events, "60h") == ("fulfilled", "Order 1 has news 2 h late")
    assert last_of(book(SILENT), [*events[:2], scanned(at="60h", status="delivered")], "61h") == (
        "fulfilled",
        "Order 1 was delivered 12 h late",
    )


def test_of_a_rule_that_the_shop_no_longer_has_it_says_so():
    rules = book(late_ship(programmes=["plus"]))
    programme = {at: event("shop.profile", None, at, programme=name) for at, name in (("0h", "plus"), ("80h", "basic"))}
    events = [programme["0h"], placed(), programme["80h"]]
    assert last_of(rules, events) == ("no_longer_applies", "This rule no longer applies to order 1")


def test_of_a_ratio_it_says_at_how_much_of_how_much_it_is_back():
    share = rule("ratio", "share", numerator={"has": "cancelled"}, window={"length": "30d"}, threshold="5%")
    bad = [placed("0"), cancelled("0"), *(placed(str(n), "2h") for n in range(1, 25))]
    assert last_of(book(share), bad) == ("fell_back", "Back at 5 % of 5 %: 1 of 20 orders")


def test_of_a_count_that_brings_a_sanction_it_says_what_counts_now():
    marks = rule(
        "count", "marks", of={"missed": "joom.late"}, threshold=2, sanction={"name": "suspended", "lasts": "24h"}
    )
    events = [placed("1"), placed("2"), placed("3", "30h")]
    assert last_of(book(late_ship(), marks), events, "140h") == (
        "sanction_ended",
        "suspended has ended; back at 0 of 2",
    )


def test_of_a_level_it_says_where_it_is_back():
    rating = rule("level", "rating", of="rating", below="4.3", near="4.5")
    scores = [event("rating.updated", None, f"{n}h", score=score) for n, score in enumerate(("4.2", "4.4", "4.7"))]
    assert last_of(book(rating), scores) == ("fell_back", "Back at 4.7; the limit is 4.3")


def test_of_a_level_of_points_it_says_the_limit_also_when_all_points_are_cleared():
    feed = {"clause": "own-f", "of": [{"violation": ["fake_orders"]}], "points": 3}
    points = rule("ledger", "points", (), ledger="points", feeds=[feed], expires="24h")
    level = rule("level", "level", of="points", ledger="joom.points", above="2")
    events = [event("violation.recorded", None, "1h", kind="fake_orders", count=1)]
    assert last_of(book(points, level), events) == ("fell_back", "Back at 0; the limit is 2")


@pytest.mark.parametrize("example", [pytest.param(each, id=f"{each.kind}: {each.name}") for each in examples()])
def test_no_kind_says_what_is_wrong_when_it_no_longer_is(example: Example):
    """Whatever the reason: what it said while it was open isn't said again."""
    open_said: dict[str, str] = {}
    for alert in replay(Engine(example.book(), stepping=True), example.life, ms(example.until)):
        data = alert.data
        if data.state == "open":
            open_said[data.alert] = data.summary
        else:
            assert data.summary != open_said[data.alert]
            assert "None" not in data.summary and data.summary == data.summary.strip()
