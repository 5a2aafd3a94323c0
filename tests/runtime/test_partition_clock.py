"""A partition's clock: leaps are set aside, and it is kept over a restart."""

import pytest

from rules.calendar.instants import HOUR_MS, LONGEST_LEAP_MS, MIN_MS, rfc3339
from rules.state.changes import Changes
from rules.state.shop import Order
from streams.kafka.topics import INPUTS
from streams.runtime.changelog import CLOCK_KEY
from streams.runtime.committer import records_of
from tests.runtime.one_partition import apply, orders, partition, reasons
from tests.runtime.support import START_MS, event, tick


def leaps(at_ms: int) -> str:
    return f"time {rfc3339(at_ms)} leaps more than 366 days past everything before it"


FAR_MS = START_MS + LONGEST_LEAP_MS + 1


@pytest.mark.parametrize("batches", [1, 3])
def test_in_event_time_an_event_that_leaps_is_set_aside_and_the_rest_is_as_if_it_were_not_there(batches: int) -> None:
    watched = partition()
    events = [event("order.placed", START_MS), event("order.placed", FAR_MS, "2"), event("order.placed", START_MS, "3")]
    for part in [events] if batches == 1 else [[each] for each in events]:
        apply(watched, *part)
    assert (orders(watched), reasons(watched)) == ({"1", "3"}, [leaps(FAR_MS)])
    assert watched.clock.through_ms["orders"] == START_MS - 1


def test_a_leap_of_366_days_is_none() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS), event("order.placed", FAR_MS - 1, "2"))
    apply(watched, event("order.placed", FAR_MS - 1 + LONGEST_LEAP_MS, "3"))
    assert not watched.dead


@pytest.mark.parametrize("topic", INPUTS)
def test_one_tick_can_not_move_the_clock_to_the_end_of_time(topic: str) -> None:
    watched, far_ms = partition(), START_MS + 73 * LONGEST_LEAP_MS
    apply(watched, event("order.placed", START_MS))
    apply(watched, tick(far_ms), topic=topic, key=b"whoever")
    assert (reasons(watched), watched.clock.ticked_ms) == ([leaps(far_ms)], MIN_MS)


def test_the_first_of_all_is_believed_whatever_its_time_and_is_the_measure_of_the_next() -> None:
    watched = partition()
    apply(watched, event("order.placed", FAR_MS, "1"), event("order.placed", FAR_MS + LONGEST_LEAP_MS + 1, "2"))
    apply(watched, event("order.placed", START_MS, "3"))
    assert (orders(watched), len(watched.dead)) == ({"1", "3"}, 1)


def test_a_leap_is_one_after_a_restart_too() -> None:
    before, after = partition(), partition()
    apply(before, event("order.placed", START_MS))
    after.restore_fact(b'"clock"', before.progress())
    apply(after, event("order.placed", FAR_MS, "2"), event("order.placed", FAR_MS - 1, "3"))
    assert (orders(after), reasons(after)) == ({"3"}, [leaps(FAR_MS)])


def test_ticks_lead_a_partition_that_was_silent_for_years_to_today() -> None:
    watched, steps = partition(), range(1, 4)
    apply(watched, event("order.placed", START_MS))
    apply(watched, *(tick(START_MS + step * LONGEST_LEAP_MS) for step in steps), key=b"whoever")
    apply(watched, event("order.placed", START_MS + 4 * LONGEST_LEAP_MS, "2"))
    assert (orders(watched), watched.dead) == ({"1", "2"}, [])


def test_an_input_whose_log_begins_years_after_the_others_is_read() -> None:
    watched, years_ago_ms = partition(), START_MS - 8 * LONGEST_LEAP_MS
    apply(watched, event("order.placed", years_ago_ms))
    apply(watched, event("tracking.updated", START_MS), topic="tracking")
    apply(watched, event("stock.level", START_MS, data={"on_hand": 1}), topic="shops")
    assert not watched.dead


def test_a_partition_that_has_heard_nothing_has_no_clock_to_keep() -> None:
    assert (partition("event").progress(), partition("wall").progress()) == (None, None)


def test_the_clock_is_kept_when_more_has_been_heard_and_only_then() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS))
    assert watched.progress() is not None
    assert watched.progress() is None


def test_a_wall_clock_is_not_kept_for_less_than_a_minute() -> None:
    watched = partition("wall")
    watched.engine.advance(START_MS)
    assert watched.progress() is not None
    watched.engine.advance(START_MS + 59_999)
    assert watched.progress() is None
    watched.engine.advance(START_MS + 60_000)
    assert watched.progress() is not None


def test_a_wall_clock_by_which_orders_have_expired_is_kept_however_little_it_has_moved() -> None:
    watched = partition("wall")
    watched.engine.advance(START_MS)
    assert watched.progress() is not None
    order = Order("1", watched.engine.shop("joom", "s17"))
    for changes, is_kept in (Changes(orders=[order]), False), (Changes(orders=[order], expired=[order]), True):
        watched.engine.advance(watched.engine.clock_ms + 1)
        assert (CLOCK_KEY in dict(records_of(changes, watched))) is is_kept


def test_the_clock_comes_back_after_a_restart() -> None:
    before, after = partition(), partition()
    apply(before, event("order.placed", START_MS + 1))
    apply(before, tick(START_MS), topic="pickups")
    before.engine.advance(START_MS - HOUR_MS)
    after.restore_fact(b'"clock"', before.progress())
    assert after.engine.clock_ms == START_MS - HOUR_MS
    assert after.clock.through_ms == {"orders": START_MS, "pickups": START_MS, "tracking": MIN_MS}
    assert after.clock.idle_ms() == START_MS, "a tick whose turn had not come is lost in a restart"


def test_a_restored_clock_never_goes_back() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS))
    older = watched.progress()
    watched.engine.advance(START_MS)
    apply(watched, event("order.placed", START_MS + HOUR_MS, "2"))
    watched.restore_fact(b'"clock"', older)
    assert (watched.engine.clock_ms, watched.clock.through_ms["orders"]) == (START_MS, START_MS + HOUR_MS - 1)
