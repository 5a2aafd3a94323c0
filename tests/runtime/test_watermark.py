"""A partition's clock in event time."""

from rules.calendar.instants import LONGEST_LEAP_MS, MIN_MS, NEVER
from streams.runtime.watermark import Watermark

INPUTS = ("orders", "pickups", "tracking")


def clock(**seen_ms: int) -> Watermark:
    started = Watermark(INPUTS)
    for topic, newest_ms in seen_ms.items():
        started.observe(topic, newest_ms)
    return started


def test_the_clock_has_not_started_before_every_input_has_been_heard() -> None:
    assert clock(orders=5_000, pickups=6_000).now_ms() == MIN_MS


def test_the_slowest_input_sets_the_clock_and_its_newest_instant_is_still_open() -> None:
    assert clock(orders=5_000, pickups=6_000, tracking=7_000).now_ms() == 4_999


def test_an_older_event_does_not_turn_it_back() -> None:
    heard = clock(orders=5_000, pickups=6_000, tracking=7_000)
    heard.observe("orders", 1_000)
    assert heard.now_ms() == 4_999


def test_a_tick_closes_its_own_instant() -> None:
    heard = clock(orders=5_000, pickups=6_000, tracking=7_000)
    heard.tick("orders", 5_000)
    assert heard.now_ms() == 5_000


def test_an_older_tick_does_not_turn_it_back() -> None:
    heard = clock(orders=5_000, pickups=6_000, tracking=7_000)
    heard.tick("orders", 1_000)
    assert heard.now_ms() == 4_999


def test_once_idle_the_newest_instant_of_the_slowest_input_is_over() -> None:
    assert clock(orders=5_000, pickups=6_000, tracking=7_000).idle_ms() == 5_000


def test_once_idle_it_stays_at_the_ticks_that_all_inputs_have_come_to() -> None:
    heard = clock(orders=1_000)
    for each in INPUTS:
        heard.tick(each, 5_000)
    assert (heard.now_ms(), heard.idle_ms()) == (5_000, 5_000)
    heard.observe("orders", 5_001)
    assert heard.idle_ms() == 5_000
    for each in INPUTS:
        heard.observe(each, 5_001)
    assert (heard.now_ms(), heard.idle_ms()) == (5_000, 5_001)


def test_once_idle_the_newest_instant_is_over_after_a_restart_as_well() -> None:
    before, after = clock(orders=5_000, pickups=6_000, tracking=7_000), clock()
    after.restore(before.through_ms, before.ticked_ms)
    assert (after.now_ms(), after.idle_ms()) == (4_999, 5_000)


def test_once_idle_a_tick_on_one_input_speaks_for_the_partition() -> None:
    heard = clock(orders=5_000)
    heard.tick("pickups", 9_000)
    assert (heard.now_ms(), heard.idle_ms()) == (MIN_MS, 9_000)


def test_once_idle_without_a_tick_an_input_never_heard_still_holds_it() -> None:
    assert clock(orders=5_000).idle_ms() == MIN_MS


def test_the_shops_topic_may_tick_but_its_events_are_no_clock() -> None:
    heard = clock(orders=5_000, pickups=6_000, tracking=7_000)
    heard.observe("shops", 1_000)
    assert heard.now_ms() == 4_999
    heard.tick("shops", 9_000)
    assert (heard.now_ms(), heard.idle_ms()) == (4_999, 9_000)


NOW_MS = 10 * LONGEST_LEAP_MS


def test_before_anything_has_been_heard_any_time_is_believed() -> None:
    assert clock().believed_to_ms("orders", NOW_MS) == NEVER


def test_a_leap_is_measured_from_the_newest_that_any_input_has_heard() -> None:
    heard = clock(orders=5_000, pickups=7_000, tracking=6_000)
    assert {heard.believed_to_ms(each, NOW_MS) for each in INPUTS} == {7_000 + LONGEST_LEAP_MS}


def test_a_tick_is_something_heard_too() -> None:
    heard = clock(orders=5_000, pickups=7_000, tracking=6_000)
    heard.tick("shops", 9_000)
    assert heard.believed_to_ms("orders", NOW_MS) == 9_001 + LONGEST_LEAP_MS


def test_an_input_that_has_not_been_heard_may_begin_anywhere_up_to_now() -> None:
    assert clock(orders=5_000).believed_to_ms("tracking", NOW_MS) == NOW_MS + 1 + LONGEST_LEAP_MS
    assert clock(orders=5_000).believed_to_ms("tracking", 0) == 5_000 + LONGEST_LEAP_MS


def test_what_is_no_part_of_the_clock_may_be_of_any_time_up_to_now() -> None:
    heard = clock(orders=5_000, pickups=7_000, tracking=6_000)
    assert heard.believed_to_ms("shops", NOW_MS) == NOW_MS + 1 + LONGEST_LEAP_MS
