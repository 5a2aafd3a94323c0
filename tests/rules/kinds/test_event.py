"""What a clause punishes by itself, at once; and where such happenings come from."""

import pytest

from rules.engine.engine import Engine
from tests.rules.history import (
    book,
    brief,
    by_order,
    cancelled,
    drained,
    emitted_of,
    event,
    late_ship,
    ms,
    placed,
    rule,
    shipped,
    stood,
    tick,
)


def occurrence(of, *more, **parts):
    return book(*more, rule("event", "it", stages=("crossed",), of=of, lasts="48h", **parts))


def frozen(of, **sanction):
    parts = {"of": of, "sanction": {"name": "frozen", **sanction}}
    return book(rule("event", "it", stages=("active",), **parts))


def violation(at="1h", kind="fake_orders", **more):
    return event("violation.recorded", more.pop("order", None), at, kind=kind, **more)


def test_each_violation_is_shown_for_its_time():
    alerts = emitted_of("it", occurrence({"violation": ["fake_orders"]}), [violation("1h"), violation("2h")], "100h")
    assert brief(alerts) == [
        "1h opened crossed happened",
        "2h opened crossed happened",
        "49h resolved crossed period_ended",
        "50h resolved crossed period_ended",
    ]
    assert alerts[0].data.evidence["events"][0]["kind"] == "fake_orders"


def test_violations_of_other_kinds_and_those_that_count_for_nothing_are_passed_by():
    rules = occurrence({"violation": ["fake_orders"]})
    assert emitted_of("it", rules, [violation(kind="counterfeit"), violation(count=0)]) == []


@pytest.mark.parametrize("severe", [True, False])
def test_only_severe_ones_or_only_others(severe):
    rules = occurrence({"violation": ["fake_orders"], "severe": severe})
    [alert] = emitted_of("it", rules, [violation("1h"), violation("2h", severe=True)])
    assert brief([alert]) == ["2h opened crossed happened" if severe else "1h opened crossed happened"]


def test_a_sanction_is_in_force_for_its_time():
    rules = frozen({"violation": ["fake_orders"]}, lasts="7d")
    alerts = emitted_of("it", rules, [violation("1h")], "200h")
    assert brief(alerts) == ["1h opened active sanction_started", "169h resolved active sanction_ended"]
    assert alerts[0].data.until == "2026-01-08T01:00:00Z"
    assert [each["name"] for each in stood(rules, [violation("1h")], "168h")["sanctions"]] == ["frozen"]
    assert stood(rules, [violation("1h")], "169h")["sanctions"] == []


def test_a_sanction_for_good_has_no_end():
    rules = frozen({"violation": ["fake_orders"]})
    [alert] = emitted_of("it", rules, [violation("1h")], "9000h")
    assert alert.data.until is None
    assert stood(rules, [violation("1h")], "9000h")["sanctions"][0]["until"] is None


def test_orders_that_meet_a_condition_are_told_at_the_instant_of_their_fact():
    rules = occurrence({"orders": {"parcel": "label", "is": "own"}, "at": "shipped"})
    alerts = emitted_of(
        "it", rules, [placed("1"), placed("2"), shipped("1", "5h", label="own"), shipped("2", "6h")], "9h"
    )
    assert by_order(alerts) == [("1", "5h opened crossed happened")]


def test_an_order_missed_once_and_then_found_in_time_is_taken_back():
    rules = occurrence({"missed": "joom.late"}, late_ship())
    alerts = emitted_of("it", rules, [placed(), tick("80h"), shipped(at="70h")], "90h")
    assert brief(alerts) == ["72h opened crossed happened", "80h resolved crossed evidence_arrived"]


def test_every_order_but_the_first_under_a_tracking_number_has_used_it_again():
    rules = occurrence({"reused": "tracking_no"})
    events = [
        shipped("1", "1h", tracking_no="N"),
        shipped("2", "2h", tracking_no="N"),
        shipped("3", "2h", tracking_no="M"),
    ]
    assert by_order(emitted_of("it", rules, events)) == [("2", "2h opened crossed happened")]


def test_the_first_under_a_number_may_be_heard_of_last():
    rules = occurrence({"reused": "tracking_no"})
    events = [shipped("2", "2h", tracking_no="N"), tick("3h"), shipped("1", "1h", tracking_no="N")]
    assert by_order(emitted_of("it", rules, events)) == [("2", "3h opened crossed happened")]


def test_the_proof_that_a_number_was_used_again_is_kept_while_it_is_shown():
    rules = book(rule("event", "it", stages=("crossed",), of={"reused": "tracking_no"}, lasts="90d"))
    engine = Engine(rules, stepping=True)
    for order, at in (("1", "0h"), ("2", "900h")):
        engine.apply(*shipped(order, at, tracking_no="N"))
    for day in range(120):
        engine.advance(ms(f"{24 * day}h"))
        if day == 100:
            assert set(engine.shop("joom", "s1").orders) == {"1", "2"}
    engine.advance(ms("11000h"))
    assert brief(drained(engine)) == ["900h opened crossed happened", "3060h resolved crossed period_ended"]
    assert engine.shop("joom", "s1").orders == {}


def test_a_promotion_dearer_than_the_price_before_it():
    rules = occurrence({"promotion": "above_price"})
    prices = [event("price.changed", None, "1h", sku="A", price="10")]
    promotions = [
        event("promotion.scheduled", None, f"{n}h", sku=sku, price=price)
        for n, (sku, price) in enumerate([("A", "10"), ("A", "10.01"), ("B", "99")], start=2)
    ]
    alerts = emitted_of("it", rules, [*prices, *promotions])
    assert brief(alerts) == ["3h opened crossed happened"]
    assert alerts[0].data.alert == "joom.it:joom/s1:A:2026-01-01T03:00:00Z"


def test_what_is_known_ahead_of_the_clock_is_told_in_its_time():
    engine = Engine(occurrence({"violation": ["fake_orders"]}), stepping=True)
    engine.apply(*violation("5h"))
    engine.advance(ms("4h"))
    assert drained(engine) == []
    engine.advance(ms("5h"))
    assert brief(drained(engine)) == ["5h opened crossed happened"]


def test_an_order_cancelled_by_the_seller_is_told_of_and_by_the_buyer_is_not():
    rules = occurrence({"orders": {"has": "cancelled", "by": ["seller"]}, "at": "cancelled"})
    events = [placed("1"), placed("2"), cancelled("1", "1h", by="seller"), cancelled("2", "1h", by="buyer")]
    assert by_order(emitted_of("it", rules, events)) == [("1", "1h opened crossed happened")]
