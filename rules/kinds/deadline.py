"""Deadlines: something must have happened to an order within a time. And silence: news must keep coming."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar, get_args

from msgspec import Struct, field

from rules.alerts import Cause, Emitted, Open, Severity
from rules.calendars import add_business_days
from rules.conditions import Condition, Tests, compile_condition, facts_named, rules_named, test_of
from rules.durations import BusinessDays, Duration, Span
from rules.events import Mode
from rules.expressions import Written, function
from rules.facts import FACT_NAMES, FIRST_HOLDS, Mark, OrderFacts, bits_of, marks_of
from rules.instants import DAY_MS, HOUR_MS, NEVER
from rules.kinds.rule import ALWAYS, Effective, Place, Rule

MISSED = 1
OVERDUE = 2

Judgement = tuple[int, Open | None, int]
"""`(flags, open, next_ms)`: MISSED | OVERDUE, the alert that should be open, and when that may change."""

NOTHING: Judgement = (0, None, NEVER)

Due = Callable[[OrderFacts], int | None]
"""An order's due instant (epoch ms), None while it has no start."""

_NAMES = frozenset({"order", "shop", "within", "within_h", "due", "judgement", "times"})

LONG_MS = 60 * DAY_MS
"""An order that waits longer than this for its deadline is kept for its timer's sake, not for its rules' reach."""


class Again(Struct, forbid_unknown_fields=True, frozen=True):
    """While it stays unmet it is judged again `every` so long, `times` judgements in all."""

    every: Duration
    times: int


class Warn(Struct, forbid_unknown_fields=True, frozen=True):
    """A word `before` the deadline."""

    before: Duration
    severity: Severity


class DueOf(Struct, forbid_unknown_fields=True, frozen=True):
    """The instant at which an order is due by another deadline rule."""

    due: str


class Deadline(Rule, tag="deadline", tag_field="kind", kw_only=True, frozen=True):
    """`until` any of these facts, `within` a time `from_` one (or from another rule's deadline). `warn` says a word
    ahead.

    `ship_by`: what the platform said for this order beats the computed instant. `handling`: so does the
    order's own handling time. `modes`: other times for pre-sale and stepped stock. `2bd` counts the working days of
    `calendar`, or of the shop's site. It holds for orders that start while it is in effect.
    """

    from_: str | DueOf = field(name="from")
    until: tuple[str, ...]
    within: Span
    warn: tuple[Warn, ...] = ()
    again: Again | None = None
    ship_by: bool = False
    handling: bool = False
    modes: dict[str, Duration] = {}
    calendar: str | None = None
    where: Condition | None = None

    NAMES: ClassVar[frozenset[str]] = _NAMES

    def begun_by(self) -> set[str]:
        """The facts that decide whether it waits for anything and until when, beside another rule's deadline."""
        start = {self.from_} if isinstance(self.from_, str) else set()
        start |= {"placed", "deadline_moved"} if self.ship_by else {"placed"}
        return start | (facts_named(self.where) if self.where else set())

    def looks_at(self) -> set[str]:
        """The facts its judgement rests on."""
        return self.begun_by() | {*self.until}

    def leans_on(self) -> set[str]:
        return set() if isinstance(self.from_, str) else {self.from_.due}

    def span_ms(self) -> int:
        """How long after its start an order can still change its judgement, at the least."""
        within = self.within * 4 * DAY_MS if isinstance(self.within, BusinessDays) else int(self.within)
        reach = within + (self.again.every * self.again.times if self.again else 0)
        return reach if reach < LONG_MS else 0

    def stages(self) -> tuple[str, ...]:
        return ("due_soon", "overdue") if self.warn else ("overdue",)

    def complaints(self) -> Iterator[tuple[str, str]]:
        yield from _complaints(self, "from", (self.from_,) if isinstance(self.from_, str) else None)
        for mode in set(self.modes) - set(get_args(Mode)):
            yield "modes", f"{mode} is no mode of an order; modes are {', '.join(get_args(Mode))}"
        if self.calendar is not None and not isinstance(self.within, BusinessDays):
            yield "calendar", "a calendar goes with working days (2bd)"
        if self.again is not None and (self.again.every <= 0 or self.again.times < 2):
            yield "again", "wants a time above nothing and at least 2 times"


class Silence(Rule, tag="silence", tag_field="kind", kw_only=True, frozen=True):
    """News must come `within` a time of the latest of `after`, until one of `until`."""

    after: tuple[str, ...]
    until: tuple[str, ...]
    within: Duration
    warn: tuple[Warn, ...] = ()
    where: Condition | None = None

    NAMES: ClassVar[frozenset[str]] = _NAMES

    def begun_by(self) -> set[str]:
        """The facts that decide whether it waits for anything, and until when."""
        return {*self.after, *(facts_named(self.where) if self.where else ())}

    def looks_at(self) -> set[str]:
        """The facts its judgement rests on."""
        return self.begun_by() | {*self.until}

    def span_ms(self) -> int:
        return int(self.within)

    def stages(self) -> tuple[str, ...]:
        return ("due_soon", "overdue") if self.warn else ("overdue",)

    def complaints(self) -> Iterator[tuple[str, str]]:
        yield from _complaints(self, "after", self.after)


def _complaints(rule: Deadline | Silence, start: str, starts: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    for name, facts in ((start, starts), ("until", rule.until)):
        if facts == ():
            yield name, f"{name} names no fact"
        for fact in set(facts or ()) - set(FACT_NAMES):
            yield name, f"{fact} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
    if int(rule.within) <= 0:
        yield "within", "must be longer than nothing"
    if rule.where is not None and rules_named(rule.where):
        yield "where", "looks at an order's facts, not at other rules"


class Timer:
    """A deadline or silence rule, ready to judge orders; `n` is its place, and `bit` the same in conditions."""

    __slots__ = (
        "_due",
        "_overdue",
        "_until",
        "_warnings",
        "_where",
        "again",
        "begun_by",
        "bit",
        "can_wait",
        "due",
        "facts",
        "lead_ms",
        "n",
        "postponed_by",
        "rule",
    )

    def __init__(
        self, rule: Deadline | Silence, n: int, place: Place, dues: Mapping[str, Due], facts: int, begun_by: int
    ) -> None:
        """`facts` has the bits of those its judgement rests on, `begun_by` of those among them that decide whether it
        waits for anything, and until when."""
        self.rule = rule
        self.n = n
        self.bit = 1 << n
        self.facts = facts
        self.begun_by = begun_by
        #: Facts whose news can wait for its turn while nothing has been said: they can only keep it from being said.
        #: And those that can only put the turn off, once there is one.
        self.can_wait = facts & ~begun_by & bits_of(FIRST_HOLDS)
        self.postponed_by = bits_of({"news"} & {*rule.after}) if isinstance(rule, Silence) else 0
        self.due: Due
        self.due, self._due = _due_of(rule, place, dues, n)
        self._until = marks_of(rule.until)
        self._warnings = sorted(((int(each.before), each.severity) for each in rule.warn), reverse=True)
        self.lead_ms = self._warnings[0][0] if self._warnings else 0
        self._overdue = rule.severity["overdue"]
        self.again = rule.again if isinstance(rule, Deadline) else None
        self._where = None if rule.where is None else compile_condition(rule.where, {})

    def waits(self) -> Written:
        """Whether there may be anything to say of an order, or to wait for."""
        due, names = self._due
        word, lead = ("word", f"(word := due - {self.lead_ms}) and ") if self.lead_ms else ("due", "")
        met = " or ".join(f"facts.{fact} is not None and facts.{fact}[0] <= {word}" for fact in self.rule.until)
        return Written(f"(due := {due}) is not None and {lead}not ({met})", names)

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
            wanted = Open("due_soon", severity, due)
        return 0, wanted, min(turn, end)

    def _past(self, due: int, end: int, passed_ms: int) -> Judgement:
        judgement, turn = 0, end
        if self.again is not None:
            judgement = min(1 + (passed_ms - due) // self.again.every, self.again.times)
            if judgement < self.again.times:
                turn = min(end, due + judgement * self.again.every)
        return MISSED | OVERDUE, Open("overdue", self._overdue, due, judgement), turn

    def judgements(self, facts: OrderFacts, passed_ms: int) -> tuple[int, ...]:
        """The instants (epoch ms) by `passed_ms` at which the order was found unmet; the first is its due instant."""
        due = self.due(facts)
        if due is None or (self._where is not None and not self._where(facts, 0, 0)):
            return ()
        end = min((mark[0] for mark in self._until(facts) if mark is not None), default=NEVER)
        every, times = (int(self.again.every), self.again.times) if self.again else (1, 1)
        instants = range(due, due + every * times, every)
        return tuple(at for at in instants if at < end and at <= passed_ms)

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
        marks = self._until(facts)
        first = min([mark[0] for mark in marks if mark is not None], default=None)
        if first is not None and since is not None and first <= since:
            return "evidence_arrived"
        if self.due(facts) != said.due_ms:
            return self._cause_of_move(facts, said)
        if first is None:
            return "no_longer_applies"
        met = [name for name, mark in zip(self.rule.until, marks, strict=True) if mark is not None and mark[0] == first]
        return "cancelled" if met == ["cancelled"] else "fulfilled"

    def _cause_of_move(self, facts: OrderFacts, said: Emitted) -> Cause:
        if isinstance(self.rule, Deadline):
            return "deadline_moved"
        heard = (self.due(facts) or 0) - self.rule.within
        return "evidence_arrived" if said.stage == "overdue" and heard <= (said.due_ms or 0) else "fulfilled"


def compile_waiting(timers: Sequence[Timer]) -> Tests:
    """Several rules asked as one: the bits of those that may have anything to say of an order, or wait for it."""
    parts, names = [], dict[str, Any]()
    for timer in timers:
        waits = timer.waits()
        parts.append(f"({timer.bit} if {waits.expression} else 0)")
        names |= waits.names
    waiting: Tests = test_of(Written(" | ".join(parts) or "0", names))
    return waiting


def _due_of(rule: Deadline | Silence, place: Place, dues: Mapping[str, Due], n: int) -> tuple[Due, Written]:
    """When an order is due by a rule, as a function and as an expression."""
    written: Written | None = None
    if isinstance(rule, Silence):
        start, due = _latest(marks_of(rule.after)), _due_after_news(marks_of(rule.after), rule.within)
    elif isinstance(rule.from_, DueOf):
        start = dues[rule.from_.due]
        due = _due_of_order(rule, start, _within(rule, place))
    else:
        start, written = instant_of(rule.from_), _due_written(rule, rule.from_, place, n)
        due = function("facts", written)
    if place.effective != ALWAYS:
        due, written = _while_in_effect(due, start, place.effective), None
    return due, written or Written(f"due_{n}(facts)", {f"due_{n}": due})


def _due_written(rule: Deadline, start: str, place: Place, n: int) -> Written:
    """It takes a call only where the order has a time of its own, or working days are counted."""
    within = _within(rule, place)
    at, names = f"facts.{start}[0] + {int(rule.within)}", dict[str, Any]()
    if isinstance(rule.within, BusinessDays):
        at, names = f"within_{n}(facts.{start}[0])", {f"within_{n}": within}
    usual = [
        *(["terms.ship_by_ms is None"] if rule.ship_by else []),
        *(["terms.handling_h is None"] if rule.handling else []),
        *([f"terms.mode not in {tuple(rule.modes)!r}"] if rule.modes else []),
    ]
    if not usual:
        return Written(f"({at} if facts.{start} is not None else None)", names)
    tests = [f"facts.{start} is not None", f"((terms := facts.terms) is None or {' and '.join(usual)})"]
    if rule.ship_by:
        tests.insert(0, "facts.moved_to_ms is None")
    names[f"own_{n}"] = _due_of_order(rule, instant_of(start), within)
    return Written(f"({at} if {' and '.join(tests)} else own_{n}(facts))", names)


def instant_of(fact: str) -> Due:
    """When a fact came about (epoch ms)."""
    get = attrgetter(fact)
    return lambda facts: None if (mark := get(facts)) is None else mark[0]


def _latest(marks: Callable[[OrderFacts], tuple[Mark | None, ...]]) -> Due:
    return lambda facts: max((mark[0] for mark in marks(facts) if mark is not None), default=None)


def _while_in_effect(due: Due, start: Due, effective: Effective) -> Due:
    def bounded(facts: OrderFacts) -> int | None:
        began = start(facts)
        return due(facts) if began is not None and effective.at(began) else None

    return bounded


def _due_of_order(rule: Deadline, start: Due, within: Callable[[int], int]) -> Due:
    ship_by, handling, modes = rule.ship_by, rule.handling, rule.modes

    def due(facts: OrderFacts) -> int | None:
        if ship_by and facts.moved_to_ms is not None:
            return facts.moved_to_ms
        began = start(facts)
        if began is None:
            return None
        terms = facts.terms
        if terms is not None:
            if ship_by and terms.ship_by_ms is not None:
                return terms.ship_by_ms
            if handling and terms.handling_h is not None:
                return began + round(terms.handling_h * HOUR_MS)
            if modes and terms.mode in modes:
                return began + modes[terms.mode]
        return within(began)

    return due


def _due_after_news(marks: Callable[[OrderFacts], tuple[Mark | None, ...]], within: Duration) -> Due:
    def due(facts: OrderFacts) -> int | None:
        heard = [mark[0] for mark in marks(facts) if mark is not None]
        return max(heard) + within if heard else None

    return due


def _within(rule: Deadline, place: Place) -> Callable[[int], int]:
    if isinstance(rule.within, BusinessDays):
        days, country = int(rule.within), rule.calendar or place.calendar or ""
        return lambda at_ms: add_business_days(at_ms, days, country, place.zone)
    length = int(rule.within)
    return lambda at_ms: at_ms + length
