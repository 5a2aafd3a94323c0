"""A plan: the rules of one shop compiled, and what each takes from orders and from the shop's events."""

from collections.abc import Iterable
from typing import NamedTuple

from rules.calendar.instants import DAY_MS
from rules.facts.order_facts import OrderFacts
from rules.kinds.occurrences.extractor import Extractor
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.ratio.compiled import Classifier, Population, compile_classifier
from rules.kinds.registry import InForce
from rules.kinds.subjects import AnySubjectEvaluator, SubjectEvaluator
from rules.kinds.unwatched import UNWATCHED
from rules.plan.order_plan import OrderPlan
from rules.plan.watch_masks import AMOUNT, LOST, SHIPPED, SOLD, WatchMasks, any_of
from rules.plan.wiring import Version, Wires

RETAINED_BEYOND_MS = 30 * DAY_MS
"""How long an order is kept after no rule looks at it any more, for late events."""


class IndexUpdates(NamedTuple):
    """Which of the plan's aggregates to update beside ratios: extractors with their slots, sales, tracking numbers; and
    the evaluators (as bits) that look at them in orders that are bad."""

    extractors: list[tuple[int, Extractor]]
    sales: bool
    numbers: bool
    while_bad: int


class Recount(NamedTuple):
    """What to work out again of where an order counts when certain facts have changed. `classify` says in which of the
    `ratios` (as bits) it is bad, and its day in the `populations`; None where these rest on none of the facts. `split`
    are the evaluators (as bits) of ratios that may count it for another reason now. `indexes`: None if none is to be
    updated."""

    populations: list[Population]
    ratios: int
    classify: Classifier | None
    split: int
    indexes: IndexUpdates | None


class Plan(OrderPlan):
    """The rules of one shop, compiled, in the order in which they depend on each other.

    `masks`: which facts have an order evaluated again when they change; others are only kept. `evaluators` look at the
    whole shop; the rest is what they take from its orders: `timers`, `ratios` with the `denominators` (populations)
    they share, and `extractors`. `bad_at_first`: the ratios (as bits) in which an order without facts is bad. What is
    called `on_…` has bits of evaluators, as `Wires` says. `derived_by` names the plan and all that what is derived from
    orders follows from, their facts aside: of two plans with one name everything derived is the same. Empty if nobody
    knows.
    """

    def __init__(self, rules: Iterable[InForce], zone: str, derived_by: str = "") -> None:
        self.derived_by = derived_by
        rules = _in_order(list(rules))
        #: In which the shops' local days begin and end; a rule goes by its own locale.
        self.zone = zone
        #: Whether a pack has a rule for these shops.
        self.is_watching = any(each.rule is not UNWATCHED for each in rules)
        super().__init__([(each.rule, each.locale) for each in rules if each.rule.PER_ORDER])
        wires = Wires()
        by_id: dict[str, list[Version]] = {}
        for each in rules:
            if not each.rule.PER_ORDER:
                by_id.setdefault(each.rule.id, []).append((each.rule, each.locale, each.site))
        for versions in by_id.values():
            wires.compile(versions, self)
        self.evaluators = wires.evaluators
        self.evaluator_of = wires.evaluator_of
        self.every_evaluator = (1 << len(self.evaluators)) - 1
        self.ratio_evaluators, self.ledger_evaluators = wires.ratio_evaluators, wires.ledger_evaluators
        self.ratios, self.denominators, self.extractors = wires.ratios, wires.denominators, wires.extractors
        self.on_event, self.on_ratio, self.on_timeline = wires.on_event, wires.on_ratio, wires.on_timeline
        self.on_sale, self.sales_zone, self.on_number = wires.on_sale, wires.sales_zone, wires.on_number
        self.on_loss, self.on_amount = wires.on_loss, wires.on_amount
        self.timeline_kept_ms, self.number_kept_ms = wires.timeline_kept_ms, wires.number_kept_ms
        self.reused_within_ms = wires.reused_within_ms
        #: How long entries of the types of the shop's own events matter (ms).
        self.entries_kept_ms = wires.entries_kept_ms
        self._connect(wires.sources.values())
        #: The ratios that are computed at boundaries, when each is, and the facts (as bits) that this rests on.
        self.computed = [evaluator for evaluator in self.ratio_evaluators if evaluator.rule.every]
        self.schedules = [each.periodic.schedule for each in self.computed if each.periodic is not None]
        self.schedule_of = dict(zip([each.rule.id for each in self.computed], self.schedules, strict=True))
        self.computed_from = any_of(ratio.rests_on for evaluator in self.computed for ratio in evaluator.versions)
        self.no_days: tuple[int | None, ...] = (None,) * len(self.denominators)
        others = (SOLD if self.on_sale else 0) | (SHIPPED if self.on_number else 0)
        others |= (LOST if self.on_loss else 0) | (AMOUNT if self.on_amount else 0)
        self.masks = WatchMasks(self.timers, self.ratios, self.extractors, others)
        self._recounts: dict[tuple[int, int], Recount] = {}
        #: The classifier of all ratios and populations.
        self.classify = compile_classifier(self.ratios, self.denominators, len(self.denominators))
        self.bad_at_first = self.classify(OrderFacts(), 0, 0, 0, self.no_days)[0]
        #: How far back the sanctions of ratios look at what has changed of orders.
        self.looks_back_ms = max(
            [0, *(ratio.rule.looks_back_ms(tier) for ratio in self.ratios for tier in ratio.rule.tiers)]
        )
        #: How long an order is kept after its last news. An event older than that begins no order.
        self.retain_ms = max(
            RETAINED_BEYOND_MS + max([0, *(each.rule.span_ms() for each in rules)]), self.reused_within_ms
        )

    def _connect(self, sources: Iterable[OccurrenceSource]) -> None:
        """Lists, by what may change, the sources that read it, and the evaluators by subject that depend on it."""
        by_subject = [evaluator for evaluator in self.evaluators if isinstance(evaluator, SubjectEvaluator)]
        #: The evaluators that depend on a type of the shop's own events, and on the sales of each SKU.
        self.subscribers = {
            name: [evaluator for evaluator in by_subject if bits >> evaluator.n & 1]
            for name, bits in self.on_event.items()
        }
        self.by_sku = [evaluator for evaluator in by_subject if self.on_sale >> evaluator.n & 1]
        #: The sources that read a type of events; the evaluators by subject that read an extractor's timeline, or the
        #: reuses of tracking numbers.
        self.sources_on: dict[str, list[OccurrenceSource]] = {}
        self.timeline_readers: list[list[AnySubjectEvaluator]] = [[] for _ in self.extractors]
        self.number_readers: list[AnySubjectEvaluator] = []
        for source in sources:
            for name in source.events:
                self.sources_on.setdefault(name, []).append(source)
        for evaluator in by_subject:
            for source in evaluator.sources():
                if source.slot is not None:
                    self.timeline_readers[source.slot].append(evaluator)
                elif source.of.reused is not None:
                    self.number_readers.append(evaluator)
                else:
                    source.readers.append(evaluator)

    # -- what to work out again of an order ---------------------------------------------------------------------

    def recount(self, changed_facts: int, changed: int) -> Recount:
        """What to work out again when these facts of an order have changed, and these deadline rules say something else
        to the ratios (both as bits)."""
        found = self._recounts.get((changed_facts, changed))
        if found is None:
            found = self._recounts[changed_facts, changed] = self._new_recount(changed_facts, changed)
        return found

    def _new_recount(self, changed_facts: int, changed: int) -> Recount:
        asked = [ratio for ratio in self.ratios if ratio.bad_facts & changed_facts or ratio.bad_bits & changed]
        moved = [each for each in self.denominators if each.facts & changed_facts or each.bits & changed]
        touched = any_of(each.bit for each in asked) | any_of(each.ratios for each in moved)
        split = [each for each in self.ratios if each.rule.by is not None and each.bit & touched]
        classify = compile_classifier(asked, moved, len(self.denominators)) if asked or moved else None
        indexes = IndexUpdates(
            [(n, extractor) for n, extractor in enumerate(self.extractors) if extractor.facts & changed_facts],
            bool(self.on_sale and changed_facts & SOLD),
            bool(self.on_number and changed_facts & SHIPPED),
            (self.on_loss if changed_facts & LOST else 0) | (self.on_amount if changed_facts & AMOUNT else 0),
        )
        return Recount(
            moved,
            any_of(ratio.bit for ratio in asked),
            classify,
            any_of(self.on_ratio[each.n] for each in split),
            indexes if any(indexes) else None,
        )


def _in_order(rules: list[InForce]) -> list[InForce]:
    """The rules sorted so that each comes after those it depends on."""
    by_id: dict[str, list[InForce]] = {}
    for each in rules:
        by_id.setdefault(each.rule.id, []).append(each)
    done: dict[str, None] = {}

    def add(rule_id: str) -> None:
        if rule_id in done or rule_id not in by_id:
            return
        for each in by_id[rule_id]:
            for other in sorted(each.rule.depends_on()):
                add(other)
        done[rule_id] = None

    for rule_id in by_id:
        add(rule_id)
    return [each for rule_id in done for each in by_id[rule_id]]
