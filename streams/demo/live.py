"""The demo's shops on a Kafka of one's own: some days of history at once, then on in real time."""

import asyncio
import logging

from aiokafka import AIOKafkaProducer

from rules.calendar.instants import DAY_MS
from streams.clock import wall_ms
from streams.demo.generator import events
from streams.demo.pace import send
from streams.kafka import access as kafka_access
from streams.kafka.topics import TopicNames
from streams.settings import Settings, bootstrap_servers

log = logging.getLogger(__name__)

STEP_S = 0.5
"""How often to look whether more has happened."""


async def feed(settings: Settings, partitions: int, *, days: float, seed: int) -> None:
    """Goes on until cancelled; the shops began `days` ago. Raises KafkaError when nothing can be written."""
    names = TopicNames(settings.topic_prefix, settings.app_id)
    caught_up = False
    access = kafka_access.for_aiokafka(settings)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers(settings), linger_ms=20, **access) as producer:
        history = events(seed, wall_ms() - round(days * DAY_MS))
        for sent, (arrival_ms, event) in enumerate(history):
            while arrival_ms > wall_ms():
                if not caught_up:
                    caught_up = True
                    log.info("%d events of the past %g days are sent; now as life goes", sent, days)
                await asyncio.sleep(STEP_S)
            await send(producer, names, partitions, event)
