"""Of a backlog, the inputs of a partition are read abreast in event time."""

from pathlib import Path
from typing import Literal

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS, LONGEST_LEAP_MS
from streams.app import create
from streams.runtime.alignment import HEAD_START, Alignment
from streams.settings import Settings
from tests.runtime.support import PARTITIONS, START_MS, book, event, record, tick

ORDERS, PICKUPS, TRACKING = (TP(topic, 2) for topic in ("orders", "pickups", "tracking"))
INPUTS = {ORDERS, PICKUPS, TRACKING}
NOW_MS = START_MS + 9_000 * HOUR_MS
MORE = dict.fromkeys(INPUTS, 1)


def read(hours: dict[TP, int]) -> Alignment:
    """One that has read inputs so many hours far."""
    alignment = Alignment(["orders", "pickups", "tracking"])
    for tp, hour in hours.items():
        come(alignment, tp, event("order.placed", START_MS + hour * HOUR_MS))
    return alignment


def come(alignment: Alignment, tp: TP, *values: bytes | None) -> None:
    alignment.read(tp, [record(tp.topic, value) for value in values], NOW_MS)


def test_inputs_that_are_ahead_wait_for_the_one_that_is_behind() -> None:
    assert read({ORDERS: 1, PICKUPS: 90, TRACKING: 7}).abreast(INPUTS, MORE) == {ORDERS}


def test_inputs_that_have_come_equally_far_are_read_together() -> None:
    assert read({ORDERS: 1, PICKUPS: 1, TRACKING: 7}).abreast(INPUTS, MORE) == {ORDERS, PICKUPS}


def test_nobody_waits_for_an_input_of_which_all_has_been_read() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90, TRACKING: 7})
    assert alignment.abreast(INPUTS, MORE | {ORDERS: 0}) == {ORDERS, TRACKING}
    assert alignment.abreast(INPUTS, dict.fromkeys(INPUTS, 0)) == INPUTS


def test_nobody_waits_for_an_input_that_is_paused() -> None:
    assert read({ORDERS: 1, PICKUPS: 90}).abreast({PICKUPS}, MORE) == {PICKUPS}


def test_an_input_of_which_nothing_is_known_yet_is_read_and_holds_nobody_back() -> None:
    assert read({ORDERS: 1, PICKUPS: 1}).abreast(INPUTS, MORE | {ORDERS: 0}) == INPUTS


def test_orders_have_a_head_start_so_that_news_finds_the_order_it_is_about() -> None:
    alignment = read({})
    assert alignment.abreast(INPUTS, {}) == {ORDERS}
    for hour in range(HEAD_START):
        assert alignment.abreast(INPUTS, MORE) == {ORDERS}
        come(alignment, ORDERS, event("order.placed", START_MS + hour * HOUR_MS))
    assert alignment.abreast(INPUTS, MORE) == INPUTS


def test_the_head_start_is_over_when_all_orders_are_read_or_their_input_is_paused() -> None:
    assert read({}).abreast(INPUTS, {ORDERS: 0}) == INPUTS
    assert read({ORDERS: 1}).abreast(INPUTS, MORE | {ORDERS: 0}) == INPUTS
    assert read({}).abreast({PICKUPS, TRACKING}, MORE) == {PICKUPS, TRACKING}


def test_orders_that_cannot_be_read_use_up_the_head_start_too() -> None:
    alignment = read({})
    for _ in range(HEAD_START):
        come(alignment, ORDERS, b"{")
    assert alignment.abreast(INPUTS, MORE) == INPUTS


def test_an_event_that_leaps_says_nothing() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 7})
    come(alignment, ORDERS, event("order.placed", START_MS + HOUR_MS + LONGEST_LEAP_MS + 1))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS}


def test_news_wait_while_another_fetch_could_take_them_past_the_orders_they_are_about() -> None:
    alignment = read({ORDERS: 10, PICKUPS: 1})
    come(alignment, PICKUPS, event("pickup.collected", START_MS + 6 * HOUR_MS))  # five hours in one fetch
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS}
    come(alignment, ORDERS, event("order.placed", START_MS + 11 * HOUR_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS, PICKUPS}
    come(alignment, ORDERS, event("order.placed", START_MS + 17 * HOUR_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}


def test_what_the_first_fetch_covers_is_known_by_its_first_record() -> None:
    news = [event("pickup.collected", START_MS + hour * HOUR_MS) for hour in (1, 6)]
    for first, read_on in (([], {ORDERS}), ([b"{"], {PICKUPS})):
        alignment = read({ORDERS: 10})
        come(alignment, PICKUPS, *first, *news)
        assert alignment.abreast({ORDERS, PICKUPS}, MORE) == read_on


def test_a_fetch_that_is_handed_out_in_two_is_not_taken_for_a_short_one() -> None:
    alignment = read({ORDERS: 10, PICKUPS: 1})
    for hour, read_on in ((6, {ORDERS}), (7, {ORDERS}), (8, {ORDERS, PICKUPS})):  # five hours, then one, and one
        come(alignment, PICKUPS, event("pickup.collected", START_MS + hour * HOUR_MS))
        assert alignment.abreast({ORDERS, PICKUPS}, MORE) == read_on


@given(
    st.dictionaries(st.sampled_from(sorted(INPUTS)), st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1),
    st.sets(st.sampled_from(sorted(INPUTS))),
)
def test_some_input_that_has_records_is_always_read(hours: dict[TP, list[int]], done: set[TP]) -> None:
    alignment = read({})
    for tp, times in hours.items():
        for hour in times:
            come(alignment, tp, event("order.placed", START_MS + hour * HOUR_MS))
    left = MORE | dict.fromkeys(done, 0)
    assert done == INPUTS or alignment.abreast(INPUTS, left) - done


def test_one_partition_does_not_wait_for_another() -> None:
    other = TP("pickups", 3)
    assert read({ORDERS: 1, other: 90}).abreast({ORDERS, other}, {ORDERS: 1, other: 1}) == {ORDERS, other}


def test_an_input_that_was_ahead_is_read_on_when_the_others_have_caught_up() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90})
    come(alignment, ORDERS, event("order.placed", START_MS + 100 * HOUR_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}


def test_a_tick_says_how_far_an_input_is_and_what_cannot_be_read_says_nothing() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90})
    come(alignment, ORDERS, b"{")
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS}
    come(alignment, ORDERS, None, tick(START_MS + 91 * HOUR_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}


def test_an_input_is_as_far_as_the_latest_it_brought_whatever_comes_late_or_out_of_the_future() -> None:
    alignment = read({ORDERS: 5, PICKUPS: 4})
    come(alignment, ORDERS, event("order.placed", START_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}
    come(alignment, PICKUPS, event("pickup.collected", NOW_MS + HOUR_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}


@pytest.mark.parametrize(("clock", "read_on"), [("event", {ORDERS}), ("wall", {ORDERS, PICKUPS})])
def test_only_in_event_time_does_an_input_wait_for_another(
    tmp_path: Path, clock: Literal["event", "wall"], read_on: set[TP]
) -> None:
    """In wall time old scans that somebody imports keep no order from its deadline."""
    settings = Settings(broker="kafka://127.0.0.1:1", clock=clock, datadir=tmp_path)
    alignment = create(settings, book(), PARTITIONS).consumer._thread._alignment
    come(alignment, ORDERS, event("order.placed", START_MS))
    come(alignment, PICKUPS, event("pickup.collected", START_MS + HOUR_MS))
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == read_on


def test_shops_own_events_which_no_clock_goes_by_wait_for_nobody_and_hold_nobody_back(tmp_path: Path) -> None:
    settings = Settings(broker="kafka://127.0.0.1:1", clock="event", datadir=tmp_path)
    alignment, shops = create(settings, book(), PARTITIONS).consumer._thread._alignment, TP("shops", 2)
    come(alignment, ORDERS, event("order.placed", START_MS + HOUR_MS))
    come(alignment, shops, event("shop.profile", START_MS, order=None))
    assert alignment.abreast({ORDERS, shops}, {ORDERS: 1, shops: 1}) == {ORDERS, shops}


def test_changelogs_are_always_read() -> None:
    facts = TP("shipclock-facts", 2)
    alignment = read({ORDERS: 1, facts: 90})
    assert alignment.abreast({ORDERS, facts}, {ORDERS: 1, facts: 1}) == {ORDERS, facts}


def test_after_a_rebalance_nothing_is_known_any_more() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90})
    alignment.forget()
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS}  # which has its head start again
