"""A partition by itself, and what tests feed it."""

from typing import Any

from streams.runtime.partition import Batch, Partition
from tests.runtime.support import PARTITIONS, book, record


def partition(clock: Any = "event", number: int = 2) -> Partition:
    return Partition(number, PARTITIONS, book(), clock)


def apply(to: Partition, *values: bytes | None, topic: str = "orders", key: bytes | None = b"joom/s17") -> None:
    first = to.applied.get(topic, 0)
    records = [record(topic, value, offset=first + n, key=key) for n, value in enumerate(values)]
    to.apply(Batch(topic, to.number, records))


def reasons(of: Partition) -> list[str]:
    return [letter.reason for letter in of.dead]


def orders(of: Partition) -> set[str]:
    return {order for shop in of.engine.shops.values() for order in shop.orders}
