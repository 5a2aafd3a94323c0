"""What the worker's tests share: events as bytes, records as Kafka hands them over, and waiting for something."""

import asyncio
import time
from collections.abc import Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.messages.names import shop_key
from rules.plan.rule_book import RuleBook
from streams import pack_files
from streams.kafka.keys import partition_of

START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""

PACK = Path(__file__).with_name("late.yaml")
"""One rule: `late.ship`, 72 h from `placed` to `shipped` or `cancelled`, on every platform."""

LATE_MS = 72 * HOUR_MS
PARTITIONS = 4
LONG_S = 120.0
"""When a test gives up waiting; nothing that works takes as long."""


def book() -> RuleBook:
    return pack_files.load([str(PACK)], with_digest=True)


def event(kind: str, at_ms: int, order: str = "1", shop: str = "s17", platform: str = "joom", **others: Any) -> bytes:
    """One CloudEvent; `others` are further attributes, or replace these; None leaves one out."""
    attributes = {
        "specversion": "1.0",
        "id": f"{kind}-{order}-{at_ms}",
        "source": "test/1",
        "type": kind,
        "time": rfc3339(at_ms),
        "platform": platform,
        "shop": shop,
        "order": order,
    } | others
    return orjson.dumps({name: value for name, value in attributes.items() if value is not None})


def tick(at_ms: int) -> bytes:
    return orjson.dumps({"type": "clock.tick", "time": rfc3339(at_ms)})


def key_of(value: bytes) -> bytes:
    """The key an event belongs under."""
    attributes = orjson.loads(value)
    return shop_key(attributes["platform"], attributes["shop"]).encode()


def sent(prefix: str, *values: bytes, topic: str = "orders") -> list[tuple[str, bytes, bytes]]:
    """Events as `tests.support.kafka.produce` takes them."""
    return [(prefix + topic, key_of(value), value) for value in values]


def ticks(prefix: str, at_ms: int, *topics: str) -> list[tuple[str, bytes, bytes]]:
    """A tick for every partition of these topics, of all three inputs if none is named."""
    return [
        (prefix + topic, f"joom/{shop_in(n)}".encode(), tick(at_ms))
        for topic in topics or ("orders", "pickups", "tracking")
        for n in range(PARTITIONS)
    ]


def shop_in(partition: int, platform: str = "joom") -> str:
    """The name of a shop whose home is this partition (of four)."""
    return next(name for n in range(1000) if partition_of(platform, name := f"s{n}", PARTITIONS) == partition)


def record(
    topic: str, value: bytes | None, *, partition: int = 2, offset: int = 0, key: bytes | None = b"joom/s17"
) -> ConsumerRecord[bytes | None, bytes | None]:
    """As aiokafka hands it over. joom/s17 is at home in partition 2."""
    sizes = len(key or b""), len(value or b"")
    return ConsumerRecord(topic, partition, offset, START_MS, 0, key, value, None, *sizes, ())


async def until(condition: Callable[[], Any], seconds: float = LONG_S) -> Any:
    """Waits for something to become true, and returns it; `condition` may be async."""
    give_up = time.monotonic() + seconds
    while True:
        found = condition()
        if isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < give_up, "it did not come to pass"
        await asyncio.sleep(0.02)
