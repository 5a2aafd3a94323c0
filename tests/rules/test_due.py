"""The next deadline of an order, and what meeting it saves."""

from rules.due import next_deadline
from rules.facts import Mark, OrderFacts
from rules.instants import HOUR_MS
from streams import packs

T0 = 1_767_225_600_000
PLAN = packs.load(["joom"]).plan("joom")


def mark(hours: float) -> Mark:
    return T0 + round(hours * HOUR_MS), "erp/1", f"e-{hours}"


def test_an_order_waits_for_its_deadline() -> None:
    due = next_deadline(PLAN, OrderFacts(placed=mark(0)), T0)
    assert due is not None
    assert (due.at_ms, due.rules, due.clauses) == (T0 + 72 * HOUR_MS, ("joom.late_ship",), ("joom-1",))


def test_a_deadline_that_has_passed_is_none_ahead() -> None:
    assert next_deadline(PLAN, OrderFacts(placed=mark(0)), T0 + 72 * HOUR_MS) is None


def test_shipping_leads_to_what_comes_after_it() -> None:
    due = next_deadline(PLAN, OrderFacts(placed=mark(0), shipped=mark(10)), T0 + 10 * HOUR_MS)
    assert due is not None
    assert due.at_ms == T0 + 58 * HOUR_MS
    assert "joom.pickup_timeout" in due.rules and "joom.late_ship" not in due.rules


def test_a_cancelled_order_waits_for_nothing() -> None:
    assert next_deadline(PLAN, OrderFacts(placed=mark(0), cancelled=mark(1)), T0 + HOUR_MS) is None


def test_what_is_known_counts_also_where_the_clock_lags_behind_it() -> None:
    assert next_deadline(PLAN, OrderFacts(placed=mark(0), cancelled=mark(9)), T0 + HOUR_MS) is None


def test_an_order_nothing_is_known_of_waits_for_nothing() -> None:
    assert next_deadline(PLAN, OrderFacts(), T0) is None
