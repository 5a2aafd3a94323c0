"""A shop and its orders as the kinds see them: what is known, and what is derived from it. All of it is only read.

The engine's `Shop` and `Order` satisfy these by their shape, so that no kind imports what stands above it, and looking
through them costs nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import ShopFacts
from rules.kinds.occurrence_index import OccurrenceIndex
from rules.kinds.rule import Rule
from rules.kinds.timeline import Timeline


class NumberUseView(Protocol):
    """A tracking number, and when an order was shipped under it (epoch ms)."""

    @property
    def number(self) -> str: ...
    @property
    def at_ms(self) -> int: ...


class OrderView(Protocol):
    """One order."""

    @property
    def id(self) -> str: ...

    @property
    def facts(self) -> OrderFacts: ...

    @property
    def last_ms(self) -> int:
        """When anything was last heard of it (epoch ms)."""

    @property
    def days(self) -> tuple[int | None, ...]:
        """The local day on which it counts in each of the plan's populations."""

    @property
    def bad(self) -> int:
        """The ratios (as bits) in which it is bad, if it counts."""


class OrderInMemoryView(OrderView, Protocol):
    """One order in memory, encoded or not; its facts may be decoded anew each time they are asked for."""

    @property
    def is_plain(self) -> bool:
        """Whether no more is known of it than of almost every order."""

    def decoded(self) -> OrderView:
        """The order with its facts at hand."""


class TimerView(Protocol):
    """A deadline rule compiled."""

    @property
    def rule(self) -> Rule: ...

    def due_instants(self, facts: OrderFacts, /) -> Sequence[int]:
        """When an order, or each of its parcels, is due (epoch ms)."""


class PlanView(Protocol):
    """The deadline rules that the shop's orders have, and what they say of one."""

    @property
    def timers(self) -> Sequence[TimerView]: ...

    def evaluate_timers(self, facts: OrderFacts, at_ms: int, rules: int = ..., /) -> tuple[int, int]:
        """Bits of those missed, and of those unmet, at a moment; of all, or of some (as bits)."""


class SalesView(Protocol):
    """What the shop sells."""

    def __contains__(self, sku: object, /) -> bool:
        """Whether any units of a SKU were sold."""

    def of(self, sku: str | None, days: int, today: int, /) -> tuple[float, int]:
        """Units of a SKU sold in so many local days, and on how many of these it was on sale."""


class TrackingNumbersView(Protocol):
    """Which orders were shipped under which tracking number."""

    @property
    def reuses(self) -> Timeline:
        """When which orders were shipped under a number that another one had before."""

    def is_reuse(self, order: str, use: Any, /) -> bool:
        """Whether an order's number had been used before."""

    def first_used_by(self, order: str, use: Any, /) -> str:
        """The order that was shipped under an order's number before."""


class IndexedSource(Protocol):
    """A source of occurrences that is indexed, shop by shop, under its name."""

    @property
    def name(self) -> str: ...

    def new_index(self, shop: "ShopView", /) -> OccurrenceIndex: ...


class ShopView(Protocol):
    """One shop."""

    @property
    def key(self) -> str:
        """Its platform and name, as in Kafka."""

    @property
    def facts(self) -> ShopFacts: ...

    @property
    def orders(self) -> Mapping[str, OrderInMemoryView]:
        """Those in memory: all of which anything is open, or that were heard of lately."""

    def order_facts(self, order_id: str, /) -> OrderFacts | None:
        """What is known of one of its orders, in memory or not; None if it has no such order."""

    def number_uses(self, order_id: str, /) -> Sequence[NumberUseView]:
        """The tracking numbers that one of its orders was shipped under."""

    @property
    def plan(self) -> PlanView: ...

    @property
    def states(self) -> Sequence[Any]:
        """What each evaluator keeps, by its place in the plan. An evaluator looks up its own, and no other."""

    @property
    def counters(self) -> Sequence[Any]:
        """Its orders counted for each ratio (`RatioCounter`): the ratio kind's own, but beside its states, since each
        order that changes is moved between them at once."""

    @property
    def timelines(self) -> Sequence[Timeline]:
        """When something happened to its orders, by what the plan extracts from them."""

    def holds_until_ms(self, evaluator: int, /) -> int:
        """Until when (epoch ms) what an evaluator found last holds, by its place in the plan: when it is evaluated
        next, or `MIN_MS` where it waits for that."""

    def occurrences_of(self, source: IndexedSource, /) -> OccurrenceIndex:
        """What follows from its own events by a source."""

    @property
    def sales(self) -> SalesView: ...

    @property
    def tracking_numbers(self) -> TrackingNumbersView: ...

    @property
    def began_ms(self) -> int:
        """Before that nothing happened to any of its orders (epoch ms)."""

    @property
    def retained_from_ms(self) -> int:
        """Orders that were last heard of before may be gone (epoch ms)."""

    @property
    def instant_open(self) -> bool:
        """More may happen at the clock's instant."""
