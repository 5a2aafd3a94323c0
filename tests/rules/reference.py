"""Deadlines, conditions and ratios worked out slowly and plainly, from an order's facts and the rules as written.

Nothing here is compiled, kept or counted up as it goes, and none of it shares code with what it is compared to but
the rules as they are read, the windows' periods and the list of working days. Every fast way in which the engine
counts a ratio must come to `reference_count`, and every compiled expression to its function here
(`test_reference_counts`, `test_compiled`).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from rules.calendar.counting import PLAIN, Counting
from rules.calendar.days import is_working_day
from rules.calendar.durations import BusinessDays, Share
from rules.calendar.instants import HOUR_MS, NEVER
from rules.calendar.windows import Period
from rules.expr.conditions import AllOf, AnyOf, Condition, Has, Late, Not, Overdue, Parcel, Term
from rules.facts.merge import MERGE, merge
from rules.facts.order_facts import OrderFacts
from rules.kinds.deadline.spec import Deadline, DueOf, Silence
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.registry import InForce
from rules.kinds.rule import ALWAYS, Locale
from tests.rules.history import TimedEvent

# -- days -----------------------------------------------------------------------------------------------------


def local_day(at_ms: int, zone: str) -> int:
    """The local date of an instant, as an ordinal."""
    return _local(at_ms, zone).toordinal()


def working_days_later(at_ms: int, days: int, country: str, zone: str, counting: Counting = PLAIN) -> int:
    """The same time of day so many working days later. A start on a day off, or after the cut-off, counts from the next
    working day's beginning. A term that ends with the day ends with that of its last working day; what came after the
    cut-off, or on a day off where there is one, has all its working days after the one that it counts for."""
    at = _local(at_ms, zone)
    day, clock = at.date(), at.time()
    later = not is_working_day(day, country, counting.week)
    if counting.cutoff is not None:
        later |= clock >= (datetime.min + timedelta(milliseconds=counting.cutoff)).time()
    if later:
        day, clock = _next_working_day(day, country, counting), time()
    for _ in range(days - 1 if later and counting.ends and counting.cutoff is None else days):
        day = _next_working_day(day, country, counting)
    if counting.ends:
        day, clock = day + timedelta(days=1), time()
    ends = datetime.combine(day, clock, ZoneInfo(zone))
    return (ends.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _local(at_ms: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone))


def _next_working_day(day: date, country: str, counting: Counting) -> date:
    day += timedelta(days=1)
    while not is_working_day(day, country, counting.week):
        day += timedelta(days=1)
    return day


# -- facts ----------------------------------------------------------------------------------------------------


def instant_of(facts: OrderFacts, fact: str) -> int | None:
    """When (epoch ms) a fact came about."""
    mark = getattr(facts, fact)
    return None if mark is None else mark[0]


def known_by(events: Iterable[TimedEvent], at_ms: int) -> dict[tuple[str, str], OrderFacts]:
    """The facts of every `(shop, order)` of which anything had happened by then."""
    found: dict[tuple[str, str], OrderFacts] = {}
    for event, event_ms in events:
        if type(event) in MERGE and event_ms <= at_ms:
            order = event.shop, event.order
            found[order], _ = merge(found.get(order) or OrderFacts(), event, (event_ms, event.source, event.id))
    return found


# -- rules ----------------------------------------------------------------------------------------------------


class Reference:
    """The rules of one shop, to be asked about facts. `at_ms` and `passed_ms` are the clock, and the instant up to
    which nothing more can happen: the same once all events of the clock's instant are in."""

    def __init__(self, rules: Iterable[InForce]) -> None:
        self.rules: dict[str, list[InForce]] = {}
        for each in rules:
            self.rules.setdefault(each.rule.id, []).append(each)

    def due(self, rule_id: str, facts: OrderFacts) -> int | None:
        """When an order is due by a deadline rule: by the first of its versions that has an instant for it."""
        dues = [self.due_by(each, facts) for each in self.rules[rule_id]]
        return next((due for due in dues if due is not None), None)

    def due_by(self, version: InForce, facts: OrderFacts) -> int | None:
        """When an order is due by one version of a deadline rule."""
        rule = version.rule
        if isinstance(rule, Silence):
            heard = [at for fact in rule.after if (at := instant_of(facts, fact)) is not None]
            start = max(heard, default=None)
            due = None if start is None else start + int(rule.within)
        else:
            assert isinstance(rule, Deadline)
            named = rule.from_
            start = self.due(named.due, facts) if isinstance(named, DueOf) else instant_of(facts, named)
            due = _deadline(rule, start, facts, version.locale)
        in_effect = version.locale.effective
        if in_effect == ALWAYS:
            return due
        return due if start is not None and in_effect.from_ms <= start < in_effect.to_ms else None

    def applies(self, rule: Deadline | Silence, facts: OrderFacts) -> bool:
        """Whether an order is one of those a deadline rule is for. Its `where` looks at facts alone."""
        return rule.where is None or self.holds(rule.where, facts, NEVER)

    def speaks_from(self, version: InForce, facts: OrderFacts) -> int:
        """When one version of a deadline rule first has something to say of an order: its first warning, or when it is
        due; `NEVER` where what it waits for came before, or it waits for nothing."""
        rule = version.rule
        assert isinstance(rule, Deadline | Silence)
        due = self.due_by(version, facts)
        if due is None or not self.applies(rule, facts):
            return NEVER
        first = due - max([int(warn.before) for warn in rule.warn], default=0)
        met = [at for fact in rule.until if (at := instant_of(facts, fact)) is not None]
        return NEVER if any(at <= first for at in met) else first

    def is_missed(self, version: InForce, facts: OrderFacts, at_ms: int, passed_ms: int) -> tuple[bool, bool]:
        """Whether an order was ever late by one version of a deadline rule, and whether it still waits."""
        rule = version.rule
        assert isinstance(rule, Deadline | Silence)
        due = self.due_by(version, facts)
        if due is None or not self.applies(rule, facts):
            return False, False
        met = min([at for fact in rule.until if (at := instant_of(facts, fact)) is not None], default=NEVER)
        if met <= at_ms:
            return met > due, False
        return (due <= passed_ms and met > due,) * 2

    def holds(self, condition: Condition, facts: OrderFacts, at_ms: int, passed_ms: int | None = None) -> bool:
        """Whether an order meets a condition, as deadlines stand at a moment."""

        def judged(rule_id: str) -> list[tuple[bool, bool]]:
            until_ms = at_ms if passed_ms is None else passed_ms
            return [self.is_missed(each, facts, at_ms, until_ms) for each in self.rules[rule_id]]

        return holds(
            condition,
            facts,
            late=lambda rule_id: any(missed for missed, _ in judged(rule_id)),
            overdue=lambda rule_id: any(waits for _, waits in judged(rule_id)),
        )

    def counted_on(self, ratio: InForce, facts: OrderFacts, at_ms: int, passed_ms: int | None = None) -> int | None:
        """The local day on which an order counts in a ratio; None where it doesn't."""
        rule = ratio.rule
        assert isinstance(rule, RatioSpec)
        anchors = rule.anchor if isinstance(rule.anchor, tuple) else (rule.anchor,)
        instants = [
            self.due(each.due, facts) if isinstance(each, DueOf) else instant_of(facts, each) for each in anchors
        ]
        known = [at for at in instants if at is not None]
        if not known or not self.holds(rule.denominator, facts, at_ms, passed_ms):
            return None
        return local_day(min(known), ratio.locale.zone)

    def is_bad(self, ratio: InForce, facts: OrderFacts, at_ms: int, passed_ms: int | None = None) -> bool:
        """Whether an order that counts in a ratio counts against the shop. Where disputes are counted none does."""
        rule = ratio.rule
        assert isinstance(rule, RatioSpec)
        if rule.numerator is None:
            return False
        return self.holds(rule.numerator, facts, at_ms, passed_ms) != rule.good


def holds(condition: Condition, facts: OrderFacts, late: Callable[[str], bool], overdue: Callable[[str], bool]) -> bool:
    """Whether an order meets a condition. `late` and `overdue` say of a deadline rule (by its id) whether the order
    ever missed it, and whether it still waits."""
    match condition:
        case Late(rule_id):
            return late(rule_id)
        case Overdue(rule_id):
            return overdue(rule_id)
        case Not(part):
            return not holds(part, facts, late, overdue)
        case AnyOf(parts):
            return any(holds(part, facts, late, overdue) for part in parts)
        case AllOf(parts):
            return all(holds(part, facts, late, overdue) for part in parts)
        case Has(fact, by, reason):
            if getattr(facts, fact) is None:
                return False
            return (not by or facts.cancelled_by in by) and (not reason or facts.cancelled_for in reason)
        case Term(name, wanted):
            return facts.terms is not None and getattr(facts.terms, name) in wanted
        case Parcel(name, wanted):
            gone_out = facts.shipped is not None or len(facts.parcels) > 0
            return gone_out and _of_parcel(name, facts) in wanted
    raise TypeError(f"{condition!r} is no condition")


def _of_parcel(name: str, facts: OrderFacts) -> object:
    assert facts.shipment is not None
    if name == "tracked":
        return bool(facts.shipment.tracking_no)
    value = getattr(facts.shipment, name)
    if name == "logistics" and not value and facts.terms is not None:
        return facts.terms.logistics  # what the order said, where the shipment didn't
    return value


def _deadline(rule: Deadline, start: int | None, facts: OrderFacts, locale: Locale) -> int | None:
    """What the platform moved the deadline to, else what was promised, the order's own handling time, that of its
    mode, and the rule's."""
    if rule.ship_by and facts.moved_to_ms is not None:
        return facts.moved_to_ms
    if start is None:
        return None
    terms = facts.terms
    if terms is not None:
        if rule.ship_by and terms.ship_by_ms is not None:
            return terms.ship_by_ms
        if rule.handling and terms.handling_h is not None:
            return start + round(terms.handling_h * HOUR_MS)
        if terms.mode in rule.modes:
            return start + int(rule.modes[terms.mode])
    if isinstance(rule.within, BusinessDays):
        country = rule.calendar or locale.calendar or ""
        counting = Counting(rule.ends, rule.cutoff, rule.week)
        return working_days_later(start, int(rule.within), country, locale.zone, counting)
    return start + int(rule.within)


# -- ratios ---------------------------------------------------------------------------------------------------


def reference_count(
    orders: Iterable[OrderFacts],
    rules: Reference,
    ratio: InForce,
    period: Period,
    at_ms: int,
    passed_ms: int | None = None,
) -> tuple[int, int]:
    """`(bad, total)`: how many of these orders count in a ratio on a day of the period, as deadlines stand at `at_ms`,
    and how many of these against the shop."""
    bad = total = 0
    for facts in orders:
        day = rules.counted_on(ratio, facts, at_ms, passed_ms)
        if day is not None and period.first <= day <= period.last:
            total += 1
            bad += rules.is_bad(ratio, facts, at_ms, passed_ms)
    return bad, total


def steps_reached(rule: RatioSpec, bad: int, total: int) -> list[str]:
    """The stages that so many bad orders of so many come to, the highest last; `near` is the lowest."""
    if total < rule.at_least or bad == 0:
        return []
    steps: list[tuple[str, Share | None, int | None]] = [(tier.name, tier.share, tier.count) for tier in rule.tiers]
    if rule.threshold is not None:
        steps = [("crossed", rule.threshold, None)]
    if rule.near is not None:
        steps = [("near", rule.near, None), *steps]
    return [name for name, share, count in steps if _is_reached(rule, share, count, bad, total)]


def _is_reached(rule: RatioSpec, share: Share | None, count: int | None, bad: int, total: int) -> bool:
    if count is not None and bad < count:
        return False
    if share is None:
        return True
    if not rule.good:
        return Fraction(bad, total) >= share if rule.inclusive else Fraction(bad, total) > share
    went_well = 1 - Fraction(bad, total)
    return went_well <= share if rule.inclusive else went_well < share
