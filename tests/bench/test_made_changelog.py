"""The changelog that is written without sending events is the one that a worker writes."""

import pytest

from streams import pack_files
from streams.kafka.keys import partition_of
from streams.kafka.topics import CLOCKED
from streams.runtime.committer import records_of
from streams.runtime.partition import Batch, Partition
from tests.bench.load import PARTITIONS
from tests.bench.made_changelog import records
from tests.bench.made_orders import PLATFORM, Made, Orders, finished_orders, open_orders
from tests.bench.systems import PACK
from tests.runtime.support import record

DONE = finished_orders(30, 995)
OPEN = open_orders(30, 1_025, DONE.end_ms)


def worker_writes(number: int, lots: tuple[Orders, ...]) -> dict[bytes, bytes | None]:
    """What is in a partition of the changelog in the end."""
    partition = Partition(number, PARTITIONS, pack_files.load([str(PACK)]), "event")
    found: dict[bytes, bytes | None] = {}
    offset = 0
    for lot in lots:
        mine = [each for each in lot.made() if partition_of(PLATFORM, f"s{each[2]}", PARTITIONS) == number]
        ticks: list[Made] = [
            (lot.end_ms, topic, -1, b'{"type":"clock.tick","time":%d}' % lot.end_ms) for topic in CLOCKED
        ]
        for _, topic, shop, value in [*mine, *ticks]:
            key = f"{PLATFORM}/s{shop}".encode()
            offset += 1
            partition.apply(Batch(topic, number, [record(topic, value, partition=number, offset=offset, key=key)]))
        while not partition.evaluate(partition.clock.now_ms(), limit=1_000):
            pass
        found |= records_of(partition.engine.drain(), partition)
    return found


@pytest.mark.parametrize("lots", [(DONE,), (OPEN,), (DONE, OPEN)])
def test_the_records_are_those_that_a_worker_writes_to_the_byte(lots: tuple[Orders, ...]) -> None:
    made: list[dict[bytes, bytes | None]] = [{} for _ in range(PARTITIONS)]
    for number, key, value in records(*lots):
        assert key not in made[number], "each is written once"
        made[number][key] = value
    assert made == [worker_writes(number, lots) for number in range(PARTITIONS)]
    assert sum(map(len, made)) == sum(lot.count for lot in lots) + PARTITIONS


def test_no_two_events_have_the_same_id() -> None:
    ids = [value.split(b'"id":"')[1][:32] for _, _, _, value in finished_orders(2_000).made()]
    assert len(set(ids)) == 8_000
