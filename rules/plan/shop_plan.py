"""A plan: the rules of one shop made ready to judge, with what each takes from orders and from the shop's events."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from rules.calendar.instants import DAY_MS, NEVER
from rules.expr.moments import Moment, first_known
from rules.facts.order_facts import EVERY_FACT, OrderFacts, bits_of
from rules.kinds.count import CountEvaluator, CountRule
from rules.kinds.count import evaluator_of as count_evaluator
from rules.kinds.deadline.spec import Deadline, Silence
from rules.kinds.deadline.timer import FirstDeadlines, Timer, compile_first_deadlines
from rules.kinds.disputes import DisputeEvaluator
from rules.kinds.evaluator import AnyEvaluator
from rules.kinds.event import EventEvaluator, EventRule
from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.ledger.postings import FeedReader
from rules.kinds.ledger.spec import Ledger
from rules.kinds.level import Level, LevelEvaluator, StockEvaluator
from rules.kinds.occurrences.source import Extractor, OccurrenceSource, OccurrenceSpec, extractor_of, source_of
from rules.kinds.ratio.compiled import Classifier, CompiledRatio, Population, compile_classifier, counted_alike
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.spec import Ratio
from rules.kinds.registry import InForce
from rules.kinds.route import Route, RouteEvaluator
from rules.kinds.rule import Locale
from rules.kinds.spacing import Spacing, SpacingEvaluator
from rules.kinds.streak import Streak, StreakEvaluator
from rules.kinds.subjects import AnySubjectEvaluator, SubjectEvaluator
from rules.kinds.tasks import DepositEvaluator, Tasks, TasksEvaluator
from rules.kinds.versioned import Versions

RETAINED_BEYOND_MS = 30 * DAY_MS
"""How long an order that nothing looks at any more is still remembered, for events that come late."""


class Reclassification(NamedTuple):
    """What is to be worked out anew of where an order counts: `classify` gives, of these `ratios`, the bits of those in
    which it is bad, and then its day by each of the `denominators` (with their places in it). `split`: the judges (as
    bits) of ratios that may count it for another reason now."""

    denominators: list[tuple[int, Population]]
    ratios: int
    classify: Classifier
    split: int


class IndexUpdates(NamedTuple):
    """Which of a plan's parts look at certain facts, beside deadlines and ratios: traces with their places, what counts
    sales and tracking numbers."""

    extractors: list[tuple[int, Extractor]]
    sales: bool
    numbers: bool


class Plan:
    """The rules of one shop, ready to evaluate, in the order in which they depend on each other.

    `watched_facts`: the facts (as bits) whose change can have an order evaluated again; others are only kept.
    `redeeming`: those that can only make an order good again, in the `redeemable` ratios (as bits).
    `kept_for_good`: the types of the shop's own events that matter however old they are.
    `evaluators` look at the whole shop; the rest is what they take from its orders: `timers`, `ratios` with
    the `denominators` they share, `extractors`. `bad_at_first`: the ratios (as bits) in which an order is bad from the
    start.
    Evaluators are named by bits, so that a shop knows cheaply which of them must look again.
    """

    def __init__(self, rules: Iterable[InForce]) -> None:
        rules = _in_order(list(rules))
        self.timers: list[Timer] = []
        self.versions: dict[str, list[Timer]] = {}
        self._time(rules)
        #: When each of its timers first has something to say of an order.
        self.first_deadlines: FirstDeadlines = compile_first_deadlines(self.timers)
        self.timer_of = {rule_id: timers[-1] for rule_id, timers in self.versions.items()}
        self.denominators: list[Population] = []
        self.ratios: list[CompiledRatio] = []
        self.extractors: list[Extractor] = []
        self.evaluators: list[Any] = []
        self.evaluator_of: dict[str, AnyEvaluator] = {}
        self.on_event: dict[str, int] = {}
        self.on_ratio: list[int] = []
        self.on_timeline: list[int] = []
        self.timeline_kept_ms: list[int] = []
        self.kept_for_good: set[str] = set()
        self.on_sale = self.on_number = self.number_kept_ms = 0
        self.sales_zone = "UTC"
        self._slots: dict[str, int] = {}
        self._sources: dict[str, OccurrenceSource] = {}
        self._alike: dict[Hashable, Population] = {}
        self._evaluate(rules)
        self.every_evaluator = (1 << len(self.evaluators)) - 1
        by_subject = [evaluator for evaluator in self.evaluators if isinstance(evaluator, SubjectEvaluator)]
        #: The judges that go by subject and look at a type of the shop's own events, or at the sales of each SKU.
        self.subscribers = {
            name: [evaluator for evaluator in by_subject if bits >> evaluator.n & 1]
            for name, bits in self.on_event.items()
        }
        #: The sources that look at a type of them; those that go by subject and look at a trace, or at used numbers.
        self.sources_on: dict[str, list[OccurrenceSource]] = {}
        self.timeline_readers: list[list[AnySubjectEvaluator]] = [[] for _ in self.extractors]
        self.number_readers: list[AnySubjectEvaluator] = []
        self._connect(by_subject)
        self.by_sku = [evaluator for evaluator in by_subject if self.on_sale >> evaluator.n & 1]
        self.computed = [
            evaluator for evaluator in self.evaluators if isinstance(evaluator, RatioEvaluator) and evaluator.rule.every
        ]
        #: When each of them is computed.
        self.schedules = [each.periodic.schedule for each in self.computed if each.periodic is not None]
        #: The facts (as bits) that what is computed rests on.
        self.computed_from = _any_of(ratio.rests_on for evaluator in self.computed for ratio in evaluator.versions)
        self.no_days: tuple[int | None, ...] = (None,) * len(self.denominators)
        counted = _any_of([ratio.facts & ~ratio.redeemed_by for ratio in self.ratios])
        counted |= _any_of([extractor.facts for extractor in self.extractors])
        counted |= (_SOLD if self.on_sale else 0) | (_SHIPPED if self.on_number else 0)
        self.redeeming = _any_of(ratio.redeemed_by for ratio in self.ratios)
        self.redeemable = _any_of(ratio.bit for ratio in self.ratios if ratio.redeemed_by & ~counted)
        self.watched_once_emitted = counted | _any_of(timer.facts for timer in self.timers)
        self.watched_facts = self.watched_once_emitted | self.redeeming
        self._silences = [timer.n for timer in self.timers if timer.postponed_by]
        hurried = [timer.facts & ~timer.can_wait for timer in self.timers]
        self._watched_in_time = counted | _any_of(hurried)
        self._watched_while_waiting = counted | _any_of(
            facts & ~timer.postponed_by for facts, timer in zip(hurried, self.timers, strict=True)
        )
        self.ratio_bits = _any_of(ratio.bad_bits | ratio.denominator.bits for ratio in self.ratios)
        self.extractor_bits = _any_of(extractor.bits for extractor in self.extractors)
        self._index_updates: dict[int, IndexUpdates] = {}
        self._reclassifications: dict[tuple[int, int], Reclassification] = {}
        self.bad_at_first = self.reclassification(EVERY_FACT, self.ratio_bits).classify(OrderFacts(), 0, 0)[0]
        self.retain_ms = RETAINED_BEYOND_MS + max([0, *(each.rule.span_ms() for each in rules)])

    # -- deadlines ------------------------------------------------------------------------------------------

    def _time(self, rules: list[InForce]) -> None:
        self._dues: dict[str, Moment] = {}
        for each in rules:
            if isinstance(each.rule, Deadline | Silence):
                facts, starts = bits_of(self._looked_at(each.rule)), bits_of(self._begun_by(each.rule))
                timer = Timer(each.rule, len(self.timers), each.locale, self._dues, facts, starts)
                self.timers.append(timer)
                versions = self.versions.setdefault(each.rule.id, [])
                versions.append(timer)
                self._dues[each.rule.id] = first_known(f"of_{timer.n}", [each.moment for each in versions])

    def index_updates(self, changed_facts: int) -> IndexUpdates:
        """What must be asked again when these facts of an order have changed."""
        found = self._index_updates.get(changed_facts)
        if found is None:
            found = self._index_updates[changed_facts] = IndexUpdates(
                [(n, extractor) for n, extractor in enumerate(self.extractors) if extractor.facts & changed_facts],
                bool(self.on_sale and changed_facts & _SOLD),
                bool(self.on_number and changed_facts & _SHIPPED),
            )
        return found

    def watch_mask(self, next_evals: Sequence[int], bad: int, emitted: bool) -> int:
        """Of `watched_facts`, those that matter at once to an order, by its timers' turns and the ratios (as bits) in
        which it is bad. Where nothing has been `emitted` of it, those that keep it so can wait until the turns; what
        redeems only matters where something is bad."""
        facts = self.watched_once_emitted if emitted else self._watched_while_waiting
        for n in self._silences:
            if next_evals[n] == NEVER and not emitted:
                facts = self._watched_in_time  # the first news begins it
        return facts | self.redeeming if bad & self.redeemable else facts

    def reclassification(self, changed_facts: int, changed: int) -> Reclassification:
        """What is to be worked out anew when these facts of an order have changed, and what these deadline rules say
        (both as bits)."""
        found = self._reclassifications.get((changed_facts, changed))
        if found is None:
            asked = [ratio for ratio in self.ratios if ratio.bad_facts & changed_facts or ratio.bad_bits & changed]
            moved = [each for each in self.denominators if each.facts & changed_facts or each.bits & changed]
            touched = _any_of(each.bit for each in asked) | _any_of(each.ratios for each in moved)
            split = [each for each in self.ratios if each.rule.by is not None and each.bit & touched]
            found = self._reclassifications[changed_facts, changed] = Reclassification(
                list(enumerate(moved, start=1)),
                _any_of(ratio.bit for ratio in asked),
                compile_classifier(asked, moved),
                _any_of(self.on_ratio[each.n] for each in split),
            )
        return found

    def _looked_at(self, rule: Deadline | Silence | Ratio) -> set[str]:
        """The facts a rule rests on; those of the deadline it starts from, too."""
        facts = rule.looks_at()
        for lean in rule.depends_on():
            for timer in self.versions.get(lean, ()):
                facts = facts | self._looked_at(timer.rule)
        return facts

    def evaluate_timers(self, facts: OrderFacts, at_ms: int, rules: int = -1) -> tuple[int, int]:
        """What deadline rules (all, or some as bits) said of an order at a moment: bits of those missed, and unmet."""
        missed = overdue = 0
        for timer in self.timers:
            flags = timer.evaluate(facts, at_ms, at_ms)[0] if timer.bit & rules else 0
            if flags:
                missed |= timer.bit
                if flags > 1:
                    overdue |= timer.bit
        return missed, overdue

    def _anchored_by(self, rule: Ratio) -> set[str]:
        """The facts that decide when an order counts."""
        return set[str]().union(
            *({anchor} if isinstance(anchor, str) else self._due_from(anchor.due) for anchor in rule.anchors())
        )

    def _due_from(self, rule_id: str) -> set[str]:
        """The facts that decide when an order is due by a deadline rule."""
        return set[str]().union(*(self._begun_by(timer.rule) for timer in self.versions.get(rule_id, ())))

    def _begun_by(self, rule: Deadline | Silence) -> set[str]:
        """The facts that decide whether a deadline rule waits for anything, and until when."""
        return rule.begun_by().union(*(self._due_from(lean) for lean in rule.depends_on()))

    # -- judges -----------------------------------------------------------------------------------------------

    def _evaluate(self, rules: list[InForce]) -> None:
        bits = {rule: sum(timer.bit for timer in timers) for rule, timers in self.versions.items()}
        by_id: dict[str, list[InForce]] = {}
        for each in rules:
            if not isinstance(each.rule, Deadline | Silence):
                by_id.setdefault(each.rule.id, []).append(each)
        for rule_id, versions in by_id.items():
            n = len(self.evaluators)
            if isinstance(versions[0].rule, Ratio):
                evaluator: AnyEvaluator = self._ratio(n, versions, bits)
            else:
                evaluators = [self._make(n, each) for each in versions]
                evaluator = evaluators[0] if len(evaluators) == 1 else Versions(n, evaluators)  # type: ignore[arg-type]
            self.evaluators.append(evaluator)
            self.evaluator_of[rule_id] = evaluator
            for lean in versions[0].rule.depends_on():
                leaned = self.evaluator_of.get(lean)
                if leaned is not None:
                    leaned.dependents |= 1 << n

    def _ratio(self, n: int, versions: list[InForce], bits: Mapping[str, int]) -> RatioEvaluator:
        compiled: list[CompiledRatio] = []
        for each in versions:
            if isinstance(each.rule, Ratio):
                compiled.append(self._compile_ratio(len(self.ratios), each.rule, each.locale, bits))
                self.ratios.append(compiled[-1])
        # One without steps that nothing is computed of has nothing to say.
        self.on_ratio += [1 << n if ratio.steps else 0 for ratio in compiled]
        if any(ratio.rule.by == "provider" for ratio in compiled):
            self._subscribe({"dispute.opened"}, n)
        return (DisputeEvaluator if compiled[-1].rule.by == "provider" else RatioEvaluator)(n, compiled)

    def _compile_ratio(self, slot: int, rule: Ratio, locale: Locale, bits: Mapping[str, int]) -> CompiledRatio:
        anchored, alike = bits_of(self._anchored_by(rule)), counted_alike(rule, locale)
        denominator = self._alike.get(alike)
        if denominator is None:
            denominator = Population(len(self.denominators), rule, bits, locale, self._dues, anchored)
            self._alike[alike] = denominator
            self.denominators.append(denominator)
        denominator.ratios |= 1 << slot
        return CompiledRatio(slot, rule, denominator, bits, locale, anchored, bits_of(self._looked_at(rule)))

    def _make(self, n: int, each: InForce) -> AnyEvaluator:
        rule, locale = each.rule, each.locale
        match rule:
            case CountRule():
                return count_evaluator(n, rule, self._source(rule.of, n, rule.retention_ms()), locale)
            case EventRule():
                return EventEvaluator(n, rule, self._source(rule.of, n, rule.retention_ms()), locale)
            case Level():
                self._subscribe(rule.events(), n)
                if rule.of_skus():
                    self.on_sale |= 1 << n
                    self.sales_zone = locale.zone
                    return StockEvaluator(n, rule, locale)
                return LevelEvaluator(n, rule, locale, self.evaluator_of.get(rule.ledger or ""))  # type: ignore[arg-type]
            case Tasks():
                self._subscribe(rule.events(), n)
                if rule.after == "deposit.deducted":
                    return DepositEvaluator(n, rule, locale)
                return TasksEvaluator(
                    n, rule, None if rule.of is None else self._source(rule.of, n, rule.retention_ms()), locale
                )
            case Spacing():
                self._subscribe({"price.changed", "promotion.scheduled"}, n)
                return SpacingEvaluator(n, rule, locale)
            case Route():
                self._subscribe({"carrier.state"}, n)
                return RouteEvaluator(n, rule)
            case Streak():
                ratio = self.evaluator_of[rule.of]
                assert isinstance(ratio, RatioEvaluator)
                for version in ratio.versions:
                    version.denominator.on_move |= 1 << n
                return StreakEvaluator(n, rule, ratio)
            case Ledger():
                return LedgerEvaluator(n, rule, [self._reader(feed, n, each) for feed in _of_site(rule, each)], locale)
        raise TypeError(f"{rule!r} is no rule that looks at a shop")

    def _reader(self, feed: Any, n: int, each: InForce) -> FeedReader:
        self._subscribe(feed.events(), n)
        if each.rule.retention_ms() == NEVER:
            self.kept_for_good |= feed.events()
        ratio = self.evaluator_of.get(feed.computed or "")
        sources = [self._source(of, n, each.rule.retention_ms()) for of in feed.of]
        return FeedReader(feed, sources, ratio if isinstance(ratio, RatioEvaluator) else None, each.locale.zone)

    def _source(self, of: OccurrenceSpec, n: int, kept_ms: int) -> OccurrenceSource:
        """Where a judge finds what happened; it is told when there is news."""
        crossed: Any = self.evaluator_of.get(of.crossed or "")
        self._subscribe(
            of.events() | (crossed.rule.events() if isinstance(crossed, LevelEvaluator | CountEvaluator) else set()), n
        )
        if isinstance(crossed, CountEvaluator):
            self._follow_crossed(crossed.source, n)
        if of.reused is not None:
            self.on_number |= 1 << n
            self.number_kept_ms = max(self.number_kept_ms, kept_ms)
        if kept_ms == NEVER:
            self.kept_for_good |= of.events()
        extractor = extractor_of(of, self.versions)
        slot = None
        if extractor is not None:
            slot = self._slots.setdefault(repr(of), len(self.extractors))
            if slot == len(self.extractors):
                self.extractors.append(extractor)
                self.on_timeline.append(0)
                self.timeline_kept_ms.append(0)
            self.on_timeline[slot] |= 1 << n
            self.timeline_kept_ms[slot] = max(self.timeline_kept_ms[slot], kept_ms)
        if slot is not None:
            return source_of(of, slot, crossed)
        return self._sources.setdefault(repr(of), source_of(of, slot, crossed))

    def _follow_crossed(self, source: OccurrenceSource, n: int) -> None:
        """A judge of a count's crossings looks again when what is counted does; a trace is asked for already."""
        if source.slot is not None:
            self.on_timeline[source.slot] |= 1 << n
        elif source.of.reused is not None:
            self.on_number |= 1 << n

    def _connect(self, by_subject: Iterable[AnySubjectEvaluator]) -> None:
        """Has sources hear of what they look at, and judges of what their sources find."""
        for source in self._sources.values():
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

    def _subscribe(self, events: Iterable[str], n: int) -> None:
        for event in events:
            self.on_event[event] = self.on_event.get(event, 0) | 1 << n


_SOLD = bits_of(("placed", "cancelled"))
_SHIPPED = bits_of(("shipped",))


def _any_of(several: Iterable[int]) -> int:
    return reduce(or_, several, 0)


def _of_site(rule: Ledger, each: InForce) -> list[Any]:
    return [feed for feed in rule.feeds if not feed.sites or each.site in feed.sites]


def _in_order(rules: list[InForce]) -> list[InForce]:
    """Every rule behind those it leans on."""
    by_id: dict[str, list[InForce]] = {}
    for each in rules:
        by_id.setdefault(each.rule.id, []).append(each)
    done: dict[str, None] = {}

    def add(rule_id: str) -> None:
        if rule_id in done or rule_id not in by_id:
            return
        for each in by_id[rule_id]:
            for lean in sorted(each.rule.depends_on()):
                add(lean)
        done[rule_id] = None

    for rule_id in by_id:
        add(rule_id)
    return [each for rule_id in done for each in by_id[rule_id]]
