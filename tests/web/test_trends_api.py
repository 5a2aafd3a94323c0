"""Trends over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from rules.calendar.instants import DAY_MS
from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay
from streams.kafka.embedded import EmbeddedBroker
from tests.runtime.support import START_MS, event, until
from tests.web.api import Api
from tests.web.records import standing
from tests.web.support import working

TODAY = date(2026, 1, 1)
URL = "/api/trends?platform=joom&shop=s17"


def of_day(day: date, ratio: RatioOfDay | None = None, points: float | None = None, shop: str = "s17") -> DailyValues:
    ledger = PointsOfDay(ledger="points", points=points or 0, limit=12.0, first_day=None)
    return DailyValues(
        platform="joom",
        shop=shop,
        day=day.isoformat(),
        zone="Europe/Berlin",
        at=f"{day}T22:59:59.999Z",
        ratios={} if ratio is None else {"joom.late": ratio},
        ledgers={} if points is None else {"joom.points": ledger},
        open_alerts={},
        alerts=AlertsOfDay(),
        exposure=[],
        penalties=[],
    )


def ratio(bad: int, first: str = "2025-12-02", last: str = "2026-01-01", **others: Any) -> RatioOfDay:
    shown = {"value": bad / 100, "threshold": 0.05, "numerator": bad, "denominator": 100}
    return RatioOfDay(**shown, first_day=first, last_day=last, **others)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    made.log.standings(standing(), standing("other"))
    async with made.client:
        yield made


async def test_a_shop_without_days_has_no_trends_yet(api: Api) -> None:
    assert await api.get(URL) == {"platform": "joom", "shop": "s17", "zone": None, "items": [], "next": None}


async def test_each_ratio_is_told_day_by_day_over_its_window_and_days_that_are_missing_are_missing(api: Api) -> None:
    api.days = [of_day(TODAY - timedelta(days=n), ratio(n)) for n in (40, 29, 2, 0)]
    (trend,) = (await api.get(URL))["items"]
    assert (trend["rule"], trend["unit"], trend["ledger"]) == ("joom.late", "share", None)
    assert (trend["first_day"], trend["last_day"]) == ("2025-12-02", "2026-01-01")
    assert [(each["day"], each["value"]) for each in trend["points"]] == [
        ("2025-12-03", 0.29),
        ("2025-12-30", 0.02),
        ("2026-01-01", 0.0),
    ]
    assert trend["points"][0] | {"day": "", "period": ""} == {
        "day": "",
        "value": 0.29,
        "threshold": 0.05,
        "numerator": 29,
        "denominator": 100,
        "period": "",
    }


async def test_a_month_that_has_just_begun_is_shown_with_the_days_before_and_to_its_end(api: Api) -> None:
    api.days = [
        of_day(date(2025, 12, 31), ratio(3, "2025-12-01", "2025-12-31", period="2025-12")),
        of_day(TODAY, ratio(0, "2026-01-01", "2026-01-31", period="2026-01")),
    ]
    (trend,) = (await api.get(URL))["items"]
    assert (trend["first_day"], trend["last_day"]) == ("2025-12-03", "2026-01-31")
    assert [each["period"] for each in trend["points"]] == ["2025-12", "2026-01"]


async def test_points_are_told_with_their_limit_over_all_days_where_they_are_never_cleared(api: Api) -> None:
    api.days = [of_day(TODAY - timedelta(days=n), points=200 - n) for n in (200, 100, 0)]
    (trend,) = (await api.get(URL))["items"]
    assert (trend["rule"], trend["unit"], trend["ledger"]) == ("joom.points", "points", "points")
    assert (trend["first_day"], len(trend["points"])) == ("2025-06-15", 3)
    assert (trend["points"][-1]["value"], trend["points"][-1]["threshold"]) == (200, 12)


async def test_of_several_records_of_a_day_the_newest_holds(api: Api) -> None:
    api.days = [of_day(TODAY, ratio(1)), of_day(TODAY - timedelta(days=1), ratio(9)), of_day(TODAY, ratio(2))]
    (trend,) = (await api.get(URL))["items"]
    assert [each["value"] for each in trend["points"]] == [0.09, 0.02]


async def test_one_rule_and_fewer_days_can_be_asked_for(api: Api) -> None:
    api.days = [of_day(TODAY - timedelta(days=n), ratio(n), points=1) for n in (9, 4, 0)]
    (trend,) = (await api.get(f"{URL}&rule=joom.points&days=5"))["items"]
    assert (trend["rule"], len(trend["points"])) == ("joom.points", 2)
    assert (await api.get(f"{URL}&rule=joom.other"))["items"] == []


async def test_another_shops_days_and_a_shop_nobody_knows(api: Api) -> None:
    api.days = [of_day(TODAY, ratio(1), shop="other")]
    assert (await api.get(URL))["items"] == []
    assert await api.problem("/api/trends?platform=joom&shop=nobody") == (
        404,
        "no shop joom/nobody has been heard of",
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("platform=joom", "in the query: Object missing required field `shop`"),
        ("platform=joom&shop=s17&day=3", "in the query: no parameter 'day' here; it takes platform, shop, rule, days"),
        ("platform=joom&shop=s17&days=401", "in the query: Expected `int` <= 400 - at `$.days`"),
    ],
)
async def test_a_wrong_query_is_refused(api: Api, query: str, message: str) -> None:
    assert await api.problem(f"/api/trends?{query}") == (400, message)


async def test_however_many_ask_the_topic_is_read_once(api: Api) -> None:
    api.days = [of_day(TODAY, ratio(1))]
    await asyncio.gather(*(api.get(URL) for _ in range(5)))
    assert len(api.days_read) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TopicAuthorizationFailedError(), "this user lacks READ on daily values; see deploy/docs/kafka-acls.md"),
        (KafkaConnectionError(), "daily values can't be read: KafkaConnectionError"),
    ],
)
async def test_days_that_cannot_be_read_are_told_so(api: Api, error: Exception, message: str) -> None:
    api.days = error
    assert await api.problem(URL) == (503, message)


async def test_a_worker_on_the_embedded_broker_writes_days_and_tells_them(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with working(broker.bootstrap, tmp_path) as worker:
        await worker.send(event("order.placed", START_MS))
        await worker.tick(START_MS + 3 * DAY_MS)

        async def zone() -> Any:
            answer = await worker.client.get(URL)
            return answer.status_code == 200 and answer.json()["zone"]

        assert await until(zone) == "UTC"
