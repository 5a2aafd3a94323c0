"""Which orders and alerts the engine drops, and when."""

import pytest

from rules.calendar.instants import DAY_MS
from rules.engine import retention
from rules.engine.engine import Engine
from rules.engine.restore import restore_alert
from rules.plan.shop_plan import RETAINED_BEYOND_MS
from rules.reports.standing import standings
from tests.rules.engines import FULL, LATE, MARKS, SHARE, apply, engine
from tests.rules.history import (
    book,
    drained,
    late_ship,
    ms,
    placed,
    shipped,
)

LATER = ms("2400h")


def expire(made: Engine, at_ms: int) -> list[str]:
    """Moves the clock on until orders have expired; returns which."""
    gone = []
    for day in range(16):
        made.advance(at_ms + day * DAY_MS)
        gone += [order.id for order in made.drain().expired]
    return gone


def test_spent_orders_expire_and_no_ratio_in_a_window_changes():
    made = engine(FULL, placed("done"), shipped("done", "5h"), placed("open"), placed("new", "2390h"))
    made.advance(ms("1h"))
    before = standings(made)[0]["metrics"]["own-share"]["denominator"]
    made.advance(ms("600h"))
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == before == 2
    assert expire(made, LATER) == ["done"]
    assert set(made.shops["joom", "s1"].orders) == {"open", "new"}
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == 1


def test_an_order_in_some_window_is_kept_whatever_its_age():
    made = engine(book(late_ship(), SHARE), placed(), shipped(at="5h"))
    kept_ms = RETAINED_BEYOND_MS + 30 * DAY_MS
    assert expire(made, ms("5h") + kept_ms - 17 * DAY_MS) == []
    assert expire(made, ms("5h") + kept_ms + 16 * DAY_MS) == ["1"]


def test_an_order_with_an_open_alert_or_a_mark_that_counts_is_kept():
    made = engine(book(late_ship(), MARKS), placed("open"), placed("marked"), shipped("marked", "100h"))
    assert expire(made, LATER) == []


def test_an_order_spoken_of_lately_is_kept():
    made = engine(LATE, placed())
    made.advance(LATER)
    apply(made, shipped(at="5h"))
    assert expire(made, LATER) == []
    assert expire(made, LATER + RETAINED_BEYOND_MS + 10 * DAY_MS) == ["1"]


def test_alerts_whose_orders_facts_are_gone_are_forgotten_too():
    made = engine(LATE, placed(), shipped(at="80h"))
    made.advance(ms("90h"))
    fresh = Engine(LATE, stepping=False)
    restore_alert(fresh, drained(made)[-1])
    assert expire(fresh, LATER) == [], "there are no facts to delete"
    assert fresh.shops["joom", "s1"].orders == {}


def test_it_is_said_which_alerts_are_forgotten_with_their_order_also_of_one_without_facts():
    made = engine(LATE, placed(), shipped(at="80h"), placed("open"))
    made.advance(ms("90h"))
    resolved = next(alert for alert in drained(made) if alert.type == "alert.resolved")
    fresh = Engine(LATE, stepping=False)
    restore_alert(fresh, resolved)
    for each in (made, fresh):
        forgotten = []
        for day in range(16):
            each.advance(LATER + day * DAY_MS)
            forgotten += each.drain().forgotten
        assert forgotten == [resolved.data.alert]


def test_orders_are_gone_through_only_where_something_is_old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    is_expired = retention._is_expired
    monkeypatch.setattr(retention, "_is_expired", lambda *of: looked_at.append(of[0].id) or is_expired(*of))
    made = engine(LATE, placed(), shipped(at="5h"), placed("2", "700h"))
    assert expire(made, ms("5h") + RETAINED_BEYOND_MS - 20 * DAY_MS) == looked_at == []
    assert expire(made, ms("5h") + RETAINED_BEYOND_MS + 10 * DAY_MS) == ["1"]
    assert set(looked_at) == {"1", "2"}


def test_an_order_that_expires_before_it_was_written_is_still_to_be_written():
    made = engine(LATE, placed(), shipped(at="5h"))
    made.advance(LATER)
    changes = made.drain()
    assert [order.id for order in changes.orders] == [order.id for order in changes.expired] == ["1"]
