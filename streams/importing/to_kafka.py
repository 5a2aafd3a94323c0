"""Events straight into the input topics of a Kafka broker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from rules.calendar.instants import rfc3339
from rules.messages.names import shop_key
from streams.importing.history import Timeline
from streams.kafka.topics import CLOCKED, topic_of

# Records in flight before their acknowledgements are awaited: enough to keep the batches full.
_IN_FLIGHT = 5000


class NotSentError(Exception):
    """The broker did not take everything; the message says why and how far it went."""


async def send(
    timeline: Timeline,
    bootstrap: str,
    topic_prefix: str,
    tick_ms: int | None,
    on_sent: Callable[[int], None],
    access: Mapping[str, Any],
) -> None:
    """Write all events in time order, keyed by shop, and return when the broker has acknowledged them.

    `bootstrap` is host:port, `access` how to log in (see `streams.kafka.access`), `on_sent` is told how many
    more events were acknowledged. With `tick_ms` each partition of the three inputs ends with a clock.tick of
    that instant, so that a worker on the event clock goes on to it. Raises NotSentError; sending again is safe,
    as ids stay the same.
    """
    sent = 0

    def count(more: int) -> None:
        nonlocal sent
        sent += more
        on_sent(more)

    # The default partitioner is Kafka's own murmur2, the one the inputs' contract asks for.
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=20, **access)
    try:
        try:
            await producer.start()
            partitions = await _partitions(producer, topic_prefix)
            await _send_events(producer, timeline, topic_prefix, count)
            if tick_ms is not None:
                await _send_ticks(producer, partitions, tick_ms)
        finally:
            await producer.stop()
    except KafkaError as error:
        reason = str(error)  # begins with the error's name
        raise NotSentError(f"{bootstrap}: {sent} of {len(timeline)} events sent, then {reason}") from error


async def _partitions(producer: AIOKafkaProducer, topic_prefix: str) -> dict[str, set[int]]:
    """The inputs' partitions. Topics are for the worker to make, so none is made here."""
    cluster = await producer.client.fetch_all_metadata()
    partitions: dict[str, set[int]] = {}
    for name in CLOCKED:
        found = cluster.partitions_for_topic(topic_prefix + name)
        if not found:
            raise NotSentError(f"there is no topic {topic_prefix + name}: start `shipclock worker` once, it makes them")
        partitions[topic_prefix + name] = found
    if len({len(found) for found in partitions.values()}) > 1:
        counts = ", ".join(f"{topic} {len(found)}" for topic, found in partitions.items())
        raise NotSentError(f"the inputs must have the same number of partitions: {counts}")
    return partitions


async def _send_events(
    producer: AIOKafkaProducer, timeline: Timeline, topic_prefix: str, on_sent: Callable[[int], None]
) -> None:
    waiting: list[Awaitable[Any]] = []
    for event in timeline:
        topic = topic_prefix + topic_of(event["type"])
        key = shop_key(event["platform"], event["shop"]).encode()
        waiting.append(await producer.send(topic, orjson.dumps(event), key=key))
        if len(waiting) == _IN_FLIGHT:
            await asyncio.gather(*waiting)
            on_sent(len(waiting))
            waiting.clear()
    await asyncio.gather(*waiting)
    on_sent(len(waiting))


async def _send_ticks(producer: AIOKafkaProducer, partitions: dict[str, set[int]], tick_ms: int) -> None:
    tick = orjson.dumps({"type": "clock.tick", "time": rfc3339(tick_ms)})
    waiting = [
        await producer.send(topic, tick, partition=partition)
        for topic, numbers in partitions.items()
        for partition in sorted(numbers)
    ]
    await asyncio.gather(*waiting)
