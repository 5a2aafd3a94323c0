"""The weekly report as a digest: when it is due, what it says, and that nobody gets it twice."""

from collections.abc import Callable
from typing import Any

import pytest

from rules.calendar.instants import DAY_MS, from_rfc3339
from rules.messages.daily_values import AlertsOfDay
from streams.kafka.topics import TopicNames
from streams.reporting.from_kafka import NoDataError
from streams.reporting.shop_week import ShopWeek, shop_week
from streams.reporting.week import Week
from streams.reporting.words import Words
from streams.settings import Settings
from streams.sinks.delivery import Delivery
from streams.sinks.notify import weekly as weekly_module
from streams.sinks.notify.routes import Route
from streams.sinks.notify.sink import MINUTE_MS, Notifier, target
from streams.sinks.notify.weekly import SentInKafka, Weekly, WeeklyTime
from streams.translations import Translations
from streams.views.mutes import Mutes
from streams.views.zones import Zones
from tests.reporting.records import WEEK, by_day, day_of
from tests.runtime.workers import Site
from tests.sinks.support import Hand, Naps, Receiver
from tests.support.kafka import Kafka

W02 = Week.named("2026-W02")
MONDAY_8 = from_rfc3339("2026-01-12T00:00:00Z")
"""08:00 in Shanghai on the Monday after that week."""
AT = WeeklyTime.parse("mon 08:00")
SETTINGS = Settings(broker="kafka://nowhere")


@pytest.mark.parametrize(
    ("at", "now", "due"),
    [
        ("mon 08:00", "2026-01-11T23:59:59Z", None),
        ("mon 08:00", "2026-01-12T00:00:00Z", "2026-W02"),
        ("mon 08:00", "2026-01-14T00:00:00Z", "2026-W02"),
        ("mon 08:00", "2026-01-14T00:00:01Z", None),
        ("fri 18:30", "2026-01-16T10:30:00Z", "2026-W02"),
        ("sun 00:00", "2026-01-17T16:00:00Z", "2026-W02"),
    ],
)
def test_it_is_due_at_its_time_in_the_readers_zone_and_for_two_days(at: str, now: str, due: str | None) -> None:
    found = WeeklyTime.parse(at).due(from_rfc3339(now), "Asia/Shanghai")
    assert (found and str(found)) == due


@pytest.mark.parametrize("text", ["monday 08:00", "mon", "mon 8:00", "mon 25:00", "Mon 08:00", "mon 08:00 "])
def test_what_is_no_day_and_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        WeeklyTime.parse(text)


class Remembered:
    """Remembers in memory."""

    def __init__(self, week: Week | None = None) -> None:
        self.week = week

    async def newest(self) -> Week | None:
        return self.week

    async def remember(self, week: Week) -> None:
        self.week = week


def answer(monkeypatch: pytest.MonkeyPatch, *days: Any) -> list[Week]:
    """The report is made of these days; returns the weeks asked for."""
    asked: list[Week] = []

    async def weekly(settings: Settings, week: Week, wanted: Callable[[str, str], bool]) -> tuple[Week, list[ShopWeek]]:
        asked.append(week)
        reports = [shop_week(week, by_day(day), []) for day in days if wanted(day.platform, day.shop)]
        if not reports:
            raise NoDataError(f"nothing is known of week {week}")
        return week, [each for each in reports if each is not None]

    monkeypatch.setattr(weekly_module, "weekly", weekly)
    return asked


def driven(receiver: Receiver, sent: Remembered, partition: int = 0, **route: Any) -> Hand:
    url = receiver.url.replace("http://", "json://")
    made = Route(name="boss", to=url, weekly="mon 08:00", **route)
    weekly = Weekly(AT, "Asia/Shanghai", Words(made.language), SETTINGS, sent, made.platforms, made.shops)
    delivery = Delivery("notify-boss", sleep=Naps())
    to = target(url, "here")
    notifier = Notifier(delivery, made, to, 15, "http://here", Zones({}), Mutes(), Translations({}), weekly)
    return Hand(notifier, partition)


async def test_the_report_of_last_week_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, day_of(WEEK[0], shop="@all", alerts=AlertsOfDay(opened=3)))
    sent = Remembered()
    async with Receiver() as receiver:
        sink = driven(receiver, sent)
        await sink.assigned()
        await sink.run(MONDAY_8 - 1)
        assert receiver.bodies == []
        for minutes in (1, 2, 3):
            await sink.run(MONDAY_8 + minutes * MINUTE_MS)
        (body,) = receiver.bodies
        again = driven(receiver, sent)  # another worker, or this one after a restart
        await again.assigned()
        await again.run(MONDAY_8 + DAY_MS)
        assert len(receiver.bodies) == 1
    assert (body["title"], body["type"]) == ("Week 2026-W02: 2026-01-05 to 2026-01-11", "info")
    assert body["message"].startswith("joom/＠all\n") and "Alerts opened: 3" in body["message"]
    assert body["message"].endswith("http://here/")
    assert (asked, sent.week) == ([W02], W02)


async def test_it_tells_of_the_routes_shops_in_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, day_of(WEEK[0]), day_of(WEEK[0], shop="other"), day_of(WEEK[0], platform="ozon"))
    async with Receiver() as receiver:
        sink = driven(receiver, Remembered(), platforms=("joom",), shops=("s17",), language="zh")
        await sink.assigned()
        await sink.run(MONDAY_8)
    (body,) = receiver.bodies
    assert body["title"].startswith("2026-W02 周报")
    assert "joom/s17" in body["message"] and "other" not in body["message"] and "ozon" not in body["message"]


async def test_only_the_worker_with_the_first_partition_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, day_of(WEEK[0]))
    async with Receiver() as receiver:
        other = driven(receiver, Remembered(), partition=1)
        await other.assigned()
        await other.run(MONDAY_8)
        first = driven(receiver, Remembered())
        await first.assigned()
        first.sink.revoked(0)
        await first.sink.tick(MONDAY_8)
        assert receiver.bodies == []


async def test_a_week_of_which_nothing_is_known_is_not_told_and_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, sent = answer(monkeypatch), Remembered()
    async with Receiver() as receiver:
        sink = driven(receiver, sent)
        await sink.assigned()
        for minutes in range(3):
            await sink.run(MONDAY_8 + minutes * MINUTE_MS)
    assert (receiver.bodies, asked, sent.week) == ([], [W02], W02)


@pytest.mark.kafka
async def test_what_was_sent_is_remembered_in_kafka(kafka: Kafka, topic_prefix: str, tmp_path: Any) -> None:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path)
    site.make_topics()
    names = TopicNames(site.prefix, site.group)

    def sent(route: str = "boss") -> SentInKafka:
        return SentInKafka(site.settings(), f"{site.group}-sink-notify-{route}-weekly", names.alerts)

    await sent().remember(W02)
    assert await sent().newest() == W02
    await sent().remember(Week.named("2026-W03"))
    assert str(await sent().newest()) == "2026-W03"
    assert await sent("other").newest() is None
