"""The facts changelog of any number of orders, written as a worker leaves it once it has taken all their events.

Sending the events of ten million orders through a worker takes half an hour, and what it was busy with then is in its
memory still. Here only what it would have written last of each order is written: one record, and each partition's
clock. `test_made_changelog.py` holds that these are the worker's own records to the byte.

The records of a lot differ from order to order in a few places: the worker's own code encodes the first, and that is
the form of all others. Some 100,000 orders a second.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import itemgetter
from struct import Struct

import msgspec
from aiokafka import AIOKafkaProducer

from rules.calendar.instants import DAY_MS
from rules.engine.engine import Engine
from rules.messages.events import decode
from streams import pack_files
from streams.kafka.keys import order_key, partition_of
from streams.kafka.topics import CLOCKED, COMPACTED, TopicNames
from streams.runtime.changelog import CLOCK_KEY, Progress, fact_records
from tests.bench.load import PARTITIONS, Writer
from tests.bench.made_orders import PLATFORM, SHOPS, Orders, event_id
from tests.bench.parts import Paced
from tests.bench.systems import PACK, Run
from tests.support.kafka import create_topics

_INSTANT = Struct(">BQ")
_UINT64 = 0xCF
"""How msgpack begins an integer of eight bytes, as each instant of these is."""


async def write(run: Run, *lots: Orders) -> int:
    """Makes the facts changelog of a worker that has never run, and writes what it would hold of the lots, one after
    the other. Returns its bytes in Kafka. A worker that is then started with this run takes it for its own."""
    facts = TopicNames(run.prefix, run.group).facts
    # Each key is written once, so there is nothing to compact, and the broker's core is free for what is measured.
    kept = COMPACTED | {"min.compaction.lag.ms": str(DAY_MS)}
    await create_topics(run.bootstrap, {facts: (PARTITIONS, kept)})
    count, written = sum(lot.count for lot in lots), 0
    async with AIOKafkaProducer(
        bootstrap_servers=run.bootstrap, enable_idempotence=True, max_batch_size=256 * 1024
    ) as producer:
        writers = [Writer(producer, facts, number) for number in range(PARTITIONS)]
        paced = Paced(f"of {count:,} orders are in the changelog")
        for partition, key, value in records(*lots):
            await writers[partition].write(key, value)
            written += 1
            paced.say(written)
        for writer in writers:
            await writer.close()
    return sum(writer.bytes for writer in writers)


def records(*lots: Orders) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of each order, by when it was placed; last the clocks."""
    homes = [partition_of(PLATFORM, f"s{n}", PARTITIONS) for n in range(SHOPS)]
    for lot in lots:
        if not lot.count:
            continue
        value_of = _values(lot)
        for n in range(lot.first, lot.first + lot.count):
            shop = n % SHOPS
            yield homes[shop], order_key(PLATFORM, f"s{shop}", f"order-{n:08}"), value_of(n)
    end_ms = max(lot.end_ms for lot in lots)
    clock = msgspec.json.encode(Progress(end_ms, dict.fromkeys(CLOCKED, end_ms), end_ms))
    for number in range(PARTITIONS):
        yield number, CLOCK_KEY, clock


def _values(lot: Orders) -> Callable[[int], bytes]:
    """Gives the value of a lot's order by its number."""
    delays = [delay_ms for delay_ms, _, _ in lot.stages]
    pack = _INSTANT.pack

    def places(n: int) -> list[bytes]:
        """What an order has for itself: when each event happened, the events' ids, and its tracking number."""
        placed_ms = lot.placed_ms(n)
        return [
            *[pack(_UINT64, placed_ms + delay_ms) for delay_ms in delays],
            *[event_id(delay_ms, n) for delay_ms in delays],
            b"JT%012d" % n,
        ]

    first = places(lot.first)
    parts = re.split(b"(" + b"|".join(map(re.escape, first)) + b")", _first_value(lot))
    form = b"".join(b"%b" if n % 2 else part.replace(b"%", b"%%") for n, part in enumerate(parts))
    chosen = itemgetter(*[first.index(part) for part in parts[1::2]])
    return lambda n: form % chosen(places(n))


def _first_value(lot: Orders) -> bytes:
    """What a worker writes of the first order once it has taken its events."""
    engine = Engine(pack_files.load([str(PACK)]), stepping=True)
    for _, _, _, event in replace(lot, count=1).made():
        engine.apply(*decode(event))
    ((_, value),) = fact_records(engine.drain())
    assert value is not None
    return value
