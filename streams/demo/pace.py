"""Sends the demo's feed to a broker at a multiple of real time."""

import asyncio
from collections.abc import Iterable
from time import monotonic

import orjson
from aiokafka import AIOKafkaProducer

from rules.calendar.instants import rfc3339
from rules.messages.names import shop_key
from streams.demo.generator import Event
from streams.kafka.keys import partition_of
from streams.kafka.topics import CLOCKED, TopicNames, topic_of

STEP_S = 0.1
"""How often the feed moves on."""


class Pace:
    """Sends what has arrived by now, then a tick on every input partition, so that quiet ones keep up."""

    def __init__(
        self, producer: AIOKafkaProducer, names: TopicNames, partitions: int, start_ms: int, speed: float
    ) -> None:
        self._producer, self._names, self._partitions = producer, names, partitions
        self._start_ms, self._speed = start_ms, speed
        self.sent = 0

    async def follow(self, feed: Iterable[tuple[int, Event]]) -> None:
        """Goes on until cancelled; `feed` gives `(arrival_ms, event)` and never ends."""
        arrivals = iter(feed)
        arrival_ms, event = next(arrivals)
        began = monotonic()
        while True:
            now_ms = self._start_ms + round((monotonic() - began) * self._speed * 1000)
            while arrival_ms <= now_ms:
                await self._send(event)
                arrival_ms, event = next(arrivals)
            await tick(self._producer, self._names, self._partitions, now_ms)
            await asyncio.sleep(STEP_S)

    async def _send(self, event: Event) -> None:
        await send(self._producer, self._names, self._partitions, event)
        self.sent += 1


async def tick(producer: AIOKafkaProducer, names: TopicNames, partitions: int, now_ms: int) -> None:
    """Sends a clock tick to every input partition."""
    value = orjson.dumps({"type": "clock.tick", "time": rfc3339(now_ms)})
    for topic in CLOCKED:
        for partition in range(partitions):
            await producer.send(names.of(topic), value, key=b"tick", partition=partition)


async def send(producer: AIOKafkaProducer, names: TopicNames, partitions: int, event: Event) -> None:
    """Sends one event to its topic and partition."""
    topic = names.of(topic_of(event["type"]))
    key = shop_key(event["platform"], event["shop"]).encode()
    partition = partition_of(event["platform"], event["shop"], partitions)
    await producer.send(topic, orjson.dumps(event), key=key, partition=partition)
