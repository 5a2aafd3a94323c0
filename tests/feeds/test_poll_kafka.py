"""From an emulated platform to alerts: `shipclock receive`, `feed-map`, `poll` and `worker` as users run them."""

import hashlib
import hmac
import json
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.feeds.emulated.platform import DAY_MS, HOUR_MS, WallClock
from tests.feeds.emulated.shopee import KEY, Shopee
from tests.feeds.polling import write_settings
from tests.feeds.test_receive_kafka import LISTENS
from tests.runtime.support import until
from tests.runtime.workers import READY, SHIPCLOCK, Site, WorkerProcess
from tests.support.kafka import Kafka, read_topic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
CALLBACK = "https://hooks.example.net/feeds/shopee/main"


async def test_pushed_polled_and_lost_facts_count_once_and_the_alerts_are_right(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path, clock="wall")
    async with Shopee(clock := WallClock()) as shopee:
        feeds = write_settings(tmp_path, shopee, push=True, more={"callback_url": CALLBACK})
        late_ms, shipped_ms = clock.now_ms() - 4 * DAY_MS, clock.now_ms() - 3 * DAY_MS
        for order in ("LATE", "PUSHED", "POLLED", "LOST"):
            shopee.order(order, at_ms=late_ms)
        shopee.order("POLLED", at_ms=shipped_ms, order_status="SHIPPED", pickup_done_time=shipped_ms // 1000)
        shopee.order("NEW", at_ms=clock.now_ms() - HOUR_MS)
        lost = {"ordersn": "LOST", "status": "SHIPPED", "update_time": shipped_ms // 1000}
        shopee.lost.append({"code": 3, "data": json.dumps({"code": 3, "shop_id": int(shopee.shop), "data": lost}),
                            "timestamp": clock.now_ms() // 1000})  # fmt: skip
        environment = site.environment | {"SHIPCLOCK_FEEDS": str(feeds)}
        site.make_topics()

        async def read(topic: str) -> list[dict[str, object]]:
            return [json.loads(record.value) for record in await read_topic(kafka.bootstrap, topic_prefix + topic)]

        async def has_all(times: int) -> bool:
            ids = Counter(str(event["id"]) for event in await read("orders"))
            once = all(ids[each] for each in ("PUSHED:shipped", "LOST:shipped"))
            return once and all(ids[each] >= times for each in ("LATE:placed", "POLLED:shipped", "NEW:placed"))

        async with (
            WorkerProcess(environment, tmp_path / "receive.log", (SHIPCLOCK, "receive")) as receiver,
            WorkerProcess(environment, tmp_path / "map.log", (SHIPCLOCK, "feed-map")),
        ):
            await until(lambda: LISTENS in receiver.log())
            address = receiver.log().partition(LISTENS)[2].split("feeds/")[0]
            pushed = {"ordersn": "PUSHED", "status": "SHIPPED", "update_time": shipped_ms // 1000}
            body = json.dumps({"code": 3, "shop_id": int(shopee.shop), "data": pushed}).encode()
            proof = hmac.new(KEY.encode(), f"{CALLBACK}|".encode() + body, hashlib.sha256).hexdigest()
            async with httpx.AsyncClient(base_url=address, timeout=30) as client:

                async def is_taken() -> bool:
                    answer = await client.post("/feeds/shopee/main", content=body, headers={"authorization": proof})
                    return answer.is_success

                await until(is_taken)
            for n in (1, 2):  # the second has lost what the first has kept, and reads all of it again
                (tmp_path / "refresh_token").write_text(shopee.grant(shopee.shop))
                polling = environment | {"SHIPCLOCK_DATADIR": str(tmp_path / f"polls-{n}")}
                async with WorkerProcess(polling, tmp_path / f"poll-{n}.log", (SHIPCLOCK, "poll")) as poll:
                    await until(lambda times=n: has_all(times))
                    poll.process.send_signal(signal.SIGTERM)
                    assert await poll.ended() == 0, poll.log()
                    assert "Traceback" not in poll.log()
                    assert KEY not in poll.log()
        async with site.worker() as worker:
            await until(lambda: READY in worker.log())

            async def alerts() -> list[dict[str, object]]:
                return await read("alerts")

            await until(alerts)
            emitted = await alerts()
    assert {alert["order"] for alert in emitted} == {"LATE"}, emitted
    counted = Counter(str(event["id"]) for event in await read("orders"))
    assert set(counted) == {f"{order}:placed" for order in ("LATE", "PUSHED", "POLLED", "LOST", "NEW")} | {
        f"{order}:shipped" for order in ("PUSHED", "POLLED", "LOST")
    }
    assert await read("dead-letters") == []
    assert shopee.refused == []
