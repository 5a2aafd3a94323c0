"""`shipclock explain` with the records of a worker's topic, on a real Kafka."""

from pathlib import Path

import pytest

from rules.calendar.instants import HOUR_MS
from streams.explaining.from_kafka import records_of
from streams.kafka.topics import BadTopicsError
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, START_MS, event, sent, ticks
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, produce

pytestmark = pytest.mark.kafka

ALERT = "late.ship:joom/s17:8412:2026-01-04T00:00:00Z"


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    return Site(kafka.bootstrap, topic_prefix, tmp_path)


async def test_the_trail_is_read_from_the_worker_s_topic(site: Site) -> None:
    site.make_topics()
    async with site.worker(), Reader(site.bootstrap, site.prefix, "alerts") as read:
        await produce(site.bootstrap, sent(site.prefix, event("order.placed", START_MS, "8412")))
        await produce(site.bootstrap, ticks(site.prefix, START_MS + LATE_MS))
        await read.until(lambda: len(read.alerts()) == 1)
        shipped = event("order.shipped", START_MS + LATE_MS + HOUR_MS, "8412")
        await produce(site.bootstrap, sent(site.prefix, shipped))
        await produce(site.bootstrap, ticks(site.prefix, START_MS + LATE_MS + HOUR_MS))
        await read.until(lambda: len(read.alerts()) == 2)
        records = await records_of(ALERT, site.settings())
        assert [record.type for record in records] == ["alert.opened", "alert.resolved"]
        assert await records_of("8412", site.settings()) == records
        assert await records_of("late.ship:joom/s17:9:-", site.settings()) == []


async def test_a_topic_that_is_not_there_is_named(site: Site) -> None:
    with pytest.raises(BadTopicsError, match=f"there is no topic {site.prefix}alerts at "):
        await records_of(ALERT, site.settings())
