"""Collects what a plan's evaluators take from orders, events and each other, while their rules are compiled."""

from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

from rules.facts.order_facts import bits_of
from rules.facts.shop_facts import KEPT_MS
from rules.kinds.evaluator import AnyEvaluator
from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.ledger.wiring import LedgerWiring
from rules.kinds.occurrences.extractor import Extractor, extractor_of
from rules.kinds.occurrences.source import Crossings, OccurrenceSource, source_of
from rules.kinds.occurrences.spec import OccurrenceSpec
from rules.kinds.ratio.compiled import CompiledRatio, Population, counted_alike
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.ratio.wiring import RatioWiring
from rules.kinds.rule import Locale
from rules.kinds.shop_rule import ShopRule
from rules.plan.order_plan import OrderPlan

_E = TypeVar("_E", bound=AnyEvaluator)
_W = TypeVar("_W")

Version = tuple[ShopRule, Locale, str | None]
"""A rule, its locale and time in effect, and the shop's site."""


class Wires:
    """Evaluators are named by bits, so that a shop knows cheaply which of them must look again: `on_event` has them by
    the types of the shop's own events, `on_ratio` and `on_timeline` by the ratios and extractors, `on_sale` and
    `on_number` have those that look at sales and used tracking numbers, `on_loss` those that look at which bad orders
    can't be made good any more, `on_amount` those that look at what bad orders come to.

    `timeline_kept_ms` and `number_kept_ms`: how long the instants of each extractor, and reuses of tracking numbers,
    matter (`NEVER`: for good); `entries_kept_ms`: the same of the types of events; `reused_within_ms`: how long after
    its last use a tracking number is no new one (0: nobody asks).
    """

    def __init__(self) -> None:
        self.evaluators: list[AnyEvaluator] = []
        self.evaluator_of: dict[str, AnyEvaluator] = {}
        self.ratio_evaluators: list[RatioEvaluator] = []
        self.ledger_evaluators: list[LedgerEvaluator] = []
        self.ratios: list[CompiledRatio] = []
        self.denominators: list[Population] = []
        self.extractors: list[Extractor] = []
        self.sources: dict[str, OccurrenceSource] = {}
        self.on_event: dict[str, int] = {}
        self.on_ratio: list[int] = []
        self.on_timeline: list[int] = []
        self.timeline_kept_ms: list[int] = []
        self.entries_kept_ms: dict[str, int] = {}
        self.on_sale = self.on_number = self.on_loss = self.on_amount = 0
        self.number_kept_ms = self.reused_within_ms = 0
        self.sales_zone = "UTC"
        self._slots: dict[str, int] = {}
        self._alike: dict[Hashable, Population] = {}

    def compile(self, versions: Sequence[Version], orders: OrderPlan) -> None:
        """Compiles the versions of one rule, after those of the rules it depends on."""
        n, made = len(self.evaluators), list[AnyEvaluator]()
        for rule, locale, site in versions:
            wiring = RuleWiring(self, orders, n, rule, locale, site)
            wiring.subscribe(rule.events())
            made.append(rule.compile(wiring))
        evaluator = rule.combine(wiring, made)
        self.evaluators.append(evaluator)
        self.evaluator_of[evaluator.rule.id] = evaluator
        for other in rule.depends_on():
            if (depended_on := self.evaluator_of.get(other)) is not None:
                depended_on.dependents |= 1 << n

    def slot_of(self, spec: OccurrenceSpec, extractor: Extractor) -> int:
        """The slot of the timeline for an extractor; the same for all sources with the same spec."""
        slot = self._slots.setdefault(repr(spec), len(self.extractors))
        if slot == len(self.extractors):
            self.extractors.append(extractor)
            self.on_timeline.append(0)
            self.timeline_kept_ms.append(0)
        return slot

    def population(self, rule: RatioSpec, locale: Locale, orders: OrderPlan, anchored: int) -> Population:
        """The population that a ratio counts; shared by ratios that count the same orders on the same days."""
        alike = counted_alike(rule, locale)
        found = self._alike.get(alike)
        if found is None:
            n = len(self.denominators)
            found = Population(n, rule, orders.timer_bits, locale, orders.dues, anchored)
            self._alike[alike] = found
            self.denominators.append(found)
        return found


class RuleWiring(RatioWiring, LedgerWiring):
    """What one version of a rule is compiled with, as `rules.kinds.shop_rule.Wiring` says, with the parts of it for
    single kinds."""

    def __init__(
        self, wires: Wires, orders: OrderPlan, n: int, rule: ShopRule, locale: Locale, site: str | None
    ) -> None:
        self.n = n
        self.locale = locale
        self.site = site
        self._bit = 1 << n
        self._wires = wires
        self._orders = orders
        self._rule_id = rule.id
        self._kept_ms = rule.retention_ms()

    def evaluator_of(self, rule_id: str, kind: type[_E]) -> _E | None:
        found = self._wires.evaluator_of.get(rule_id)
        if found is None:
            return None
        if not isinstance(found, kind):
            raise TypeError(f"{self._rule_id} can't be built on {rule_id}, which is no {kind.__name__}")
        return found

    def for_kind(self, kind: type[_W]) -> _W:
        assert isinstance(self, kind)
        return self

    def show_ratio(self, evaluator: RatioEvaluator) -> None:
        self._wires.ratio_evaluators.append(evaluator)

    def show_ledger(self, evaluator: LedgerEvaluator) -> None:
        self._wires.ledger_evaluators.append(evaluator)

    def subscribe(self, events: Collection[str]) -> None:
        self._subscribe(events, self._kept_ms)

    def _subscribe(self, events: Collection[str], kept_ms: int) -> None:
        wires = self._wires
        for event in events:
            wires.on_event[event] = wires.on_event.get(event, 0) | self._bit
            wires.entries_kept_ms[event] = max(wires.entries_kept_ms.get(event, KEPT_MS), kept_ms)

    def sales(self) -> None:
        self._wires.on_sale |= self._bit
        self._wires.sales_zone = self.locale.zone

    def losses(self) -> None:
        self._wires.on_loss |= self._bit

    def amounts(self) -> None:
        self._wires.on_amount |= self._bit
        self.subscribe({"shop.profile"})  # the shop's usual currency

    def count(self, rule: RatioSpec) -> CompiledRatio:
        wires, orders, slot = self._wires, self._orders, len(self._wires.ratios)
        anchored = bits_of(orders.anchored_by(rule))
        denominator = wires.population(rule, self.locale, orders, anchored)
        denominator.ratios |= 1 << slot
        rests_on = bits_of(orders.facts_of(rule))
        ratio = CompiledRatio(slot, rule, denominator, orders.timer_bits, self.locale, anchored, rests_on)
        wires.ratios.append(ratio)
        # A ratio without steps has no stages, so its evaluator needn't know of changes.
        wires.on_ratio.append(self._bit if ratio.steps else 0)
        return ratio

    def source(self, spec: OccurrenceSpec, kept_ms: int = 0, /) -> OccurrenceSource:
        wires, kept_ms = self._wires, max(kept_ms, self._kept_ms)
        crossed = None if spec.crossed is None else self.evaluator_of(spec.crossed, Crossings)  # type: ignore[type-abstract]
        self._subscribe(spec.events(), kept_ms)
        if crossed is not None:
            self._subscribe(crossed.rule.events(), kept_ms)
            if (counted := crossed.counted_from()) is not None:
                self._follow(counted)
        if spec.reused is not None:
            self._use_numbers(spec.reused_within_ms(), kept_ms)
        extractor = extractor_of(spec, self._orders.versions)
        if extractor is None:
            return wires.sources.setdefault(repr(spec), source_of(spec, None, crossed))
        slot = wires.slot_of(spec, extractor)
        wires.on_timeline[slot] |= self._bit
        wires.timeline_kept_ms[slot] = max(wires.timeline_kept_ms[slot], kept_ms)
        return source_of(spec, slot, crossed)

    def _use_numbers(self, reused_within_ms: int, kept_ms: int) -> None:
        wires = self._wires
        wires.on_number |= self._bit
        wires.number_kept_ms = max(wires.number_kept_ms, kept_ms)
        wires.reused_within_ms = max(wires.reused_within_ms, reused_within_ms)

    def _follow(self, source: OccurrenceSource) -> None:
        """Looks again when what another rule counts does; that rule has asked for it already."""
        if source.slot is not None:
            self._wires.on_timeline[source.slot] |= self._bit
        elif source.of.reused is not None:
            self._wires.on_number |= self._bit
