"""Trying again, within bounds, and counting."""

import logging

import pytest

from streams.sinks.delivery import LONGEST_S, Delivery, Rejected, Unavailable
from tests.sinks.support import Naps


class Door:
    """Fails so many times, then takes what it is sent."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures, self.error = failures, error or Unavailable("nobody home")
        self.knocks = 0

    async def __call__(self) -> None:
        self.knocks += 1
        if self.knocks <= self.failures:
            raise self.error


async def test_what_is_taken_at_once_is_delivered() -> None:
    delivery = Delivery("door")
    assert await delivery.send(Door(0), alerts=3)
    counters = delivery.counters
    assert (counters.delivered, counters.failed, counters.retried, counters.given_up) == (3, 0, 0, 0)


async def test_what_is_not_taken_is_tried_again_until_it_is() -> None:
    naps = Naps()
    delivery = Delivery("door", sleep=naps)
    assert await delivery.send(Door(4))
    counters = delivery.counters
    assert (counters.delivered, counters.failed, counters.retried, counters.given_up) == (1, 4, 4, 0)
    assert len(naps.taken) == 4


async def test_the_pauses_grow_up_to_a_bound_and_differ() -> None:
    naps = Naps()
    await Delivery("door", sleep=naps).send(Door(200))
    assert all(nap <= LONGEST_S for nap in naps.taken)
    assert max(naps.taken[:2]) <= 1.0 < max(naps.taken[100:])
    assert len(set(naps.taken)) > 150


async def test_patience_has_an_end() -> None:
    delivery = Delivery("door", patience_s=0)
    assert not await delivery.send(Door(1), alerts=5)
    assert (delivery.counters.given_up, delivery.counters.failed, delivery.counters.delivered) == (5, 1, 0)


async def test_what_is_refused_is_given_up_at_once() -> None:
    delivery, door = Delivery("door"), Door(9, Rejected("status 400"))
    assert not await delivery.send(door)
    assert (door.knocks, delivery.counters.given_up, delivery.counters.retried) == (1, 1, 0)


async def test_an_error_of_our_own_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        await Delivery("door").send(Door(1, KeyError("x")))


async def test_an_outage_is_logged_once_however_long_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await Delivery("door", sleep=Naps()).send(Door(20))
    assert [line.message for line in caplog.records] == ["door: not delivered yet, it will be tried again: nobody home"]
