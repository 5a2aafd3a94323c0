"""Deadlines: something must have happened to an order within a time. And silence: news must keep coming."""

from collections.abc import Callable
from operator import attrgetter

from msgspec import Struct, field

from rules.alerts import Cause, Emitted, Open, Severity
from rules.calendars import add_business_days
from rules.conditions import Condition, compile_condition, facts_named
from rules.durations import BusinessDays, Duration, Span
from rules.facts import Mark, OrderFacts
from rules.instants import HOUR_MS, NEVER
from rules.kinds.rule import Rule

MISSED = 1
OVERDUE = 2

Judgement = tuple[int, Open | None, int]
"""`(flags, open, next_ms)`: MISSED | OVERDUE, the alert that should be open, and when that may change."""

NOTHING: Judgement = (0, None, NEVER)


class Again(Struct, forbid_unknown_fields=True, frozen=True):
    """While it stays unmet it is judged again `every` so long, `times` judgements in all."""

    every: Duration
    times: int


class Warn(Struct, forbid_unknown_fields=True, frozen=True):
    """A word `before` the deadline."""

    before: Duration
    severity: Severity


class Deadline(Rule, tag="deadline", tag_field="kind", kw_only=True, frozen=True):
    """`until` any of these facts, `within` a time `from_` one. `warn` says a word ahead.

    `ship_by`: what the platform said for this order beats the computed instant. `handling`: so does the
    order's own handling time. `modes`: other times for pre-sale and stepped stock. `calendar`: whose working
    days `2bd` counts.
    """

    from_: str = field(name="from")
    until: tuple[str, ...]
    within: Span
    warn: tuple[Warn, ...] = ()
    again: Again | None = None
    ship_by: bool = False
    handling: bool = False
    modes: dict[str, Duration] = {}
    calendar: str | None = None
    where: Condition | None = None

    def looks_at(self) -> set[str]:
        """The facts its judgement rests on."""
        facts = {self.from_, *self.until, *(facts_named(self.where) if self.where else ())}
        return facts | ({"placed", "deadline_moved"} if self.ship_by else {"placed"})

    def reach_ms(self) -> int:
        """How long after its start an order can still change its judgement, at the least."""
        within = self.within * 4 * 24 * HOUR_MS if isinstance(self.within, BusinessDays) else int(self.within)
        return within + (self.again.every * self.again.times if self.again else 0)


class Silence(Rule, tag="silence", tag_field="kind", kw_only=True, frozen=True):
    """News must come `within` a time of the latest of `after`, until one of `until`."""

    after: tuple[str, ...]
    until: tuple[str, ...]
    within: Duration
    warn: tuple[Warn, ...] = ()
    where: Condition | None = None

    def looks_at(self) -> set[str]:
        """The facts its judgement rests on."""
        return {*self.after, *self.until, *(facts_named(self.where) if self.where else ())}

    def reach_ms(self) -> int:
        return int(self.within)


class Timer:
    """A deadline or silence rule, ready to judge orders. `bit` is its place in conditions."""

    __slots__ = (
        "_overdue",
        "_start",
        "_until",
        "_warnings",
        "_where",
        "again",
        "bit",
        "due",
        "lead_ms",
        "rule",
    )

    def __init__(self, rule: Deadline | Silence, bit: int, zone: str) -> None:
        self.rule = rule
        self.bit = bit
        self.due = _due_of(rule, zone)
        self._until = _marks(rule.until)
        self._warnings = sorted(((int(each.before), each.severity) for each in rule.warn), reverse=True)
        self.lead_ms = self._warnings[0][0] if self._warnings else 0
        self._overdue = rule.severity["overdue"]
        self.again = rule.again if isinstance(rule, Deadline) else None
        self._where = None if rule.where is None else compile_condition(rule.where, {})

    def judge(self, facts: OrderFacts, now_ms: int, passed_ms: int) -> Judgement:
        """What this rule says of an order at `now_ms`, from the facts alone.

        What was to happen by `passed_ms` can no longer come in time. That is `now_ms` itself once all events of
        that instant are in, and the instant before it until then.
        """
        due = self.due(facts)
        if due is None:
            return NOTHING
        end = NEVER
        for mark in self._until(facts):
            if mark is not None and mark[0] < end:
                end = mark[0]
        if end <= due - self.lead_ms:
            return NOTHING
        if self._where is not None and not self._where(facts, 0, 0):
            return NOTHING
        if now_ms >= end:
            return (MISSED if end > due else 0, None, NEVER)
        if passed_ms >= due:
            return self._past(due, end, passed_ms)
        return self._ahead(due, end, passed_ms)

    def _ahead(self, due: int, end: int, passed_ms: int) -> Judgement:
        wanted, turn = None, due
        for before, severity in self._warnings:
            at = due - before
            if at > passed_ms:
                turn = at
                break
            wanted = Open("due_soon", severity, at, due)
        return 0, wanted, min(turn, end)

    def _past(self, due: int, end: int, passed_ms: int) -> Judgement:
        judgement, turn = 0, end
        if self.again is not None:
            judgement = min(1 + (passed_ms - due) // self.again.every, self.again.times)
            if judgement < self.again.times:
                turn = min(end, due + judgement * self.again.every)
        return MISSED | OVERDUE, Open("overdue", self._overdue, due, due, judgement), turn

    def cause(self, wanted: Open) -> Cause:
        """Why an alert opens or changes."""
        if wanted.stage == "due_soon":
            return "deadline_near"
        if wanted.judgement > 1:
            return "judged_again"
        return "went_silent" if isinstance(self.rule, Silence) else "deadline_passed"

    def cause_of_end(self, facts: OrderFacts, said: Emitted) -> Cause:
        """Why an alert that was open no longer is."""
        since = said.due_ms if said.stage == "overdue" else said.at_ms
        ends = [mark[0] for mark in self._until(facts) if mark is not None]
        if ends and since is not None and min(ends) <= since:
            return "evidence_arrived"
        if self.due(facts) != said.due_ms:
            return self._cause_of_move(facts, said)
        if not ends:
            return "no_longer_applies"
        first = min(ends)
        met = any(
            mark is not None and mark[0] == first
            for name, mark in zip(self.rule.until, self._until(facts), strict=True)
            if name != "cancelled"
        )
        return "fulfilled" if met else "cancelled"

    def _cause_of_move(self, facts: OrderFacts, said: Emitted) -> Cause:
        if isinstance(self.rule, Deadline):
            return "deadline_moved"
        heard = (self.due(facts) or 0) - self.rule.within
        return "evidence_arrived" if said.stage == "overdue" and heard <= (said.due_ms or 0) else "fulfilled"


def _marks(names: tuple[str, ...]) -> Callable[[OrderFacts], tuple[Mark | None, ...]]:
    get = attrgetter(*names)
    return (lambda facts: (get(facts),)) if len(names) == 1 else get


def _due_of(rule: Deadline | Silence, zone: str) -> Callable[[OrderFacts], int | None]:
    """The function that gives an order's due instant (epoch ms), None while it has no start."""
    if isinstance(rule, Silence):
        return _due_after_news(_marks(rule.after), rule.within)
    start = attrgetter(rule.from_)
    within = _within(rule, zone)
    if not (rule.ship_by or rule.handling or rule.modes):
        if isinstance(rule.within, BusinessDays):
            return lambda facts: None if (mark := start(facts)) is None else within(mark[0])
        length = int(rule.within)
        return lambda facts: None if (mark := start(facts)) is None else mark[0] + length
    return _due_of_order(rule, start, within)


def _due_of_order(
    rule: Deadline, start: Callable[[OrderFacts], Mark | None], within: Callable[[int], int]
) -> Callable[[OrderFacts], int | None]:
    modes = rule.modes

    def due(facts: OrderFacts) -> int | None:
        if rule.ship_by and facts.moved_to_ms is not None:
            return facts.moved_to_ms
        mark = start(facts)
        if mark is None:
            return None
        terms = facts.terms
        if terms is None:
            return within(mark[0])
        if rule.ship_by and terms.ship_by_ms is not None:
            return terms.ship_by_ms
        if rule.handling and terms.handling_h is not None:
            return mark[0] + round(terms.handling_h * HOUR_MS)
        if terms.mode is not None and terms.mode in modes:
            return mark[0] + modes[terms.mode]
        return within(mark[0])

    return due


def _due_after_news(
    marks: Callable[[OrderFacts], tuple[Mark | None, ...]], within: Duration
) -> Callable[[OrderFacts], int | None]:
    def due(facts: OrderFacts) -> int | None:
        heard = [mark[0] for mark in marks(facts) if mark is not None]
        return max(heard) + within if heard else None

    return due


def _within(rule: Deadline, zone: str) -> Callable[[int], int]:
    if isinstance(rule.within, BusinessDays):
        days, country = int(rule.within), rule.calendar or ""
        return lambda at_ms: add_business_days(at_ms, days, country, zone)
    length = int(rule.within)
    return lambda at_ms: at_ms + length
