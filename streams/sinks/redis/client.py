"""The sinks' Redis client: one attempt per call, with errors sorted into Unavailable and Rejected."""

import logging
from collections.abc import Awaitable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, TryAgainError
from redis.exceptions import TimeoutError as NoAnswer

from streams.sinks.delivery import Rejected, Unavailable

log = logging.getLogger(__name__)

CONNECT_S = 5.0
ANSWER_S = 15.0

READ = "shipclock:read"
"""Hash: how far each topic's partition has been written; gone if Redis has lost its data."""

_PASSING = (NoConnection, NoAnswer, OutOfMemoryError, ReadOnlyError, TryAgainError, OSError)


def connect(url: str) -> Any:
    """A client (`redis://`, or `rediss://` for TLS) that connects on first use. `Delivery` retries."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 0),
    )


async def answer(call: Awaitable[Any]) -> Any:
    """Redis' answer. Raises Unavailable or Rejected."""
    try:
        return await call
    except _PASSING as error:
        raise Unavailable(type(error).__name__) from None
    except RedisError as error:
        raise Rejected(f"{type(error).__name__} {str(error).partition(' ')[0]}") from None


class Eviction:
    """Warns, when it begins, that Redis drops keys when its memory is full, whatever is in them."""

    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._warned_of = ""

    async def check(self, redis: Any) -> None:
        """Raises Unavailable."""
        try:
            found = await answer(redis.info("memory"))
        except Rejected:  # this user may not ask
            return
        policy = found.get("maxmemory_policy", "") if found.get("maxmemory") else ""
        policy = policy if policy.startswith("allkeys") else ""  # the others spare keys that don't expire
        if policy and policy != self._warned_of:
            log.warning(
                "%s: Redis drops keys when its memory is full (maxmemory-policy %s); what is dropped is written again, "
                "and is missing until then: set it to noeviction",
                self._sink,
                policy,
            )
        self._warned_of = policy
