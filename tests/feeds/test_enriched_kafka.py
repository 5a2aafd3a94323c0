"""A thin push on real Kafka: receiver, mapper and poller as users run them, with an emulated Shopee behind, end in the
alert that only the order's detail tells of."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.feeds.emulated.platform import DAY_MS, HOUR_MS, WallClock
from tests.feeds.emulated.services import Track17
from tests.feeds.emulated.shopee import KEY, Shopee
from tests.feeds.polling import write_settings
from tests.feeds.test_receive_kafka import LISTENS
from tests.runtime.support import until
from tests.runtime.workers import READY, SHIPCLOCK, Site, WorkerProcess
from tests.support.kafka import Kafka, read_topic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
CALLBACK = "https://hooks.example.net/feeds/shopee/main"
TOKEN = "/api/v2/auth/access_token/get"


def signed(push: Any) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(push).encode()
    proof = hmac.new(KEY.encode(), f"{CALLBACK}|".encode() + body, hashlib.sha256).hexdigest()
    return body, {"authorization": proof}


def feeds(folder: Path, shopee: Shopee, track17: Track17) -> Path:
    """Those of one app at each."""
    file = write_settings(folder, shopee, push=True, more={"callback_url": CALLBACK})
    written = json.loads(file.read_text())
    (folder / "track17_key").write_text("track17-key")
    service = {"credentials": {"key": {"file": "track17_key"}}, "register": {"host": track17.host}}
    written["apps"]["track17"] = {"main": service}
    file.write_text(json.dumps(written))
    return file


async def test_a_push_ends_in_the_alert_that_the_orders_detail_tells_of(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path, clock="wall")
    async with Shopee(clock := WallClock()) as shopee, Track17(clock) as track17:
        now_ms = clock.now_ms()
        ended = {"ship_by_date": (now_ms - HOUR_MS) // 1000}  # two working days after payment are not over
        paid = {"create_time": (now_ms - 2 * HOUR_MS) // 1000, "pay_time": (now_ms - 2 * HOUR_MS) // 1000}
        # So long ago that no poll lists them: what is known of these orders, the pushes brought.
        for order, changes in (("LATE", ended), ("EARLY", {}), ("THEIRS", ended)):
            theirs = {"fulfillment_flag": "fulfilled_by_shopee"} if order == "THEIRS" else {}
            shopee.order(order, at_ms=now_ms - 40 * DAY_MS, **paid, **changes, **theirs)
        shopee.order("EARLY", at_ms=now_ms - 40 * DAY_MS, ship_by_date=(now_ms + 2 * DAY_MS) // 1000)
        environment = site.environment | {"SHIPCLOCK_FEEDS": str(feeds(tmp_path, shopee, track17))}
        environment |= {"SHIPCLOCK_DATADIR": str(tmp_path / "polls"), "SHIPCLOCK_PACKS": "shopee"}
        site.make_topics()

        async def read(topic: str) -> list[dict[str, Any]]:
            return [json.loads(record.value) for record in await read_topic(kafka.bootstrap, topic_prefix + topic)]

        async with (
            site.worker(SHIPCLOCK_PACKS="shopee") as worker,
            WorkerProcess(environment, tmp_path / "poll.log", (SHIPCLOCK, "poll")) as poll,
            WorkerProcess(environment, tmp_path / "receive.log", (SHIPCLOCK, "receive")) as receiver,
            WorkerProcess(environment, tmp_path / "map.log", (SHIPCLOCK, "feed-map")) as mapper,
        ):
            await until(lambda: LISTENS in receiver.log())
            await until(lambda: shopee.calls[TOKEN])
            await until(lambda: READY in worker.log())
            address = receiver.log().partition(LISTENS)[2].split("feeds/")[0]
            number = {"ordersn": "LATE", "package_number": "P1", "tracking_no": "RR900100200CN"}
            no_order = {"code": 4, "shop_id": int(shopee.shop), "timestamp": now_ms // 1000, "data": number}
            async with httpx.AsyncClient(base_url=address, timeout=30) as client:

                async def is_taken(push: Any) -> bool:
                    body, headers = signed(push)
                    answer = await client.post("/feeds/shopee/main", content=body, headers=headers)
                    return answer.is_success

                for push in (shopee.push("THEIRS"), shopee.push("EARLY"), shopee.push("LATE"), no_order):
                    await until(lambda push=push: is_taken(push))

            async def overdue() -> list[str]:
                opened = [alert for alert in await read("alerts") if alert["type"].startswith("alert.")]
                return [alert["order"] for alert in opened if alert["data"].get("stage") == "overdue"]

            await until(overdue)
            await until(lambda: track17.followed)
            orders, late = await read("orders"), await overdue()
            logs = poll.log() + receiver.log() + mapper.log()
    assert set(late) == {"LATE"}
    placed = {event["order"]: event["data"] for event in orders if event["type"] == "order.placed"}
    assert placed.keys() == {"LATE", "EARLY"}
    assert all({"amount", "items", "ship_by"} <= data.keys() for data in placed.values())
    assert track17.followed == {"RR900100200CN": f"shopee/{shopee.shop}/LATE"}
    assert (shopee.refused, shopee.calls[TOKEN], track17.refused) == ([], 1, [])
    assert await read("dead-letters") == []
    assert "Traceback" not in logs
    assert not any(secret in logs for secret in (KEY, "track17-key", "refresh-"))
