"""The timer queue: whatever is scheduled comes due at its own instant, near or far, in order and once."""

from math import inf
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS, NEVER
from rules.engine import timer_queue
from rules.engine.timer_queue import TimerQueue
from rules.state.shop import Order, Shop
from tests.rules.engines import engine

TARGETS = 4
"""Orders; and their shop is one more."""
INSTANTS = st.integers(-3, 12).map(lambda quarter: quarter * HOUR_MS // 4)


def shop_with_orders(*names: str) -> Shop:
    shop = engine().shop("joom", "s1")
    shop.orders = {name: Order(name, shop) for name in names}
    return shop


def fired(timers: TimerQueue, to_ms: int) -> list[tuple[int, str]]:
    """What comes due by then: `(due_ms, order)`, of the shop "shop"."""
    found = []
    while (due_ms := timers.next_ms(to_ms)) <= to_ms:
        target = timers.pop()
        if target is not None:
            found.append((due_ms, "shop" if isinstance(target, Shop) else target.id))
    return found


@given(st.lists(st.tuples(st.integers(0, TARGETS), INSTANTS, st.none() | INSTANTS)))
def test_each_target_comes_due_once_at_the_earliest_instant_it_was_scheduled_for(
    steps: list[tuple[int, int, int | None]],
) -> None:
    timers, names = TimerQueue(), [*map(str, range(TARGETS)), "shop"]
    shop = shop_with_orders(*names[:-1])
    scheduled: dict[str, int] = {}
    for n, next_eval_ms, to_ms in steps:
        name = names[n]
        if name == "shop":
            timers.schedule_shop(shop, next_eval_ms)
        else:
            timers.schedule(shop.orders[name], next_eval_ms)
        scheduled[name] = min(next_eval_ms, scheduled.get(name, next_eval_ms))
        if to_ms is not None:
            due = [(at_ms, name) for name, at_ms in scheduled.items() if at_ms <= to_ms]
            found = fired(timers, to_ms)
            assert found == sorted(found, key=lambda each: each[0])
            assert sorted(found) == sorted(due)
            scheduled = {name: at_ms for name, at_ms in scheduled.items() if at_ms > to_ms}
    assert sorted(fired(timers, NEVER - 1)) == sorted((at_ms, name) for name, at_ms in scheduled.items())
    assert timers.next_ms(NEVER - 1) == NEVER


@given(
    st.lists(st.tuples(st.integers(0, TARGETS), INSTANTS)),
    INSTANTS,
    INSTANTS,
    st.integers(1, 3),
    st.sampled_from([0.0, 0.5, 1.0, inf]),
)
def test_timers_taken_in_one_go_are_those_taken_one_by_one(
    scheduled: list[tuple[int, int]], first_ms: int, to_ms: int, most: int, merged_share: float
) -> None:
    taken = []
    for in_one_go in (True, False):
        timers, names = TimerQueue(), [*map(str, range(TARGETS)), "shop"]
        shop = shop_with_orders(*names[:-1])
        found: list[str] = []
        for due_ms, steps in (
            (first_ms, scheduled),
            (to_ms, scheduled[::2]),
        ):  # some are added to the hour that is sorted
            for n, next_eval_ms in steps:
                if names[n] == "shop":
                    timers.schedule_shop(shop, next_eval_ms)
                else:
                    timers.schedule(shop.orders[names[n]], next_eval_ms)
            if in_one_go:
                while timers.next_ms(due_ms) <= due_ms:
                    with patch.object(timer_queue, "MERGED_SHARE", merged_share):
                        targets = timers.pop_due(due_ms, most)
                    assert len(targets) <= most
                    found += ["shop" if isinstance(each, Shop) else each.id for each in targets]
            else:
                found += [name for _, name in fired(timers, due_ms)]
        taken.append((found, timers.next_ms(NEVER - 1)))
    assert taken[0] == taken[1]


def test_what_is_scheduled_sooner_than_the_next_timer_comes_due_before_it_and_all_after_it_in_time():
    timers, shop = TimerQueue(), shop_with_orders("far", "a little further", "sooner", "soonest")
    far, further, sooner, soonest = shop.orders.values()
    timers.schedule(far, 720 * HOUR_MS)
    timers.schedule(further, 720 * HOUR_MS + 1)
    assert timers.next_ms(720 * HOUR_MS) == 720 * HOUR_MS
    timers.schedule(sooner, 49 * HOUR_MS)
    timers.schedule(soonest, 48 * HOUR_MS)
    assert [name for _, name in fired(timers, NEVER - 1)] == ["soonest", "sooner", "far", "a little further"]
    assert all(order.scheduled_ms == NEVER for order in shop.orders.values())


def test_the_timer_of_an_order_that_is_gone_fires_no_more() -> None:
    timers, shop = TimerQueue(), shop_with_orders("gone", "there")
    for name in ("gone", "there"):
        timers.schedule(shop.orders[name], 48 * HOUR_MS)
    del shop.orders["gone"]
    assert [order.id for order in timers.waiting()] == ["there"]
    assert fired(timers, NEVER - 1) == [(48 * HOUR_MS, "there")]
