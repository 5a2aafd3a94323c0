"""From a push to the worker's inputs, by the commands as users run them, on a real Kafka."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.feeds.receiving import from_lazada, from_shopee
from tests.feeds.support import shopee
from tests.feeds.test_receive_kafka import environment, receiver
from tests.runtime.support import LATE_MS, START_MS, ticks, until
from tests.runtime.workers import SHIPCLOCK, Site, WorkerProcess
from tests.support.kafka import Kafka, produce, read_topic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_pushes_become_events_once_and_again_on_request(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    settings = environment(kafka, topic_prefix, tmp_path) | {"SHIPCLOCK_WEB_PORT": "0"}
    async with WorkerProcess(settings, tmp_path / "early.log", (SHIPCLOCK, "feed-map")) as early:
        assert await early.ended() == 2
    assert early.log().startswith(f"shipclock feed-map: there is no topic {topic_prefix}orders: start")
    Site(kafka.bootstrap, topic_prefix, tmp_path).make_topics()
    parcel = {"trade_order_id": "9", "status": "INFO_ST_DOMESTIC_PICKUP_SIGN_IN_SUCCESS"}
    parcel |= {"fulfillment_package_id": "P1", "status_update_time": 1_793_782_800}
    pushes = [
        from_shopee(shopee("READY_TO_SHIP")),
        from_lazada({"seller_id": "7", "message_type": 14, "data": parcel}),
        from_shopee(shopee("WAT")),
    ]

    async def read(topic: str) -> list[bytes]:
        return [record.value for record in await read_topic(kafka.bootstrap, topic_prefix + topic)]

    async def are_mapped() -> bool:
        return [len(await read(topic)) for topic in ("orders", "pickups", "dead-letters")] == [1, 1, 1]

    async with (
        receiver(kafka, topic_prefix, tmp_path) as (_, client),
        WorkerProcess(settings, tmp_path / "map.log", (SHIPCLOCK, "feed-map")) as mapper,
    ):
        for path, body, headers in pushes:

            async def is_taken(path: str = path, body: bytes = body, headers: dict[str, str] = headers) -> bool:
                return (await client.post(path, content=body, headers=headers)).is_success

            await until(is_taken)
        await until(lambda: "maps what is received" in mapper.log())
        await until(are_mapped)
        mapper.process.send_signal(signal.SIGTERM)
        assert await mapper.ended() == 0
    assert [json.loads(each)["id"] for each in await read("orders")] == ["A1:placed"]
    assert [json.loads(each)["id"] for each in await read("pickups")] == ["9:collected:P1"]
    heard = [json.loads(each) for each in await read(f"{topic_prefix}app-feed-health")]
    assert {(each["platform"], each["shop"], each["by"]) for each in heard} == {
        ("shopee", "jakarta", "push"),
        ("lazada", "7", "push"),
    }

    async def again(since: str) -> str:
        command = (SHIPCLOCK, "feed-map", "--since", since)
        async with WorkerProcess(settings, tmp_path / "again.log", command) as process:
            assert await process.ended() == 0, process.log()
        return process.log().splitlines()[-1]

    assert await again("2026-01-01T00:00:00Z") == "3 bodies mapped to 2 events; 1 dead letters"
    first, second = await read("orders")
    assert first == second
    assert await again("2099-01-01T00:00:00Z") == "0 bodies mapped to 0 events; 0 dead letters"


async def test_a_push_ends_in_an_alert_with_the_mapper_in_the_receivers_process(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path)
    site.make_topics()
    line = {"order_status": "pending", "trade_order_id": "9", "status_update_time": START_MS // 1000}
    path, body, headers = from_lazada({"seller_id": "7", "message_type": 0, "data": line})

    async def alerts() -> list[Any]:
        records = await read_topic(kafka.bootstrap, f"{topic_prefix}alerts")
        return [found for record in records if (found := json.loads(record.value))["type"] == "alert.opened"]

    async with (
        site.worker() as worker,
        receiver(kafka, topic_prefix, tmp_path, "--map") as (receiving, client),
    ):
        await worker.ready()

        async def is_taken() -> bool:
            return (await client.post(path, content=body, headers=headers)).is_success

        await until(is_taken)
        await until(lambda: read_topic(kafka.bootstrap, f"{topic_prefix}orders"))
        await produce(kafka.bootstrap, ticks(topic_prefix, START_MS + LATE_MS))
        (alert, *_) = await until(alerts)
        receiving.process.send_signal(signal.SIGTERM)
        assert await receiving.ended() == 0
    assert (alert["platform"], alert["shop"], alert["order"]) == ("lazada", "7", "9")
