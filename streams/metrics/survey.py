"""A look through this worker's shops: their standings, open alerts, open orders and waiting timers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.alerts import Emitted
from rules.engine import Engine
from rules.instants import DAWN, NEVER
from rules.standing import standing
from rules.watch import Order, Shop

STRETCH = 1_000
"""Orders looked at before the event loop may have its turn."""

MOST_USED = 10.0
"""What is told of a value that should be high and is next to nothing."""


@dataclass
class Reading:
    """One shop: its standing as in the contract, and its open alerts by `(clause, severity)`."""

    standing: Mapping[str, Any]
    open_alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    open_orders: int = 0
    timers_due: int = 0
    timers_waiting: int = 0


@dataclass
class Survey:
    """Every shop's reading, and how bad each is."""

    readings: list[Reading] = field(default_factory=list)
    _badness: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, reading: Reading) -> None:
        self.readings.append(reading)
        self._badness.append(badness(reading))

    def worst_first(self) -> list[Reading]:
        ranked = sorted(range(len(self.readings)), key=self._badness.__getitem__, reverse=True)
        return [self.readings[n] for n in ranked]

    def open_alerts(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for reading in self.readings:
            found.update(reading.open_alerts)
        return found

    def total(self, name: str) -> int:
        """The sum over all shops of a reading's `open_orders`, `timers_due` or `timers_waiting`."""
        return sum(getattr(reading, name) for reading in self.readings)


def take(engines: Iterable[Engine], clauses: Mapping[str, str], survey: Survey) -> Iterator[None]:
    """Fills `survey`, pausing (`yield`) where its caller may do something else. `clauses` are by rule id."""
    for engine in engines:
        if engine.clock_ms == DAWN:
            continue
        for shop in list(engine.shops.values()):
            reading = Reading(standing(shop, engine.clock_ms))
            _count_alerts(reading, shop.alerts.values(), clauses)
            yield from _look_through(shop, engine.clock_ms, clauses, reading)
            survey.add(reading)
            yield


def _look_through(shop: Shop, at_ms: int, clauses: Mapping[str, str], reading: Reading) -> Iterator[None]:
    orders = list(shop.orders.values())
    for first in range(0, len(orders), STRETCH):
        _look_at(orders[first : first + STRETCH], at_ms, clauses, reading)
        yield


def _look_at(orders: list[Order], at_ms: int, clauses: Mapping[str, str], reading: Reading) -> None:
    facts = [order.facts for order in orders]
    reading.open_orders += sum(
        each.shipped is None and each.cancelled is None and each.placed is not None for each in facts
    )
    armed_ms = [order.armed_ms for order in orders if order.armed_ms != NEVER]
    due = sum(each <= at_ms for each in armed_ms)
    reading.timers_due += due
    reading.timers_waiting += len(armed_ms) - due
    for order in orders:
        if order.alerts:
            _count_alerts(reading, order.alerts.values(), clauses)


def _count_alerts(reading: Reading, said: Iterable[Emitted], clauses: Mapping[str, str]) -> None:
    for each in said:
        if each.open:
            reading.open_alerts[clauses.get(each.rule, "unknown"), each.severity] += 1


def badness(reading: Reading) -> tuple[float, ...]:
    """Sorts shops, the worst last: by sanctions, critical alerts, clauses past their threshold, any alerts, and the
    one that is nearest to its threshold."""
    metrics = reading.standing["metrics"].values()
    used = [share for metric in metrics if (share := threshold_used(metric)) is not None]
    critical = sum(number for (_, severity), number in reading.open_alerts.items() if severity == "critical")
    return (
        len(reading.standing["sanctions"]),
        critical,
        sum(share > 1 for share in used),
        reading.open_alerts.total(),
        max(used, default=0.0),
    )


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
