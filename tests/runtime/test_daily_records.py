"""Which days of which shops are written, and when."""

from typing import Any

import orjson
import pytest

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.messages.daily_values import DailyValues, decode
from rules.reports import daily_values as report
from streams.kafka.topics import DAILY_VALUES_MS
from streams.runtime import daily_records
from streams.runtime.daily_records import AT_ONCE, LATEST_MS, REWRITE_MS
from streams.runtime.partition import Batch, Partition
from streams.runtime.wall_clock import WallClock
from tests.runtime.fakes import FakeBroker, worker_on
from tests.runtime.support import LATE_MS, START_MS, book, event, record, tick


class Days:
    """A partition with the units' rules, and what it has written so far."""

    def __init__(self, clock: str = "event") -> None:
        self.now_ms = START_MS
        wall = WallClock(lambda: (self.now_ms, self.now_ms))
        self.partition = Partition(0, 1, book(), clock, wall)  # type: ignore[arg-type]
        self.offset = 0

    def apply(self, *values: bytes, topic: str = "orders") -> None:
        records = []
        for value in values:
            self.offset += 1
            given = orjson.loads(value)
            key = f"{given['platform']}/{given['shop']}".encode()
            records.append(record(topic, value, partition=0, offset=self.offset, key=key))
        self.partition.apply(Batch(topic, 0, records))

    def go_to(self, at_ms: int) -> list[tuple[str, str, str]]:
        """Has the clock come to an instant; gives shop, day and instant of what was written for it."""
        self.now_ms = at_ms
        while not self.partition.evaluate(at_ms, 100):
            pass
        return self.taken()

    def make_due(self, shop: str = "s17") -> list[tuple[str, str, str]]:
        self.partition.days.make_due(self.partition.engine.shops["joom", shop], self.partition.engine.clock_ms)
        return self.taken()

    def taken(self) -> list[tuple[str, str, str]]:
        return [(each.shop, each.day[5:], each.at[5:16]) for each in self.values()]

    def values(self) -> list[DailyValues]:
        return [decode(value) for records in self.partition.days.drain().values() for _, value in records]


def placed(order: str = "1", at_ms: int = START_MS, shop: str = "s17") -> bytes:
    return event("order.placed", at_ms, order, shop=shop)


def test_history_read_at_once_writes_each_day_that_the_clock_passes_with_the_figures_of_then() -> None:
    days = Days()
    days.apply(placed(), event("order.shipped", START_MS + 4 * DAY_MS))
    while not days.partition.evaluate(START_MS + 5 * DAY_MS + HOUR_MS, 100):
        pass
    found = days.values()
    assert [each.day for each in found] == [f"2026-01-0{n}" for n in range(1, 6)]
    assert [each.at[:19] for each in found] == [f"2026-01-0{n}T23:59:59" for n in range(1, 6)]
    # The deadline passes at the first instant of the 4th day; the order is shipped at that of the 5th.
    assert [each.open_alerts for each in found] == [{}, {}, {}, {"critical": 1}, {}]
    counted = [(each.alerts.opened, each.alerts.deadlines_missed, each.alerts.resolved) for each in found]
    assert counted == [(0, 0, 0)] * 3 + [(1, 1, 0), (0, 0, 1)]


def test_stopping_at_each_days_end_changes_no_alert() -> None:
    def emitted(step_ms: int) -> list[bytes]:
        days = Days()
        days.apply(*(placed(str(n), START_MS + n * HOUR_MS) for n in range(100)))
        days.apply(*(event("order.shipped", START_MS + (n * 7 % 200) * HOUR_MS, str(n)) for n in range(50, 100)))
        found: list[bytes] = []
        for at_ms in range(START_MS, START_MS + 10 * DAY_MS, step_ms):
            days.go_to(at_ms)
            found += [value for _, value in days.partition.drain_alerts()]
        return found

    assert emitted(10 * DAY_MS - 1) == emitted(6 * HOUR_MS)[: len(emitted(10 * DAY_MS - 1))]


def test_a_day_is_named_by_the_event_clock_and_begins_in_the_shops_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    days = Days()
    days.apply(placed())
    shop = days.partition.engine.shops["joom", "s17"]
    monkeypatch.setattr(shop.plan, "zone", "Asia/Shanghai")
    days.partition.engine.book.zones.add("Asia/Shanghai")
    assert days.go_to(START_MS + DAY_MS) == [("s17", "01-01", "01-01T15:59")]


def test_a_shop_that_is_heard_of_later_has_no_days_before() -> None:
    days = Days()
    days.apply(placed(), placed("2", START_MS + 2 * DAY_MS, shop="later"))
    found = days.go_to(START_MS + 3 * DAY_MS)
    assert [day for shop, day, _ in found if shop == "later"] == ["01-03"]
    assert [day for shop, day, _ in found if shop == "s17"] == ["01-01", "01-02", "01-03"]


def test_many_shops_are_looked_at_a_few_at_a_time_and_the_clock_waits_for_the_last() -> None:
    days = Days()
    days.apply(*(placed(shop=f"s{n}") for n in range(2 * AT_ONCE + 10)))
    days.go_to(START_MS + HOUR_MS)
    turns, at_ms = [], START_MS + DAY_MS + HOUR_MS
    while not days.partition.evaluate(at_ms, 100):
        turns.append(len(days.taken()))
    assert turns == [AT_ONCE, AT_ONCE, 10]
    assert days.taken() == []
    assert days.partition.engine.clock_ms == at_ms


def test_days_that_would_be_deleted_at_once_are_not_written() -> None:
    days = Days()
    days.apply(placed())
    days.go_to(START_MS)
    found = days.go_to(START_MS + 3 * DAILY_VALUES_MS)
    assert len(found) == DAILY_VALUES_MS // DAY_MS


def test_a_restart_in_mid_day_counts_that_days_alerts_again_and_not_twice() -> None:
    days = Days()
    days.apply(placed(), placed("2", START_MS + HOUR_MS))
    days.go_to(START_MS + LATE_MS + 2 * HOUR_MS)
    days.partition.days = daily_records.DailyRecords()
    days.apply(event("order.shipped", START_MS + LATE_MS + 3 * HOUR_MS))
    days.go_to(START_MS + LATE_MS + 4 * HOUR_MS)
    days.make_due()
    days.apply(event("order.shipped", START_MS + LATE_MS + 5 * HOUR_MS, "2"))
    days.now_ms = START_MS + 4 * DAY_MS
    while not days.partition.evaluate(days.now_ms, 100):
        pass
    (last,) = [each for each in days.values() if each.day == "2026-01-04"]
    assert (last.alerts.opened, last.alerts.deadlines_missed, last.alerts.resolved) == (2, 2, 2)


# -- the day that goes on ----------------------------------------------------------------------------------------


def test_the_day_that_goes_on_is_written_at_most_every_few_minutes_and_only_if_it_has_changed() -> None:
    days = Days("wall")
    days.apply(placed())
    days.go_to(START_MS)
    assert days.make_due() == [("s17", "01-01", "01-01T00:00")]
    days.apply(placed("2"))
    days.go_to(START_MS + REWRITE_MS - 1)
    assert days.make_due() == []
    days.go_to(START_MS + REWRITE_MS)
    assert days.make_due() == []  # no figure of it has changed
    days.go_to(START_MS + LATE_MS - 1)
    days.make_due()
    days.go_to(START_MS + LATE_MS + REWRITE_MS)
    assert [day for _, day, _ in days.make_due()] == ["01-03", "01-04"]


def test_in_wall_time_a_day_is_written_once_more_after_its_end_with_alerts_of_its_own_day() -> None:
    days = Days("wall")
    days.apply(placed(), placed("2", START_MS - HOUR_MS))
    days.go_to(START_MS + LATE_MS - 30 * 60_000)  # one alert in the last hour of the day
    days.make_due()
    days.go_to(START_MS + LATE_MS + 60_000)  # the other in the first minute of the next
    days.partition.days.make_due(days.partition.engine.shops["joom", "s17"], days.partition.engine.clock_ms)
    ended, begun = days.values()
    assert (ended.day, ended.at, ended.alerts.opened) == ("2026-01-03", "2026-01-03T23:59:59.999Z", 1)
    assert (begun.day, begun.alerts.opened) == ("2026-01-04", 1)


def test_a_worker_that_was_away_when_a_day_ended_says_nothing_of_that_day() -> None:
    days = Days("wall")
    days.apply(placed())
    days.go_to(START_MS + HOUR_MS)
    days.make_due()
    days.go_to(START_MS + 3 * DAY_MS + LATEST_MS)
    assert days.make_due() == [("s17", "01-04", "01-04T01:00")]


def test_what_cannot_be_worked_out_keeps_no_alert_from_going_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(daily_records, "daily_values", broken)
    days = Days()
    days.apply(placed())
    assert days.go_to(START_MS + LATE_MS + DAY_MS) == []
    assert len(days.partition.drain_alerts()) == 1
    assert "the daily values of joom/s17 can't be worked out" in caplog.text


# -- in the worker -------------------------------------------------------------------------------------------------


async def test_the_worker_writes_days_with_the_day_as_timestamp_and_under_the_same_key_again() -> None:
    broker = FakeBroker()
    working = worker_on(broker, "event")
    for topic in ("orders", "pickups", "tracking"):
        values = [placed(), tick(START_MS + DAY_MS)] if topic == "orders" else [tick(START_MS + DAY_MS)]
        working.apply(Batch(topic, 2, [record(topic, value, offset=n) for n, value in enumerate(values)]))
    await working.commit_cycle()
    (written,) = broker.producer.logs["app-daily-values", 2]
    assert (written.key, written.timestamp) == (b"joom/s17/2026-01-01", START_MS)
    assert decode(written.value).at == "2026-01-01T23:59:59.999Z"


def test_a_shop_that_nothing_watches_has_no_days() -> None:
    days = Days()
    days.apply(placed())
    days.partition.engine.shops["joom", "s17"].plan.is_watching = False
    assert days.go_to(START_MS + DAY_MS) == []


def test_each_days_end_is_worked_out_once_a_shop_and_nothing_per_event(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(*args: Any) -> DailyValues:
        nonlocal asked
        asked += 1
        return report.daily_values(*args)

    monkeypatch.setattr(daily_records, "daily_values", counted)
    days = Days()
    days.apply(*(placed(str(n), START_MS + n * 60_000) for n in range(1_000)))
    days.go_to(START_MS + 3 * DAY_MS)
    assert asked == 3
