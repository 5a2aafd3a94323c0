"""A worker that restarts, evaluates a few orders at a time and hears in between what is new, or what it has heard
before, comes to what one does that never restarts, whether its orders are encoded and leave memory or not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine import quiet_orders
from rules.engine.engine import Engine
from rules.reports.standing import standings
from tests.rules.engine.test_encoded_orders import Encodes, EncodesAndForgets
from tests.rules.engine.test_eviction import AFTERWARDS, at_once, orders_of
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, computed_of, fewer
from tests.rules.histories import Worker, apply, assert_well_formed, open_alerts
from tests.rules.history import TimedEvent
from tests.rules.made_up_rules import order_lives
from tests.rules.shop_histories import shop_commit_cycles

__all__ = ["at_once"]


def in_slices(worker: Worker, to_ms: int, limit: int) -> None:
    while not worker.engine.advance(to_ms, limit=limit):
        worker.write()
    worker.write()


def restarted_with_news(before: Worker, news: list[TimedEvent], limit: int) -> Worker:
    """Restarted; each event comes after some of the orders that came back were evaluated."""
    worker = before.restarted(before.alerts)
    for each in news:
        worker.engine.settle(limit=limit)
        apply(worker.engine, [each])
    return worker


def derived(engine: Engine) -> dict[Any, Any]:
    """What is derived of each order. When its timer fires, and which ended alerts are kept of it, may differ."""
    return {
        key: {name: value for name, value in slots.items() if name not in ("alerts", "scheduled_ms")}
        for key, slots in orders_of(engine).items()
    }


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.sampled_from([Worker, Encodes, EncodesAndForgets]), st.integers(1, 3), st.data())
@fewer
def test_news_between_the_slices_after_a_restart_changes_nothing(
    platform: str, stepping: bool, kind: type[Worker], limit: int, data: st.DataObject
) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    restarts = data.draw(st.sets(st.integers(1, len(lived)), min_size=1, max_size=2))
    keeps, restarts_often = Worker(RULES[platform], stepping), kind(RULES[platform], stepping)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quiet_orders, "QUIET_MS", 0)
        for n, (events, to_ms) in enumerate([*lived, *AFTERWARDS]):
            keeps.commit_cycle(events, to_ms)
            if n in restarts:
                heard_before = lived[n - 1][0]
                restarts_often = restarted_with_news(restarts_often, [*heard_before, *events], limit)
            else:
                apply(restarts_often.engine, events)
            in_slices(restarts_often, to_ms, limit)
    assert keeps.kept() == restarts_often.kept()
    assert open_alerts(keeps.alerts) == open_alerts(restarts_often.alerts)
    assert_well_formed(restarts_often.alerts)
    assert derived(keeps.engine) == derived(restarts_often.engine)
    assert computed_of(keeps.engine) == computed_of(restarts_often.engine)
    assert standings(keeps.engine) == standings(restarts_often.engine)
