"""Figures against those of the day before, over the API."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from rules.calendar.instants import DAY_MS
from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay
from streams.kafka.embedded import EmbeddedBroker
from streams.views.day_to_day import good_ratios
from tests.rules.history import every_pack
from tests.runtime.support import START_MS, event, until
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import standing
from tests.web.support import working

TODAY = date(2026, 1, 1)
URL = "/api/yesterday"


def of_day(
    back: int,
    share: float | None = None,
    points: float | None = None,
    *,
    shop: str = "s17",
    rule: str = "joom.late",
    threshold: float | None = 0.05,
    limit: float | None = 12.0,
    period: str | None = None,
    exposure: tuple[tuple[str, str], ...] = (),
    **open_alerts: int,
) -> DailyValues:
    """So many days before today."""
    day = (TODAY - timedelta(days=back)).isoformat()
    ratio = RatioOfDay(
        value=share, threshold=threshold, numerator=1, denominator=9, first_day=day, last_day=day, period=period
    )
    return DailyValues(
        platform="joom",
        shop=shop,
        day=day,
        zone="UTC",
        at=f"{day}T12:00:00Z",
        ratios={rule: ratio},
        ledgers={} if points is None else {"joom.points": PointsOfDay(ledger="points", points=points, limit=limit)},
        open_alerts=open_alerts,
        alerts=AlertsOfDay(),
        exposure=[{"amount": amount, "currency": currency} for amount, currency in exposure],
        penalties=[],
    )


@pytest.fixture(autouse=True)
def _event_time(api: Api) -> None:
    api.log.standings(standing(at=f"{TODAY}T12:00:00Z"))


async def yesterday_of(api: Api, *days: DailyValues) -> Any:
    api.days = list(days)
    return await api.get(URL)


async def test_without_days_nothing_is_compared(api: Api) -> None:
    answer = await yesterday_of(api)
    assert (answer["at"], answer["shops"], answer["exposure"], answer["moved"]) == (None, 0, [], [])


async def test_money_and_alerts_of_all_shops_are_summed_for_both_days(api: Api) -> None:
    answer = await yesterday_of(
        api,
        of_day(1, exposure=(("10.10", "USD"), ("5", "EUR")), critical=3),
        of_day(0, exposure=(("10.20", "USD"),), critical=4, info=1),
        of_day(1, shop="other", exposure=(("0.20", "USD"),), critical=1),
        of_day(0, shop="other", warning=2),
    )
    assert (answer["at"], answer["shops"]) == ("2026-01-01T12:00:00Z", 2)
    assert answer["exposure"] == [
        {"currency": "EUR", "before": "5", "now": "0"},
        {"currency": "USD", "before": "10.30", "now": "10.20"},
    ]
    assert answer["open_alerts"] == {
        "critical": {"before": 4, "now": 4},
        "warning": {"before": 0, "now": 2},
        "info": {"before": 0, "now": 1},
    }


async def test_ratios_and_points_that_moved_are_told_those_first_that_crossed(api: Api) -> None:
    answer = await yesterday_of(
        api,
        of_day(1, 0.01, 3),
        of_day(0, 0.04, 3.5),
        of_day(1, 0.049, shop="crossed"),
        of_day(0, 0.051, shop="crossed"),
    )
    assert [(each["shop"], each["rule"], each["before"], each["now"]) for each in answer["moved"]] == [
        ("crossed", "joom.late", 0.049, 0.051),
        ("s17", "joom.late", 0.01, 0.04),
        ("s17", "joom.points", 3, 3.5),
    ]
    assert [each["crossed"] for each in answer["moved"]] == [True, False, False]
    assert (answer["moved"][2]["unit"], answer["moved"][2]["threshold"]) == ("points", 12)


@pytest.mark.parametrize(
    ("before", "now"),
    [((11, 12), (13, 24)), ((23, 24), (25, None)), ((13, 24), (11, 12))],
    ids=["to another step", "past the last", "back"],
)
async def test_a_step_of_several_that_was_passed_has_been_crossed(
    api: Api, before: tuple[float, float | None], now: tuple[float, float | None]
) -> None:
    answer = await yesterday_of(
        api, of_day(1, points=before[0], limit=before[1]), of_day(0, points=now[0], limit=now[1])
    )
    assert [(each["before"], each["now"], each["crossed"]) for each in answer["moved"]] == [(before[0], now[0], True)]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"share": 0.01}, {"share": 0.01}),
        ({"share": 0.01}, {"share": 0.01004}),
        ({"share": None}, {"share": 0.01}),
        ({"share": 0.04, "period": "2025-12"}, {"share": 0.0, "period": "2026-01"}),
        ({"share": 0.01, "threshold": None}, {"share": 0.04, "threshold": None}),
    ],
    ids=["the same", "less than is shown", "unknown", "another month", "no threshold"],
)
async def test_what_has_not_moved_or_cannot_be_compared_is_left_out(
    api: Api, before: dict[str, Any], now: dict[str, Any]
) -> None:
    answer = await yesterday_of(api, of_day(1, **before), of_day(0, **now))
    assert (answer["shops"], answer["moved"], answer["moved_total"]) == (1, [], 0)


async def test_it_says_what_moved_for_the_worse(api: Api) -> None:
    moved = (
        await yesterday_of(
            api,
            of_day(1, 0.02, 4, shop="worse"),
            of_day(0, 0.03, 5, shop="worse"),
            of_day(1, 0.06, 5, shop="better"),
            of_day(0, 0.04, 4, shop="better"),
            of_day(1, 0.94, shop="kept", rule="joom.kept"),
            of_day(0, 0.96, shop="kept", rule="joom.kept"),
            of_day(1, 0.96, shop="lost", rule="joom.kept"),
            of_day(0, 0.94, shop="lost", rule="joom.kept"),
        )
    )["moved"]
    assert {(each["shop"], each["worse"]) for each in moved} == {
        ("worse", True),
        ("better", False),
        ("kept", False),
        ("lost", True),
    }


def test_the_packs_ratios_of_what_went_well_are_known_as_such() -> None:
    assert good_ratios(every_pack()) == {
        "joom.platform_logistics",
        "joom.quarter_ship_rate",
        "joom.fulfilment_health",
        "tiktok.valid_tracking",
    }


async def test_a_shop_without_both_days_is_not_compared(api: Api) -> None:
    answer = await yesterday_of(
        api,
        of_day(0, 0.1, shop="new"),
        of_day(2, 0.1, shop="gap"),
        of_day(0, 0.2, shop="gap"),
        of_day(3, 0.1, shop="gone"),
        of_day(2, 0.2, shop="gone"),
    )
    assert answer["shops"] == 0


async def test_of_several_records_of_a_day_the_last_holds_in_whatever_order_days_come(api: Api) -> None:
    answer = await yesterday_of(api, of_day(0, 0.03), of_day(2, 0.9), of_day(1, 0.9), of_day(0, 0.02), of_day(1, 0.01))
    (moved,) = answer["moved"]
    assert (moved["before"], moved["now"]) == (0.01, 0.02)


async def test_the_first_of_what_moved_are_told_with_how_many_there_are(api: Api) -> None:
    days = [of_day(back, 0.01 * (2 - back), shop=f"s{n}") for n in range(120) for back in (1, 0)]
    answer = await yesterday_of(api, *days)
    assert (len(answer["moved"]), answer["moved_total"]) == (10, 120)
    assert len((await api.get(f"{URL}?limit=100"))["moved"]) == 100
    assert (await api.problem(f"{URL}?limit=101"))[0] == 400


async def test_however_often_it_is_asked_the_topic_is_read_once(api: Api) -> None:
    await yesterday_of(api, of_day(1, 0.1), of_day(0, 0.2))
    await yesterday_of(api, of_day(1, 0.1), of_day(0, 0.2))
    assert api.all_days_read == 1


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
    assert (await yesterday_of(api, of_day(1), of_day(0)))["shops"] == 1


async def test_a_worker_on_the_embedded_broker_compares_its_days(broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path) as worker:
        await worker.send(event("order.placed", START_MS))
        for day in range(1, 5):  # the order is overdue on the fourth
            await worker.tick(START_MS + day * DAY_MS)
        await worker.listed("/api/alerts?state=open&severity=critical")

        async def compared() -> Any:
            answer = await worker.client.get(URL)
            return answer.json() if answer.status_code == 200 and answer.json()["shops"] else None

        counts = (await until(compared))["open_alerts"]
        assert counts["critical"]["now"] + counts["warning"]["now"] + counts["info"]["now"] == 1
