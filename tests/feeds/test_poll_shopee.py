"""Shopee's API read by `shipclock poll`: orders, lost pushes, performance."""

import asyncio
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import REGISTRY

from streams.feeds.apps import FeedSettings
from streams.feeds.language import SourceFile
from streams.feeds.mapping import Mapped
from streams.feeds.paths import Path as JmesPath
from streams.feeds.polling import poller
from streams.feeds.polling.pages import newest_ms
from tests.feeds.emulated.platform import DAY_MS, HOUR_MS, MINUTE_MS, Clock
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polled_shopee import LIST
from tests.feeds.polled_shopee import clock as clock
from tests.feeds.polled_shopee import feeds as feeds
from tests.feeds.polled_shopee import shopee as shopee
from tests.feeds.polled_shopee import written as written
from tests.feeds.polling import Notebook, polled, settings
from tests.runtime.support import LONG_S


async def test_what_changed_becomes_events_once(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
        await polls["orders"].read()
        clock.at_ms += HOUR_MS
        shopee.order("A1", order_status="SHIPPED", pickup_done_time=clock.at_ms // 1000)
        await polls["orders"].read()
    assert written.ids() == ["A1:placed", "A1:placed", "A1:shipped"]
    placed = written.events("orders")[0]
    assert (placed["shop"], placed["data"]["amount"], placed["source"]) == ("jakarta", "154000.00", "feed/shopee")
    assert shopee.refused == []


async def test_days_without_a_poll_are_caught_up_with_from_page_to_page(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    for n in range(350):
        clock.at_ms += 20 * MINUTE_MS
        shopee.order(f"A{n}")
    async with polled(feeds, tmp_path, clock, written) as polls:  # another process
        await polls["orders"].read()
    assert sorted(written.ids()) == sorted(f"A{n}:placed" for n in range(350))
    assert shopee.refused == []


async def test_what_is_listed_late_is_not_missed(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
        clock.at_ms += MINUTE_MS
        shopee.order("A2")
        await polls["orders"].read()
        shopee.order("A3", at_ms=clock.at_ms - 8 * MINUTE_MS)
        await polls["orders"].read()
    assert written.ids() == ["A1:placed", "A2:placed", "A3:placed"]


async def test_a_reading_of_a_quiet_shop_with_a_long_overlap_comes_to_its_end(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    class Running(Clock):
        def now_ms(self) -> int:
            self.at_ms += 1
            return self.at_ms

    running = Running(clock.at_ms)
    async with polled(feeds, tmp_path, running, written) as polls, asyncio.timeout(LONG_S):  # else it would never end
        poll = polls["orders"]
        poll.settings = poll.settings._replace(overlap_ms=DAY_MS)
        await poll.read()
        calls = shopee.calls[LIST]
        await poll.read()
    assert shopee.calls[LIST] - calls == 1


async def test_the_mark_stays_where_kafka_did_not_take_what_was_read(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    async with polled(feeds, tmp_path, clock, written) as polls:
        written.is_away = True
        await polls["orders"].turn()
        clock.at_ms += 2 * DAY_MS
        shopee.order("A2")
        await polls["orders"].turn()
        written.is_away = False
        await polls["orders"].turn()
    assert written.ids() == ["A1:placed", "A2:placed"]


async def test_calls_wait_as_long_as_they_are_asked_to(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["performance"].read()
        shopee.refuse_next(429, "", Retry_After="40")
        shopee.refuse_next(200, {"error": "error_rate_limit", "message": ""})
        shopee.refuse_next(502, "<html>")
        await polls["orders"].read()
    assert written.ids() == ["A1:placed"]
    assert any(40 <= pause <= 41 for pause in clock.pauses)


async def test_a_spent_quota_is_waited_for_until_midnight_in_singapore(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["performance"].read()
        shopee.refuse_next(403, {"error": "error_limit", "message": ""})
        wait_ms = await polls["orders"].turn()
    assert (clock.at_ms + wait_ms) % DAY_MS == 16 * HOUR_MS


async def test_lost_pushes_are_confirmed_when_their_events_are_written(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    for n in range(5):
        shopee.lose(f"A{n}", "SHIPPED")
    shopee.lost_page = 2
    async with polled(feeds, tmp_path, clock, written) as polls:
        written.is_away = True
        await polls["lost pushes"].turn()
        assert shopee.confirmed == []
        written.is_away = False
        await polls["lost pushes"].turn()
        await polls["lost pushes"].turn()
    assert written.ids() == [f"A{n}:shipped" for n in range(5)]
    assert shopee.confirmed == [40_002, 40_002, 40_001]
    assert shopee.refused == []


async def test_a_deadline_that_moves_is_told_once_even_after_a_restart(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    clock.at_ms += HOUR_MS
    later_s = 1_794_135_600
    shopee.order("A1", ship_by_date=later_s)
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    changed = [event for event in written.events() if event["type"] == "order.deadline_changed"]
    assert [event["id"] for event in changed] == [f"A1:deadline:{later_s}:{clock.at_ms // 1000}"]
    assert changed[0]["data"] == {"ship_by": "2026-11-08T11:00:00Z", "by": "platform"}


async def test_performance_becomes_metrics(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    metric = {"metric_id": 1, "current_period": 4.17, "unit": 2, "target": {"value": 10.0, "comparator": "<"}}
    shopee.metrics = [metric]
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["performance"].read()
    (event,) = written.events("shops")
    assert (event["type"], event["data"]["name"], event["data"]["value"]) == (
        "metric.reported",
        "late_shipment_rate",
        0.0417,
    )


async def test_the_points_that_count_now_are_added_up(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.points = [{"latest_point_num": 2, "violation_type": 5}, {"latest_point_num": 1, "violation_type": 6}]
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["penalty points"].read()
    (event,) = written.events("shops")
    assert (event["type"], event["data"]) == (
        "points.reported",
        {"value": 3, "name": "points", "period": "2026-Q4"},
    )
    assert shopee.refused == []


async def test_pushes_that_fail_at_the_platform_are_told_to_whoever_runs_this(
    shopee: Shopee,
    feeds: FeedSettings,
    clock: Clock,
    tmp_path: Path,
    written: Notebook,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["push status"].read()
        assert caplog.text == ""
        shopee.push_status = "Suspended"
        await polls["push status"].read()
    assert "shopee/main/910044217/push status: pushes failing" in caplog.text
    assert (list(written), shopee.refused) == ([], [])


async def test_lost_pushes_tell_as_much_as_the_orders_do(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    shopee.lose("A1", "READY_TO_SHIP")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["lost pushes"].read()
    (placed,) = written.events("orders")
    assert (placed["id"], placed["shop"], placed["data"]["amount"]) == ("A1:placed", "jakarta", "154000.00")


async def test_a_clock_that_is_five_minutes_off_is_a_refusal_that_is_counted(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    ours = Clock(clock.at_ms + 6 * MINUTE_MS)
    before = _polls("refused")
    async with polled(feeds, tmp_path, ours, written) as polls:
        await polls["orders"].turn()
    assert (shopee.refused, _polls("refused") - before) == (["clock"], 1)


async def test_an_answer_that_unpacks_to_too_much_is_refused(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    bomb = gzip.compress(b"[" + b" " * 64 * 1024 * 1024 + b"]")
    assert len(bomb) < 100_000
    before = _polls("refused")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["performance"].read()
        shopee.refuse_next(200, bomb, Content_Encoding="gzip")
        await polls["orders"].turn()
    assert _polls("refused") - before == 1


def _polls(outcome: str) -> float:
    named = {"source": "shopee", "outcome": outcome}
    return REGISTRY.get_sample_value("shipclock_feed_polls_total", named) or 0.0


async def test_a_shop_is_read_more_often_while_there_is_news(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    async with polled(feeds, tmp_path, clock, written) as polls:
        orders, pauses = polls["orders"], []
        for n in range(6):
            if n in (1, 2):
                shopee.order(f"A{n}")
            await orders.turn()
            pauses.append(orders.pause_ms)
    assert pauses == [300_000, 100_000, 100_000, 200_000, 300_000, 300_000]


async def test_a_shop_whose_pushes_have_stopped_is_read_more_often(
    shopee: Shopee, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    more = {"callback_url": "https://hooks.example.net/feeds/shopee/main"}
    async with polled(settings(tmp_path, shopee, push=True, more=more), tmp_path, clock, written) as polls:
        orders = polls["orders"]
        shopee.order("A1")
        orders.ledger.set_pushed(orders.shop, clock.at_ms)
        await orders.turn()
        assert orders.pause_ms == 15 * MINUTE_MS
        clock.at_ms += 10 * MINUTE_MS
        shopee.order("A2")
        await orders.turn()
        assert orders.pause_ms == 5 * MINUTE_MS
        shopee.order("A3")
        orders.ledger.set_pushed(orders.shop, clock.at_ms)
        await orders.turn()
        assert orders.pause_ms == 10 * MINUTE_MS


async def test_performance_that_stays_the_same_is_told_each_day(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.metrics = [{"metric_id": 1, "current_period": 4.17, "unit": 2}]
    async with polled(feeds, tmp_path, clock, written) as polls:
        for _ in range(2):
            await polls["performance"].read()
            clock.at_ms += DAY_MS
    assert written.ids() == [f"jakarta:metric:1:2026-11-{day}" for day in ("03", "04")]


async def test_an_order_that_can_not_be_mapped_by_a_mistake_of_ours_holds_up_no_other(
    shopee: Shopee,
    feeds: FeedSettings,
    clock: Clock,
    tmp_path: Path,
    written: Notebook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shopee.order("A1")
    shopee.order("A2")
    mapped = poller.map_answer

    def fail(source: SourceFile, document: dict[str, Any], setting: Mapping[str, Any]) -> Mapped:
        order = document["response"]["order_list"][0]
        if order["order_sn"] == "A1":
            raise ZeroDivisionError
        return mapped(source, document, setting)

    monkeypatch.setattr(poller, "map_answer", fail)
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    assert written.ids() == ["A2:placed"]
    assert written.reasons() == ["shopee: could not be mapped: ZeroDivisionError"]


def test_a_time_of_change_that_can_not_be_read_is_passed_over() -> None:
    utc = ZoneInfo("UTC")
    assert newest_ms(JmesPath("times"), {"times": ["soon", 1_793_700_000, None]}, utc) == 1_793_700_000_000
    assert newest_ms(JmesPath("length(times)"), {"times": None}, utc) is None


async def test_what_can_not_be_mapped_is_one_dead_letter_and_the_rest_counts(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1", order_status="WAT")
    shopee.order("A2")
    async with polled(feeds, tmp_path, clock, written) as polls:
        for _ in range(3):
            await polls["orders"].read()
            clock.at_ms += MINUTE_MS
    assert written.ids() == ["A2:placed"]
    assert written.reasons() == ["shopee: order detail: status 'WAT' is not known"]
