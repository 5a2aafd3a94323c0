"""Restores a partition's facts.

From its local copy: all that is open, and each shop's checkpoint in place of the orders that it counts. Those of shops
without one that fits are restored one by one, as all others. From the changelog: what the copy doesn't have.
"""

from collections.abc import Collection, Iterator

import orjson

from rules.engine.restore import CameBack
from streams.kafka.keys import keys_of_shop
from streams.runtime.local_copy import LocalCopy
from streams.runtime.partition import Partition
from streams.runtime.snapshot import CAME_BACK, CHECKPOINT, COUNTED, OTHERS


def restore_facts(copy: LocalCopy, partition: Partition) -> None:
    """Raises SnapshotDamagedError, MovedError, and what comes of a record that can't be read."""
    for key, value in copy.items(OTHERS):
        partition.restore_fact(key, value)
    came_back, distrusted = _came_back(copy)
    fitting = set[bytes]()
    for name, value in copy.items(CHECKPOINT, CAME_BACK):
        keys = name[1:]
        platform, shop = orjson.loads(keys[:-1] + b"]")
        if keys not in distrusted and partition.restore_checkpoint(platform, shop, value, came_back.get(keys, {})):
            fitting.add(keys)
        else:  # before anything of its orders changes: another start could take it for a fitting one again
            copy.change(dict.fromkeys([name, *copy.all_of((CAME_BACK + keys,))]))
    for key, value in _counted_of_others(copy, fitting):
        if copy.get(key) is None:
            partition.restore_fact(key, value)


def restore_record(partition: Partition, key: bytes, value: bytes | None) -> bytes:
    """Restores a record of the changelog. Returns the key under which the local copy is to have it: an order that has
    ended is put at once where its shop's first checkpoint will count it, so that it needn't be moved. (Where the shop
    has one already, the next start would take the order for one that this counts.)"""
    has_ended = partition.restore_fact(key, value)
    return COUNTED + key if has_ended and not partition.engine.ledger.has_checkpoints else key


def _came_back(copy: LocalCopy) -> tuple[dict[bytes, dict[str, CameBack]], set[bytes]]:
    """By shop (as its keys begin) and order; and the shops whose checkpoint doesn't hold."""
    found: dict[bytes, dict[str, CameBack]] = {}
    distrusted = set[bytes]()
    for name, counted in copy.items(CAME_BACK, OTHERS):
        key = name[1:]
        if key.endswith(b","):
            distrusted.add(key)
            continue
        platform, shop, order = orjson.loads(key)
        found.setdefault(keys_of_shop(platform, shop), {})[order] = counted, copy.get(key)
    return found, distrusted


def _counted_of_others(copy: LocalCopy, fitting: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The orders that were moved for a checkpoint, but those of shops of which that is a fitting one, whose keys are
    passed over at once."""
    start = COUNTED
    while (first := next(copy.items(start, CHECKPOINT), None)) is not None:
        platform, shop, _ = orjson.loads(first[0][1:])
        keys = keys_of_shop(platform, shop)
        start, end = first[0], COUNTED + keys[:-1] + b"-"  # behind the last, as "-" comes next after ","
        if keys not in fitting:
            for key, value in copy.items(start, end):
                yield key[1:], value
        start = end
