"""What is told of the shops, the sinks and the worker's doings."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import ref

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest

from rules.calendar.instants import DAY_MS, HOUR_MS, from_rfc3339
from rules.engine.engine import Engine
from rules.messages.events import decode
from rules.plan.rule_book import RuleBook
from rules.state.shop import Shop
from streams.app import App, create
from streams.budget import BACKLOG_BUDGET
from streams.clock import wall_ms
from streams.kafka.embedded import PARTITIONS, EmbeddedBroker
from streams.metrics import collector, shop_stats
from streams.metrics.collector import EVERY_S, IDLE_BUDGET, MetricsCollector
from streams.metrics.shop_stats import NAMED_SHOPS, ShopStats, WorkerStats
from streams.metrics.shops import NAMED_CURRENCIES, OTHER, families
from streams.metrics.sinks import Sinks
from streams.settings import Settings
from tests.runtime.support import LATE_MS, START_MS, book, event, sent, ticks, until
from tests.support.embedded import QuickBroker
from tests.support.kafka import produce

AT = "2026-06-09T00:00:00Z"


def reading(
    shop: str = "s1",
    platform: str = "joom",
    *,
    value: float | None = 0.25,
    headroom: int | None = 5,
    open_alerts: dict[tuple[str, str], int] | None = None,
    **standing: Any,
) -> ShopStats:
    metric = {"value": value, "numerator": 1, "denominator": 4, "threshold": 0.5, "headroom": headroom, "window": None}
    whole = {"platform": platform, "shop": shop, "at": AT, "open_alerts": 0, "metrics": {"joom-3": metric}}
    whole |= {"ledgers": {}, "sanctions": [], "exposure": None} | standing
    return ShopStats(whole, Counter(open_alerts or {}), open_orders=2)


def metrics_of(
    readings: list[ShopStats], platforms: tuple[str, ...] = ("joom", "douyin")
) -> dict[str, dict[str, float]]:
    """By metric and then by its labels' values."""
    found = WorkerStats()
    for each in readings:
        found.add(each)
    return {family.name: samples(family) for family in families(found, platforms)}


def samples(family: Metric) -> dict[str, float]:
    return {" ".join(each.labels.values()): each.value for each in family.samples}


# -- shops ---------------------------------------------------------------------------------------------------


def test_a_shop_is_told_of_with_its_ratios_points_money_and_sanctions() -> None:
    sanction = {"clause": "joom-2", "name": "sales suspended", "from": AT, "until": "2026-06-23T00:00:00Z"}
    found = metrics_of(
        [
            reading(
                open_alerts={("joom-3", "critical"): 2, ("joom-1", "critical"): 1},
                ledgers={"A": {"points": 6.5}, "B": {"points": 0.0}},
                sanctions=[sanction],
                exposure={"amount": "12.50", "currency": "USD", "others": [{"amount": "3", "currency": "EUR"}]},
            )
        ]
    )
    assert found == {
        "shipclock_shop_value": {"joom s1 joom-3": 0.25},
        "shipclock_shop_threshold": {"joom s1 joom-3": 0.5},
        "shipclock_shop_threshold_used": {"joom s1 joom-3": 0.5},
        "shipclock_shop_headroom": {"joom s1 joom-3": 5},
        "shipclock_shop_numerator": {"joom s1 joom-3": 1},
        "shipclock_shop_denominator": {"joom s1 joom-3": 4},
        "shipclock_shop_points": {"joom s1 A": 6.5, "joom s1 B": 0},
        "shipclock_shop_exposure": {"joom s1 USD": 12.5, "joom s1 EUR": 3},
        "shipclock_shop_exposure_usd": {"joom s1": pytest.approx(15.8)},
        "shipclock_shop_sanctions": {"joom s1 joom-2": 1},
        "shipclock_shop_sanction_until_timestamp_seconds": {
            "joom s1 joom-2": from_rfc3339("2026-06-23T00:00:00Z") / 1000
        },
        "shipclock_shop_open_alerts": {"joom s1 critical": 3},
        "shipclock_shop_open_orders": {"joom s1": 2},
    }


def test_what_a_standing_does_not_know_is_left_out() -> None:
    unknown = {"value": None, "numerator": 0, "denominator": 0, "threshold": None, "headroom": None, "window": None}
    found = metrics_of([reading(metrics={"dy-8": unknown})])
    assert found["shipclock_shop_value"] == found["shipclock_shop_threshold"] == {}
    assert found["shipclock_shop_denominator"] == {"joom s1 dy-8": 0}


def test_the_worst_shops_are_named_and_all_others_are_one() -> None:
    fine = [reading(f"fine-{n:04}", exposure={"amount": "1.5", "currency": "USD"}) for n in range(1000)]
    bad = [reading(f"bad-{n:02}", value=0.75, headroom=-1) for n in range(NAMED_SHOPS)]
    found = metrics_of(fine[:500] + bad + fine[500:])
    assert set(found["shipclock_shop_headroom"]) == {f"joom bad-{n:02} joom-3" for n in range(NAMED_SHOPS)}
    orders = found["shipclock_shop_open_orders"]
    assert orders.pop(f"joom {OTHER}") == 2 * 1000
    assert len(orders) == NAMED_SHOPS
    assert found["shipclock_shop_exposure"] == {f"joom {OTHER} USD": 1500}
    assert found["shipclock_shop_numerator"][f"joom {OTHER} joom-3"] == 1000


def test_of_shops_that_are_not_told_of_by_name_only_sums_are_kept() -> None:
    found = WorkerStats()
    standings = []
    for n in range(NAMED_SHOPS + 100):
        each = reading(f"s{n}", value=n / 1000)
        standings.append(ref(each))
        found.add(each)
    del each
    assert sum(standing() is not None for standing in standings) == NAMED_SHOPS
    assert found.shops == NAMED_SHOPS + 100


def test_the_others_of_a_platform_that_no_pack_knows_are_all_one() -> None:
    bad = [reading(f"bad-{n:02}", value=0.75, headroom=-1) for n in range(NAMED_SHOPS)]
    found = metrics_of(bad + [reading("s", f"platform-{n}") for n in range(200)])
    assert found["shipclock_shop_open_orders"][f"{OTHER} {OTHER}"] == 400


def test_currencies_that_somebody_made_up_do_not_become_labels_without_end() -> None:
    odd = [reading(f"s{n}", exposure={"amount": "1", "currency": f"C{n}"}) for n in range(NAMED_SHOPS + 100)]
    exposure = metrics_of(odd)["shipclock_shop_exposure"]
    assert len({labels.split()[2] for labels in exposure}) == NAMED_CURRENCIES + 1
    assert sum(exposure.values()) == NAMED_SHOPS + 100


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        (reading(sanctions=[{"clause": "x"}]), reading(open_alerts={("c", "critical"): 9})),
        (reading(value=0.51, headroom=-1), reading(exposure={"amount": "9", "currency": "USD"})),
        (reading(exposure={"amount": "9", "currency": "USD"}), reading(open_alerts={("c", "critical"): 9})),
        (reading(open_alerts={("c", "critical"): 1}), reading(open_alerts={("c", "warning"): 9})),
        (reading(open_alerts={("c", "info"): 1}), reading(value=0.5, headroom=0)),
        (reading(value=0.4, headroom=1), reading(value=0.3, headroom=2)),
        (reading(value=0.1), reading(metrics={})),
    ],
    ids=[
        "sanctions first",
        "past a threshold",
        "money at stake",
        "critical alerts",
        "any alerts",
        "nearer to it",
        "having one",
    ],
)
def test_shops_rank_by(worse: ShopStats, better: ShopStats) -> None:
    assert shop_stats.badness(worse) > shop_stats.badness(better)


@pytest.mark.parametrize(
    ("metric", "used"),
    [
        ({"value": 0.03, "threshold": 0.05, "headroom": 4}, 0.6),
        ({"value": 0.06, "threshold": 0.05, "headroom": -2}, 1.2),
        ({"value": 3, "threshold": 3, "headroom": 0}, 1),
        ({"value": 0.96, "threshold": 0.95, "headroom": 3}, 0.95 / 0.96),
        ({"value": 0.90, "threshold": 0.95, "headroom": -9}, 0.95 / 0.90),
        ({"value": 0.0, "threshold": 0.95, "headroom": -9}, shop_stats.MOST_USED),
        ({"value": None, "threshold": 0.95, "headroom": -1}, None),
        ({"value": 0.2, "threshold": None, "headroom": None}, None),
        ({"value": 0.5, "threshold": 0.98, "headroom": -9, "others": {"a.streak": {"reachable": False}}}, None),
    ],
    ids=["under", "over", "at", "above a floor", "below it", "far below", "no value", "no threshold", "a target"],
)
def test_how_much_of_a_threshold_is_used(metric: dict[str, Any], used: float | None) -> None:
    assert shop_stats.threshold_used(metric) == (None if used is None else pytest.approx(used))


# -- sinks ---------------------------------------------------------------------------------------------------


def test_sinks_are_told_of_by_the_counters_they_keep() -> None:
    registry = CollectorRegistry()
    counters = {"delivered": 7, "failed": 2, "retried": 2, "given_up": 1, "refilled": 4, "lag": 3}
    registry.register(Sinks(lambda: {"redis": counters}))
    lines = generate_latest(registry).decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'shipclock_sink_delivered_total{sink="redis"} 7.0',
        'shipclock_sink_failed_total{sink="redis"} 2.0',
        'shipclock_sink_retried_total{sink="redis"} 2.0',
        'shipclock_sink_given_up_total{sink="redis"} 1.0',
        'shipclock_sink_refilled_total{sink="redis"} 4.0',
        'shipclock_sink_lag_records{sink="redis"} 3.0',
    ]


# -- the worker ----------------------------------------------------------------------------------------------


OVERDUE = {"clause": "late-1", "severity": "critical", "reason": "deadline_passed"}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Gain:
    """How much samples have grown since this was made; the registry is the process's, and other tests count too."""

    def __init__(self) -> None:
        self._before = self._all()

    def _all(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        return {
            (each.name, tuple(sorted(each.labels.items()))): each.value
            for family in REGISTRY.collect()
            for each in family.samples
        }

    def of(self, name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return self._all().get(key, 0.0) - self._before.get(key, 0.0)


def registered() -> list[MetricsCollector]:
    """What the apps of this process have registered."""
    return [each for each in REGISTRY._collector_to_names if type(each) is MetricsCollector]


def app_on(broker: EmbeddedBroker, folder: Path, clock: str) -> App:
    settings = Settings(broker=f"kafka://{broker.bootstrap}", clock=clock, datadir=folder)  # type: ignore[arg-type]
    return create(settings, book(), PARTITIONS)


async def test_events_are_counted_by_type_and_alerts_by_clause(tmp_path: Path) -> None:
    gain = Gain()
    with QuickBroker() as broker:
        app = app_on(broker, tmp_path, "event")
        async with app:
            await until(lambda: app.tables.actives_ready)
            placed = [event("order.placed", START_MS, order) for order in ("1", "2", "3")]
            await produce(broker.bootstrap, sent("", *placed, event("order.shipped", START_MS + HOUR_MS, "1")))
            await produce(broker.bootstrap, [("orders", b"joom/s17", b"?")])
            await produce(broker.bootstrap, ticks("", START_MS + LATE_MS))
            await until(lambda: gain.of("shipclock_alerts_total", **OVERDUE) == 2)
            await until(lambda: gain.of("shipclock_commits_total"))
            assert gain.of("shipclock_events_total", topic="orders", type="order.placed") == 3
            assert gain.of("shipclock_events_total", topic="orders", type="order.shipped") == 1
            assert gain.of("shipclock_events_total", topic="tracking", type="clock.tick") == PARTITIONS
            assert gain.of("shipclock_dead_letters_total", topic="orders") == 1
            assert gain.of("shipclock_recovery_seconds_count") == 1
            for step in ("commit_cycle", "evaluate", "flush", "commit", "apply"):
                assert gain.of(f"shipclock_{step}_seconds_count") > 0
            (watch,) = registered()
            await watch.refresh()
            assert value("shipclock_open_orders") == 2
            assert value("shipclock_open_alerts", clause="late-1", severity="critical") == 2
            assert value("shipclock_shop_open_alerts", platform="joom", shop="s17", severity="critical") == 2
            assert value("shipclock_partitions") == PARTITIONS
            assert value("shipclock_watermark_timestamp_seconds", partition="2") == (START_MS + LATE_MS) / 1000
            assert value("shipclock_input_lag_records", topic="orders", partition="2") == 0
    assert gain.of("shipclock_snapshot_keys_total") > 0
    assert registered() == []


async def test_shops_without_rules_and_shops_fallen_silent_are_counted_and_the_silent_ones_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Engine(RuleBook([], says_unwatched=True), stepping=True)
    for shop in ("a", "b"):
        engine.apply(*decode(event("order.placed", START_MS, shop=shop)))
    engine.apply(*decode(event("order.placed", START_MS + 5 * DAY_MS, shop="c")))
    engine.advance(START_MS + 8 * DAY_MS)
    partitions = {0: SimpleNamespace(engine=engine)}
    watch = MetricsCollector(SimpleNamespace(book=RuleBook([]), partitions=partitions, busy=False))
    for _ in range(2):
        await watch.refresh()
    by_family = {family.name: samples(family) for family in watch._found}
    assert by_family["shipclock_unwatched_shops"] == {"": 3}
    assert by_family["shipclock_silent_shops"] == {"": 2}
    assert caplog.messages == ["no news of orders for longer than usual from joom/a, joom/b"]


async def test_in_wall_time_lateness_is_from_the_deadline_to_its_alert(tmp_path: Path) -> None:
    gain = Gain()
    with QuickBroker() as broker:
        app = app_on(broker, tmp_path, "wall")
        async with app:
            await until(lambda: app.tables.actives_ready)
            late_ms = 7_200_000
            await produce(broker.bootstrap, sent("", event("order.placed", wall_ms() - LATE_MS - late_ms)))
            await until(lambda: gain.of("shipclock_firing_lateness_seconds_count") == 1)
            assert late_ms / 1000 <= gain.of("shipclock_firing_lateness_seconds_sum") < late_ms / 1000 + 600
            lags = [value("shipclock_watermark_lag_seconds", partition=str(number)) for number in range(PARTITIONS)]
            assert all(0 <= lag < 600 for lag in lags)


async def test_statistics_that_cannot_be_collected_do_not_end_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    def stumble(shop: Shop, at_ms: int) -> None:
        failed.set()
        raise ZeroDivisionError

    monkeypatch.setattr(shop_stats, "standing", stumble)
    with QuickBroker() as broker:
        app = app_on(broker, tmp_path, "event")
        async with app:
            await until(lambda: app.tables.actives_ready)
            monkeypatch.setattr(collector, "EVERY_S", 0.05)
            await produce(broker.bootstrap, sent("", event("order.placed", START_MS)))
            await produce(broker.bootstrap, ticks("", START_MS + HOUR_MS))
            await until(failed.is_set)
            assert app.crash_reason is None


async def test_while_a_backlog_is_read_collecting_statistics_rests_after_each_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = SimpleNamespace(book=RuleBook([]), partitions={}, busy=True)
    watch, now_s, rests = MetricsCollector(worker), 0.0, list[float]()

    def four_bits(engines: list[Engine], found: list[Metric]) -> Iterator[None]:
        nonlocal now_s
        for took_s in (0.01, 1.0, 0.03, 0.04):
            now_s += took_s
            yield

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        worker.busy = len(rests) < 2  # that was the end of the backlog

    monkeypatch.setattr(collector, "monotonic", lambda: now_s)
    monkeypatch.setattr(watch, "_collect", four_bits)
    monkeypatch.setattr(watch, "sleep", rest)
    held_s = await watch.refresh()
    assert rests == [pytest.approx(0.01 / BACKLOG_BUDGET), EVERY_S]  # by share, within limits
    assert held_s == pytest.approx(0.07)  # the two bits that no rest made up for


async def test_collecting_statistics_is_given_up_when_partitions_go_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = SimpleNamespace(book=RuleBook([]), partitions={0: SimpleNamespace(engine="its")}, busy=True)
    watch = MetricsCollector(worker)
    watch._found = before = [Metric("before", "", "gauge")]
    collected: list[int] = []

    def three_bits(engines: list[Engine], found: list[Metric]) -> Iterator[None]:
        for bit in range(3):
            collected.append(bit)
            yield

    async def lose_the_partition(seconds: float) -> None:
        worker.partitions.clear()

    monkeypatch.setattr(collector, "AT_A_TIME_S", 0.0)
    monkeypatch.setattr(watch, "_collect", three_bits)
    monkeypatch.setattr(watch, "sleep", lose_the_partition)
    await watch.refresh()
    assert (collected, watch._found) == ([0], before)


@pytest.mark.parametrize(("took_s", "rested_s"), [(0.01, EVERY_S), (1.0, 1 / IDLE_BUDGET)], ids=["short", "long"])
async def test_after_collecting_statistics_the_next_time_waits_for_its_share(
    monkeypatch: pytest.MonkeyPatch, took_s: float, rested_s: float
) -> None:
    watch, rests = MetricsCollector(SimpleNamespace(book=RuleBook([]), is_restored=True)), list[float]()

    async def refresh() -> float:
        return took_s

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        watch._stopped.set()

    monkeypatch.setattr(watch, "refresh", refresh)
    monkeypatch.setattr(watch, "sleep", rest)
    await MetricsCollector._keep_fresh(watch)
    assert rests == [rested_s]


async def test_no_statistics_are_collected_of_orders_that_are_being_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = SimpleNamespace(book=RuleBook([]), is_restored=False)
    watch, collected, rests = MetricsCollector(worker), list[int](), list[float]()

    async def refresh() -> float:
        collected.append(len(rests))
        watch._stopped.set()
        return 0.0

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        worker.is_restored = len(rests) == 2

    monkeypatch.setattr(watch, "refresh", refresh)
    monkeypatch.setattr(watch, "sleep", rest)
    await MetricsCollector._keep_fresh(watch)
    assert collected == [2]
