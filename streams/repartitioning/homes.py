"""Where a record belongs among so many partitions, by its key, for each topic of the worker's."""

from collections.abc import Callable

import orjson
from aiokafka.partitioner import murmur2

from rules.messages.alerts import shop_of
from rules.messages.names import decoded
from streams.kafka.keys import partition_of
from streams.kafka.topics import TopicNames

Home = Callable[[bytes, int], int | None]
"""The partition of a key among so many; None for a key of no shop. Raises ValueError for what is no key."""


def of_key(key: bytes, partitions: int) -> int:
    """As a producer has it that hashes the key: of inputs, whose key is the shop, and of feeds' health."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions


def of_alert(key: bytes, partitions: int) -> int | None:
    shop = shop_of(key.decode())
    return None if shop is None else partition_of(*shop, partitions)


def of_ack(key: bytes, partitions: int) -> int | None:
    """The key is `kind:alert`."""
    return of_alert(key.partition(b":")[2], partitions)


def of_record_of_shop(key: bytes, partitions: int) -> int | None:
    """The key is `platform/shop/order`, or `platform/shop/day`."""
    platform, shop, _ = key.decode().split("/")
    return partition_of(decoded(platform), decoded(shop), partitions)


def of_fact(key: bytes, partitions: int) -> int | None:
    """The key is a list that begins with platform and shop; that of a partition's clock isn't."""
    match orjson.loads(key):
        case [str(platform), str(shop), *_]:
            return partition_of(platform, shop, partitions)
    return None


def homes(names: TopicNames) -> dict[str, Home]:
    """For each topic that holds state. Standings aren't among them: a worker publishes all of them when it starts."""
    return {
        names.facts: of_fact,
        names.alerts: of_alert,
        names.remarks: of_ack,
        names.packed: of_record_of_shop,
        names.daily_values: of_record_of_shop,
        names.feed_health: of_key,
    }
