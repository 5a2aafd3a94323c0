"""What an alert about something that happened to an order shows as its proof."""

from typing import Any

from tests.rules.history import book, cancelled, placed, run, shipped


def event_rule(of: dict[str, Any]) -> dict[str, Any]:
    general = {"id": "joom.told", "clause": "own-told", "kind": "event", "source": "test", "confidence": "ours"}
    return {**general, "of": of, "lasts": "30d", "severity": {"crossed": "info"}, "summary": {"crossed": "it happened"}}


def test_a_cancellation_is_proved_by_the_event_that_said_so():
    rules = book(event_rule({"orders": {"has": "cancelled"}, "at": "cancelled"}))
    [alert] = run(rules, [placed(), cancelled(at="5h", id="c-1", by="seller")])
    proof = {"at": "2026-01-01T05:00:00Z", "order": "1", "source": "test", "event": "c-1"}
    assert alert.data.evidence["events"] == [proof]


def test_a_tracking_number_used_again_is_shown_with_the_order_that_had_it_first():
    events = [placed("1"), placed("2"), shipped("1", "5h", tracking_no="YT1"), shipped("2", "6h", tracking_no="YT1")]
    [alert] = run(book(event_rule({"reused": "tracking_no"})), events)
    [proof] = alert.data.evidence["events"]
    assert (proof["order"], proof["tracking_no"], proof["first_used_by"]) == ("2", "YT1", "1")
    assert proof["event"] == "order.shipped:2:6h:YT1"
