"""The Redis client of the sinks: one attempt a call, and its errors sorted by whether to try again."""

from collections.abc import Awaitable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, TryAgainError
from redis.exceptions import TimeoutError as NoAnswer

from streams.sinks.delivery import Rejected, Unavailable

CONNECT_S = 5.0
ANSWER_S = 15.0

READ = "shipclock:read"
"""Hash: how far each topic's partition has been written; gone when Redis has lost what it had."""

_PASSING = (NoConnection, NoAnswer, OutOfMemoryError, ReadOnlyError, TryAgainError, OSError)


def connect(url: str) -> Any:
    """A client (`redis://`, or `rediss://` for TLS); it connects on first use. The courier is who tries again."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 0),
    )


async def answer(call: Awaitable[Any]) -> Any:
    """What Redis answers. Raises Unavailable or Rejected."""
    try:
        return await call
    except _PASSING as error:
        raise Unavailable(type(error).__name__) from None
    except RedisError as error:
        raise Rejected(f"{type(error).__name__} {str(error).partition(' ')[0]}") from None
