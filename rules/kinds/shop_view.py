"""A shop and its orders as the kinds see them: what is known, and what has been derived from it.

The engine's `Shop` and `Order` satisfy these by their shape, so that no kind imports what stands above it. What a kind
keeps of a shop still lies in the shop; only the kind named beside it writes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import ShopFacts
from rules.kinds.deadline.timer import Timer
from rules.kinds.happened import OccurrenceIndex
from rules.kinds.occurrences.timeline import Timeline
from rules.kinds.ratio.compiled import CompiledRatio, Part
from rules.kinds.ratio.counters import RatioCounter


class OrderView(Protocol):
    """One order; `last_ms` is when anything was last heard of it, `days` where it counts in each denominator,
    `number` the tracking number it was shipped under, and when (epoch ms)."""

    id: str
    last_ms: int
    days: tuple[int | None, ...]
    number: tuple[str, int] | None

    @property
    def facts(self) -> OrderFacts: ...
    def part(self, ratio: CompiledRatio, /) -> Part | None: ...


class PlanView(Protocol):
    """Which deadline rules the shop's orders have, and what they say of one."""

    timers: list[Timer]

    def evaluate_timers(self, facts: OrderFacts, at_ms: int, rules: int = ..., /) -> tuple[int, int]: ...


class SalesView(Protocol):
    """What the shop sells: whether a SKU at all, and how many units of it in so many days (and on how many of these it
    was on sale)."""

    def __contains__(self, sku: object, /) -> bool: ...
    def of(self, sku: str | None, days: int, today: int, /) -> tuple[float, int]: ...


class TrackingNumbersView(Protocol):
    """When orders were shipped under a number that another one had before, and which order had a number first."""

    @property
    def reuses(self) -> Timeline: ...
    def first_used_by(self, number: str, /) -> str: ...


class ShopView(Protocol):
    """One shop."""

    platform: str
    name: str
    key: str
    began_ms: int
    retained_from_ms: int
    instant_open: bool
    timelines: list[Timeline]
    occurrences: dict[str, OccurrenceIndex]
    counters: list[RatioCounter]

    @property
    def states(self) -> Sequence[Any]:
        """What each evaluator keeps, by its place in the plan; none looks at another's."""

    @property
    def plan(self) -> PlanView: ...
    @property
    def facts(self) -> ShopFacts: ...
    @property
    def sales(self) -> SalesView: ...
    @property
    def tracking_numbers(self) -> TrackingNumbersView: ...
    @property
    def orders(self) -> Mapping[str, OrderView]: ...
    def products_of(self, order_id: str, /) -> dict[str, Any]: ...
