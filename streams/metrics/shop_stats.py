"""Statistics of this worker's shops: standings, open alerts, open orders and timers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Any

from rules.calendar.instants import MIN_MS, NEVER
from rules.engine.engine import Engine
from rules.messages.alert_state import Emitted
from rules.messages.cost import rough_usd
from rules.messages.names import shop_key
from rules.reports.last_news import last_news
from rules.reports.standing import standing
from rules.state.shop import OrderInMemory, Shop

STRETCH = 1_000
"""Orders gone through before the event loop's other tasks may run."""

NAMED_SHOPS = 50
"""How many shops are shown by name; a worker may have a hundred thousand."""

MOST_USED = 10.0
"""Shown for a value that should be high and is almost 0."""


@dataclass
class ShopStats:
    """One shop: its standing as in the contract, and its open alerts by `(clause, severity)`; whether any rule watches
    it, and whether its orders have been silent for longer than usual."""

    standing: Mapping[str, Any]
    open_alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    open_orders: int = 0
    timers_due: int = 0
    timers_waiting: int = 0
    watched: bool = True
    silent: bool = False


@dataclass
class OtherShops:
    """The sums over the shops of one platform that aren't shown by name: by clause, ledger, currency and severity."""

    numerator: Counter[str] = field(default_factory=Counter)
    denominator: Counter[str] = field(default_factory=Counter)
    points: dict[str, float] = field(default_factory=dict)
    exposure: dict[str, float] = field(default_factory=dict)
    sanctions: Counter[str] = field(default_factory=Counter)
    open_alerts: Counter[str] = field(default_factory=Counter)
    open_orders: int = 0

    def add(self, stats: ShopStats) -> None:
        for clause, metric in stats.standing["metrics"].items():
            if metric.get("numerator") is not None:
                self.numerator[clause] += metric["numerator"]
            if metric.get("denominator") is not None:
                self.denominator[clause] += metric["denominator"]
        for ledger, each in stats.standing["ledgers"].items():
            self.points[ledger] = self.points.get(ledger, 0.0) + float(each["points"])
        for each in sums(stats.standing["exposure"]):
            self.exposure[each["currency"]] = self.exposure.get(each["currency"], 0.0) + float(each["amount"])
        self.sanctions.update([each["clause"] for each in stats.standing["sanctions"]])
        for (_, severity), number in stats.open_alerts.items():
            self.open_alerts[severity] += number
        self.open_orders += stats.open_orders


@dataclass
class WorkerStats:
    """The worst shops' statistics, and the sums over the others: a hundred thousand standings would take half a
    gigabyte. `unwatched` counts shops, `silent` has their keys."""

    shops: int = 0
    open_alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    open_orders: int = 0
    timers_due: int = 0
    timers_waiting: int = 0
    unwatched: int = 0
    silent: list[str] = field(default_factory=list)
    others: dict[str, OtherShops] = field(default_factory=dict)
    #: A heap, the least bad first; of equally bad ones the last one added.
    _worst: list[tuple[tuple[float, ...], int, ShopStats]] = field(default_factory=list)

    def add(self, stats: ShopStats) -> None:
        self.shops += 1
        self.open_alerts.update(stats.open_alerts)
        self.open_orders += stats.open_orders
        self.timers_due += stats.timers_due
        self.timers_waiting += stats.timers_waiting
        self.unwatched += not stats.watched
        if stats.silent:
            self.silent.append(shop_key(stats.standing["platform"], stats.standing["shop"]))
        entry = badness(stats), -self.shops, stats
        if len(self._worst) < NAMED_SHOPS:
            heappush(self._worst, entry)
        else:
            _, _, less_bad = heappushpop(self._worst, entry)
            self.others.setdefault(less_bad.standing["platform"], OtherShops()).add(less_bad)

    def worst_first(self) -> list[ShopStats]:
        """The shops shown by name."""
        return [stats for _, _, stats in sorted(self._worst, reverse=True)]


def collect(engines: Iterable[Engine], clauses: Mapping[str, str], worker_stats: WorkerStats) -> Iterator[None]:
    """Fills `worker_stats`, and yields where the caller may do something else. `clauses` are by rule id."""
    for engine in engines:
        if engine.clock_ms == MIN_MS:
            continue
        for shop in list(engine.shops.values()):
            stats = ShopStats(standing(shop, engine.clock_ms), watched=shop.plan.is_watching)
            stats.silent = engine.clock_ms >= last_news(shop).silent_ms
            _count_alerts(stats, shop.emitted.alerts.values(), clauses)
            yield from _count_orders(shop, engine.clock_ms, clauses, stats)
            worker_stats.add(stats)
            yield


def _count_orders(shop: Shop, at_ms: int, clauses: Mapping[str, str], stats: ShopStats) -> Iterator[None]:
    orders = list(shop.orders.values())
    for first in range(0, len(orders), STRETCH):
        _count_stretch(orders[first : first + STRETCH], at_ms, clauses, stats)
        yield


def _count_stretch(orders: list[OrderInMemory], at_ms: int, clauses: Mapping[str, str], stats: ShopStats) -> None:
    stats.open_orders += sum(order.is_unshipped for order in orders)
    scheduled_ms = [order.scheduled_ms for order in orders if order.scheduled_ms != NEVER]
    due = sum(each <= at_ms for each in scheduled_ms)
    stats.timers_due += due
    stats.timers_waiting += len(scheduled_ms) - due
    for order in orders:
        if order.alerts:
            _count_alerts(stats, order.alerts.values(), clauses)


def _count_alerts(stats: ShopStats, alerts: Iterable[Emitted], clauses: Mapping[str, str]) -> None:
    for each in alerts:
        if each.open:
            stats.open_alerts[clauses.get(each.rule, "unknown"), each.severity] += 1


def badness(stats: ShopStats) -> tuple[float, ...]:
    """A sort key for shops, the worst last: by sanctions, whether a clause is past its threshold, money at
    stake, critical alerts, clauses past their threshold, any alerts, and how close the closest clause is to its
    threshold."""
    metrics = stats.standing["metrics"].values()
    used = [share for metric in metrics if (share := threshold_used(metric)) is not None]
    critical = sum(number for (_, severity), number in stats.open_alerts.items() if severity == "critical")
    return (
        len(stats.standing["sanctions"]),
        any(share > 1 for share in used),
        exposure_usd(stats),
        critical,
        sum(share > 1 for share in used),
        stats.open_alerts.total(),
        max(used, default=0.0),
    )


def exposure_usd(stats: ShopStats) -> float:
    """About what the money at stake is worth, to sort by."""
    return sum(rough_usd(each["amount"], each["currency"]) for each in sums(stats.standing["exposure"]))


def sums(exposure: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """One sum for each currency; the largest holds the others."""
    return [] if exposure is None else [exposure, *exposure.get("others", [])]


def threshold_used(metric: Mapping[str, Any]) -> float | None:
    """How far a clause has gone towards its threshold: 1 at it, more past it, whichever side is the bad one.

    None where it has no threshold or no value yet, or is a target to be reached (a streak) and no limit.
    """
    value, threshold, headroom = metric.get("value"), metric.get("threshold"), metric.get("headroom")
    is_target = any("reachable" in each for each in (metric, *metric.get("others", {}).values()))
    if value is None or not threshold or is_target:
        return None
    is_ceiling = headroom is None or (value > threshold) == (headroom < 0)
    if is_ceiling:
        return float(value / threshold)
    return float(threshold / value) if value > threshold / MOST_USED else MOST_USED
