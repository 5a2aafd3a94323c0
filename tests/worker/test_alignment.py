"""Of a backlog, the inputs of a partition are read abreast in event time."""

from faust.types import TP

from rules.instants import HOUR_MS
from streams.alignment import Alignment
from tests.worker.support import START_MS, event, record, tick

ORDERS, PICKUPS, TRACKING = (TP(topic, 2) for topic in ("orders", "pickups", "tracking"))
INPUTS = {ORDERS, PICKUPS, TRACKING}
MORE = dict.fromkeys(INPUTS, 1)


def read(hours: dict[TP, int]) -> Alignment:
    """One that has read inputs so many hours far."""
    alignment = Alignment({tp.topic for tp in INPUTS})
    for tp, hour in hours.items():
        alignment.read(tp, [record(tp.topic, event("order.placed", START_MS + hour * HOUR_MS))])
    return alignment


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
    assert read({}).abreast(INPUTS, {}) == INPUTS
    assert read({ORDERS: 1}).abreast(INPUTS, MORE) == INPUTS


def test_one_partition_does_not_wait_for_another() -> None:
    other = TP("pickups", 3)
    assert read({ORDERS: 1, other: 90}).abreast({ORDERS, other}, {ORDERS: 1, other: 1}) == {ORDERS, other}


def test_an_input_that_was_ahead_is_read_on_when_the_others_have_caught_up() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90})
    alignment.read(ORDERS, [record("orders", event("order.placed", START_MS + 100 * HOUR_MS))])
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}


def test_a_tick_says_how_far_an_input_is_and_what_cannot_be_read_says_nothing() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90})
    alignment.read(ORDERS, [record("orders", b"{")])
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS}
    alignment.read(ORDERS, [record("orders", None), record("orders", tick(START_MS + 91 * HOUR_MS))])
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {PICKUPS}


def test_changelogs_are_always_read() -> None:
    facts = TP("shipclock-facts", 2)
    alignment = read({ORDERS: 1, facts: 90})
    assert alignment.abreast({ORDERS, facts}, {ORDERS: 1, facts: 1}) == {ORDERS, facts}


def test_after_a_rebalance_nothing_is_known_any_more() -> None:
    alignment = read({ORDERS: 1, PICKUPS: 90})
    alignment.forget()
    assert alignment.abreast({ORDERS, PICKUPS}, MORE) == {ORDERS, PICKUPS}
