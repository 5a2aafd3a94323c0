"""Delivery to a receiver: retried while it is unavailable, for a limited time, and counted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    stop_never,
    wait_random_exponential,
)

log = logging.getLogger(__name__)

FIRST_S = 0.5
LONGEST_S = 30.0
"""The pause before a retry is random, up to a bound that doubles from the first to the longest."""

PATIENCE_S = 6 * 3600.0
"""How long a delivery is retried: longer than most outages, but not for ever."""


class Unavailable(Exception):
    """The receiver can't be reached or can't take anything now. The text names no alert and no secret."""


class Rejected(Exception):
    """The receiver answered that it will never take this. The text names no alert and no secret."""


class Counters(Struct):
    """What became of one sink's alerts since the process started.

    `failed` and `retried` count attempts, `given_up` alerts that were not delivered, `refilled` how often the receiver
    had lost what it was given. `lag` is how many records of this process's partitions are yet to be delivered.
    """

    sink: str
    delivered: int = 0
    failed: int = 0
    retried: int = 0
    given_up: int = 0
    refilled: int = 0
    lag: int = 0


class Delivery:
    """Tries, waits, retries, and keeps the counters."""

    def __init__(
        self,
        sink: str,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counters = Counters(sink)
        self._patience_s = patience_s
        self._sleep = sleep

    async def send(self, send: Callable[[], Awaitable[Any]], alerts: int = 1) -> bool:
        """True once `send` has succeeded, False if it was given up. Other errors of `send` are raised."""
        try:
            await self._try(send, stop_after_delay(self._patience_s))
        except (Unavailable, Rejected) as error:
            self.counters.failed += 1
            self.counters.given_up += alerts
            log.error("%s: %d alerts were not delivered: %s", self.counters.sink, alerts, error)
            return False
        self.counters.delivered += alerts
        return True

    async def send_forever(self, ask: Callable[[], Awaitable[Any]]) -> None:
        """Retries until there is an answer: for what a sink must know before it can go on."""
        await self._try(ask, stop_never)

    async def _try(self, send: Callable[[], Awaitable[Any]], stop: Any) -> None:
        async def attempt() -> None:  # tenacity awaits only coroutine functions
            await send()

        attempts = AsyncRetrying(
            sleep=self._sleep,
            stop=stop,
            wait=wait_random_exponential(multiplier=FIRST_S, max=LONGEST_S),
            retry=retry_if_exception_type(Unavailable),
            before_sleep=self._again,
            reraise=True,
        )
        await attempts(attempt)

    def _again(self, state: RetryCallState) -> None:
        self.counters.failed += 1
        self.counters.retried += 1
        reason = state.outcome.exception() if state.outcome else None
        # Only the first failure of an outage is a warning; the counters show the rest.
        level = logging.WARNING if state.attempt_number == 1 else logging.DEBUG
        log.log(level, "%s: not delivered yet, it will be tried again: %s", self.counters.sink, reason)
