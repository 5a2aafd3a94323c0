"""Sites on a real Kafka, in event time and in wall time, and what tests send there."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.runtime.outcome import Reader
from tests.runtime.support import sent, ticks
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, produce


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    """An installation of its own in event time, its topics made."""
    return made(Site(kafka.bootstrap, topic_prefix, tmp_path))


@pytest.fixture
def wall_site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    return made(Site(kafka.bootstrap, topic_prefix, tmp_path, clock="wall"))


def made(site: Site) -> Site:
    site.make_topics()
    return site


async def send(site: Site, *values: bytes, topic: str = "orders") -> None:
    await produce(site.bootstrap, sent(site.prefix, *values, topic=topic))


async def send_all(site: Site, records: Iterable[tuple[str, bytes, bytes]]) -> None:
    await produce(site.bootstrap, [(site.prefix + topic, key, value) for topic, key, value in records])


async def tick_all(site: Site, at_ms: int) -> None:
    await produce(site.bootstrap, ticks(site.prefix, at_ms))


def alerts(site: Site) -> Reader:
    return Reader(site.bootstrap, site.prefix, "alerts")


async def all_committed(site: Site, records: int) -> bool:
    return sum((await site.committed()).values()) == records
