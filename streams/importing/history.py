"""Orders' past as facts, and facts as canonical events in the order they happened."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from rules.calendar.instants import rfc3339

Event = dict[str, Any]
What = Literal["placed", "shipped", "collected", "delivered", "cancelled"]

# The order of event types for facts of the same instant.
TYPES: dict[What, str] = {
    "placed": "order.placed",
    "shipped": "order.shipped",
    "collected": "pickup.collected",
    "delivered": "tracking.updated",
    "cancelled": "order.cancelled",
}
_RANK = {what: rank for rank, what in enumerate(TYPES)}


@dataclass(frozen=True, slots=True)
class Order:
    """One shop's order; `source` names the feed it comes from."""

    source: str
    platform: str
    shop: str
    order: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened to an order, and when (epoch ms); `data` is the event's data."""

    order: Order
    what: What
    at_ms: int
    data: dict[str, Any]
    part: str = ""
    """Which of several: a parcel, or some lines."""


class Timeline:
    """Facts as events, sorted by time. Events are made as they are read, so a long history stays small."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = sorted(facts, key=lambda fact: (fact.at_ms, _RANK[fact.what]))

    def __len__(self) -> int:
        return len(self._facts)

    def platforms(self) -> set[str]:
        return {fact.order.platform for fact in self._facts}

    def __iter__(self) -> Iterator[Event]:
        return map(event, self._facts)


def event(fact: Fact) -> Event:
    """The canonical event of a fact. Its id is made from the fact alone, so importing twice counts once."""
    order = fact.order
    part = f"/{fact.part}" if fact.part else ""
    return {
        "specversion": "1.0",
        "id": f"{order.platform}/{order.shop}/{order.order}/{fact.what}{part}",
        "source": order.source,
        "type": TYPES[fact.what],
        "time": rfc3339(fact.at_ms),
        "platform": order.platform,
        "shop": order.shop,
        "order": order.order,
        "data": fact.data,
    }
