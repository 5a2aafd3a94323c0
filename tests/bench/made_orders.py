"""Any number of orders, made as fast as Kafka takes them: all still open, or each through all its events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter

from aiokafka import AIOKafkaProducer

from streams.kafka.keys import partition_of
from streams.kafka.topics import topic_of
from tests.bench.load import INPUTS, PARTITIONS, Writer

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEGIN_MS = 1_767_225_600_000
"""2026-01-01"""

PLATFORM = "joom"
SHOPS = 400

PLACED = b'{"amount":"12.50","currency":"USD","items":[{"sku":"A1","qty":1}]}'
SHIPPED = b'{"carrier":"jnt","tracking_no":"JT%012d"}'
COLLECTED = b'{"carrier":"jnt","tracking_no":"JT%012d"}'
DELIVERED = b'{"status":"delivered","tracking_no":"JT%012d"}'

STAGES = (
    (0, "order.placed", PLACED),
    (2 * HOUR_MS, "order.shipped", SHIPPED),
    (4 * HOUR_MS, "pickup.collected", COLLECTED),
    (30 * HOUR_MS, "tracking.updated", DELIVERED),
)
"""An order's events: how long after it was placed, type and data."""

ID_STEP, ID_SHIFT = 0x9E3779B97F4A7C15F39CC0605CEDC835, 27
"""A large odd factor, and more bits than a delay has."""

Made = tuple[int, str, int, bytes]
"""When it happened (epoch ms), its topic, its shop's number, and the event."""


@dataclass(frozen=True)
class Orders:
    """`count` orders placed evenly over `span_ms`, the first of them order number `first`; `stages` are the events each
    goes through. Time goes on by `rest_ms` after the last event."""

    count: int
    first: int
    begin_ms: int
    span_ms: int
    rest_ms: int = 0
    stages: Sequence[tuple[int, str, bytes]] = STAGES

    @property
    def events(self) -> int:
        return self.count * len(self.stages)

    @property
    def end_ms(self) -> int:
        return self.begin_ms + self.span_ms + self.stages[-1][0] + self.rest_ms

    def made(self) -> Iterator[Made]:
        """All events, earliest first."""
        return merge(*(self._stage(*stage) for stage in self.stages), key=itemgetter(0))

    def _stage(self, delay_ms: int, kind: str, data: bytes) -> Iterator[Made]:
        topic, numbered = topic_of(kind), b"%" in data
        event = (
            b'{"specversion":"1.0","id":"%%b","source":"erp/1","type":"%s","time":%%d,"platform":"%s","shop":"s%%d"'
            b',"order":"order-%%08d","data":%%s}' % (kind.encode(), PLATFORM.encode())
        )
        for n in range(self.first, self.first + self.count):
            at_ms, shop = self.placed_ms(n) + delay_ms, n % SHOPS
            yield at_ms, topic, shop, event % (event_id(delay_ms, n), at_ms, shop, n, data % n if numbered else data)

    def placed_ms(self, n: int) -> int:
        """When order number `n` was placed (epoch ms)."""
        return self.begin_ms + (n - self.first) * self.span_ms // self.count


def event_id(delay_ms: int, n: int) -> bytes:
    """As long as a UUID without its dashes, and with as little in it that a compression could shorten. Events of an
    order have different delays."""
    return b"%032x" % (((n << ID_SHIFT) + delay_ms) * ID_STEP >> ID_SHIFT & (1 << 128) - 1)


def open_orders(count: int, first: int = 0, begin_ms: int = BEGIN_MS) -> Orders:
    """Orders that were only placed, within six hours: none is late before two days are over."""
    return Orders(count, first, begin_ms, 6 * HOUR_MS, stages=STAGES[:1])


def finished_orders(count: int, first: int = 0, begin_ms: int = BEGIN_MS) -> Orders:
    """Orders placed over twenty days and delivered, and ten days more, so that nothing is to be expected of them."""
    return Orders(count, first, begin_ms, 20 * DAY_MS, 10 * DAY_MS)


def passing_orders(count: int, first: int, begin_ms: int) -> Orders:
    """Orders that are placed within an hour and go through all their events, so that no open order gets late."""
    return Orders(count, first, begin_ms, HOUR_MS)


async def send(bootstrap: str, prefix: str, orders: Orders) -> None:
    """Writes the orders' events, and a tick at their end for every partition; returns when Kafka has them."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=256 * 1024
    ) as producer:
        writers = {
            (topic, number): Writer(producer, prefix + topic, number)
            for topic in INPUTS
            for number in range(PARTITIONS)
        }
        keys = [f"{PLATFORM}/s{n}".encode() for n in range(SHOPS)]
        homes = [partition_of(PLATFORM, f"s{n}", PARTITIONS) for n in range(SHOPS)]
        for _, topic, shop, event in orders.made():
            await writers[topic, homes[shop]].write(keys[shop], event)
        for writer in writers.values():
            await writer.write(b"tick", b'{"type":"clock.tick","time":%d}' % orders.end_ms)
            await writer.close()
