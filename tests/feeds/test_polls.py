"""All polls of a settings file in one process, on the embedded broker."""

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from prometheus_client import REGISTRY

from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.polls import KafkaWriter, Polls
from streams.feeds.written import Written
from streams.kafka.embedded import EmbeddedBroker
from streams.settings import Settings
from tests.feeds.emulated.platform import WallClock
from tests.feeds.emulated.tiktok import TikTok
from tests.feeds.polling import settings
from tests.runtime.support import until
from tests.support.kafka import read_topic


async def test_what_platforms_say_goes_to_the_inputs_and_the_lag_is_told(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        async with TikTok(WallClock()) as tiktok:
            tiktok.order("577000000000000001")
            ledger = Ledger(tmp_path / "polls.sqlite")
            worker = Settings(broker=f"kafka://{broker.bootstrap}", topic_prefix="t-", embedded=True)
            running = asyncio.create_task(Polls(worker, settings(tmp_path, tiktok), ledger).run())

            async def is_read() -> bool:
                lag_s = REGISTRY.get_sample_value("shipclock_feed_poll_lag_seconds", {"source": "tiktok"})
                read = REGISTRY.get_sample_value("shipclock_feed_polls_total", {"source": "tiktok", "outcome": "read"})
                return bool(read) and lag_s is not None and lag_s < 60

            await until(is_read)
            running.cancel()
            await asyncio.wait({running})
            ledger.close()
        (record,) = await read_topic(broker.bootstrap, "t-orders")
    assert record.key == b"tiktok/7495000000000000042"
    assert json.loads(record.value)["id"] == "577000000000000001:placed"


async def test_a_producer_that_has_failed_is_replaced() -> None:
    with EmbeddedBroker() as broker:
        writer = KafkaWriter({"bootstrap_servers": broker.bootstrap})
        await writer.write([Written("orders", None, b"1", [])])
        assert writer._producer is not None
        await writer._producer.stop()
        with pytest.raises(KafkaError):
            await writer.write([Written("orders", None, b"2", [])])
        await writer.write([Written("orders", None, b"3", [])])
        assert sorted([record.value for record in await read_topic(broker.bootstrap, "orders")]) == [b"1", b"3"]
        await writer.close()
