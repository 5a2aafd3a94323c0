"""The corpus through one worker on a real Kafka: it lives, and every record is applied or in `dead-letters`."""

from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.kafka.topics import INPUTS
from tests.fuzz.mutations import mutated_records
from tests.runtime.support import PARTITIONS, until
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, produce, read_topic
from tests.support.ports import free_port

RECORDS = 10_000
SEED = 18
ALL_PACKS = "joom,douyin,ozon,shopee,aliexpress,lazada,tiktok"

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(1_200)]


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path, clock="wall")
    site.make_topics()
    return site


async def send_corpus(site: Site, number: int) -> None:
    await produce(
        site.bootstrap, [(site.prefix + topic, key, value) for topic, key, value in mutated_records(number, SEED)]
    )


async def all_committed(site: Site, number: int) -> None:
    """Once the worker has committed so many records of the inputs."""

    async def committed() -> bool:
        offsets = await site.committed()
        return sum(offsets.get(f"{topic}-{n}", 0) for topic in INPUTS for n in range(PARTITIONS)) >= number

    await until(committed, 600)


def counted(port: int) -> tuple[int, int]:
    """Events applied and dead letters, as `/metrics` says."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    totals = {family.name: sum(each.value for each in family.samples) for family in families}
    return int(totals["shipclock_events"]), int(totals["shipclock_dead_letters"])


async def test_a_worker_lives_through_the_corpus_and_loses_no_record(site: Site, share: float) -> None:
    number, port = int(RECORDS * share), free_port()
    async with site.worker(SHIPCLOCK_WEB_PORT=str(port), SHIPCLOCK_PACKS=ALL_PACKS) as worker:
        await worker.ready()
        await send_corpus(site, number)
        await all_committed(site, number)
        applied, dead = counted(port)
        letters = [
            letter
            for letter in await read_topic(site.bootstrap, f"{site.prefix}dead-letters")
            if "kept" not in dict(letter.headers)
        ]
        places = {tuple(dict(letter.headers)[name] for name in ("topic", "partition", "offset")) for letter in letters}
        assert applied + dead == number
        assert len(places) == len(letters) == dead

        process = psutil.Process(worker.process.pid)
        await send_corpus(site, number)  # what the first time allocates besides state is allocated now
        await all_committed(site, 2 * number)
        before = process.memory_info().rss
        await send_corpus(site, number)
        await all_committed(site, 3 * number)
        assert process.memory_info().rss < before * 1.1, "the same records again took more memory"
        assert "Traceback" not in worker.log()
        assert await worker.stop() == 0
