"""A shop and its orders as the kinds see them: what is known, and what has been derived from it.

The engine's `Shop` and `Order` satisfy these by their shape, so that no kind imports what stands above it. What a kind
keeps of a shop still lies in the shop; only the kind named beside it writes it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import ShopFacts
from rules.kinds.deadline.timer import Timer
from rules.kinds.happened import OccurrenceIndex
from rules.kinds.occurrences.timeline import Timeline
from rules.kinds.ratio.compiled import CompiledRatio, Part
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.period_results import PeriodResult


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


class ShopView(Protocol):
    """One shop."""

    platform: str
    name: str
    key: str
    began_ms: int
    retained_from_ms: int
    instant_open: bool
    numbers: dict[str, list[tuple[int, str]]]
    reuses: Timeline
    timelines: list[Timeline]
    occurrences: dict[str, OccurrenceIndex]
    sales: dict[str, dict[int, int | Decimal]]
    counters: list[RatioCounter]
    computed: dict[str, dict[int, PeriodResult]]  # written by computed ratios, as are the next four
    computed_to: dict[str, tuple[int, int, int]]
    recompute: dict[str, int]
    recomputed: list[tuple[str, int]]
    late_before_ms: int

    @property
    def states(self) -> Sequence[Any]:
        """What each evaluator keeps, by its place in the plan; none looks at another's."""

    @property
    def plan(self) -> PlanView: ...
    @property
    def facts(self) -> ShopFacts: ...
    @property
    def orders(self) -> Mapping[str, OrderView]: ...
    def future_after(self, boundary_ms: int, /) -> Mapping[Any, int]: ...
    def sold(self, sku: str | None, days: int, today: int, /) -> tuple[float, int]: ...
    def products_of(self, order_id: str, /) -> dict[str, Any]: ...
