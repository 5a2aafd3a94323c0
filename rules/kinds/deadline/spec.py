"""Deadlines: something must happen to an order within a time. Silences: news of an order must keep coming."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, get_args

from msgspec import Struct, field

from rules.calendar.counting import Counting, Ends, TimeOfDay, WorkingWeek
from rules.calendar.days import unknown_calendar
from rules.calendar.durations import BusinessDays, Duration, Span
from rules.calendar.instants import DAY_MS
from rules.expr.conditions import Condition, facts_named, rules_named
from rules.facts.order_facts import FACT_NAMES
from rules.kinds.rule import FieldDiagnostic, Reference, Role, Rule
from rules.messages.alerts import Severity
from rules.messages.events import Mode

_NAMES = frozenset({"order", "shop", "within", "within_h", "deadline", "due", "judgement", "times"})
_WARNED = frozenset({"due_soon"})

LONG_MS = 60 * DAY_MS
"""A deadline longer than this doesn't extend how long all orders are kept; an order with a timer is kept anyway."""


class Again(Struct, forbid_unknown_fields=True, frozen=True):
    """While it stays unmet, it is judged again after each `every`, `times` judgements in all."""

    every: Duration
    times: int


class Warn(Struct, forbid_unknown_fields=True, frozen=True):
    """A warning `before` the deadline."""

    before: Duration
    severity: Severity


class DueOf(Struct, forbid_unknown_fields=True, frozen=True):
    """The instant at which an order is due by another deadline rule."""

    due: str


class Deadline(Rule, tag="deadline", tag_field="kind", kw_only=True, frozen=True):
    """One of the facts `until` must come `within` a time of the fact `from_` (or of another rule's deadline). `warn`
    opens an alert before.

    `ship_by`: the time that the platform names for an order overrides the computed one. `handling`: so does the order's
    own handling time. `modes`: other times for pre-sale and stepped stock. `2bd` counts working days of `calendar`, or
    of the shop's site; `week` are its days, if they aren't the country's; `cutoff` is the time of day from which on it
    starts on the next working day; `ends: day` lets it end with the local day. The rule holds for orders that start
    while it is in effect.
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
    week: WorkingWeek | None = None
    cutoff: TimeOfDay | None = None
    ends: Ends | None = None
    where: Condition | None = None

    NAMES: ClassVar[frozenset[str]] = _NAMES
    ROLES: ClassVar[frozenset[Role]] = frozenset({"deadline rule", "deadline rule (no silence)"})
    PER_ORDER: ClassVar[Literal[True]] = True
    DATED: ClassVar[bool] = True
    WARNED: ClassVar[frozenset[str]] = _WARNED

    def summary_names(self, stage: str) -> frozenset[str]:
        names = super().summary_names(stage)
        return names - {"within_h"} if isinstance(self.within, BusinessDays) else names

    def counting(self) -> Counting:
        """How its working days are counted."""
        return Counting(self.ends, self.cutoff, self.week)

    def starts(self) -> tuple[str, ...]:
        """The facts that its time may run from; none where that is another rule's deadline."""
        return (self.from_,) if isinstance(self.from_, str) else ()

    def begun_by(self) -> set[str]:
        """The facts that decide whether it waits for anything and until when, beside another rule's deadline."""
        start = {*self.starts(), "placed"} | ({"deadline_moved"} if self.ship_by else set())
        return start | (facts_named(self.where) if self.where else set())

    def looks_at(self) -> set[str]:
        """All facts that it depends on."""
        return self.begun_by() | {*self.until}

    def depends_on(self) -> set[str]:
        return set() if isinstance(self.from_, str) else {self.from_.due}

    def references(self) -> Iterator[Reference]:
        if isinstance(self.from_, DueOf):
            yield Reference("from", self.from_.due, "deadline rule")

    def span_ms(self) -> int:
        """How long after its start an order is kept for it, at least (ms)."""
        within = self.within * 4 * DAY_MS if isinstance(self.within, BusinessDays) else int(self.within)
        reach = within + (self.again.every * self.again.times if self.again else 0)
        return reach if reach < LONG_MS else 0

    def stages(self) -> tuple[str, ...]:
        return ("due_soon", "overdue") if self.warn else ("overdue",)

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        yield from _diagnostics(self, "from", (self.from_,) if isinstance(self.from_, str) else None)
        for mode in set(self.modes) - set(get_args(Mode)):
            yield "modes", f"{mode} is no mode of an order; modes are {', '.join(get_args(Mode))}"
        if not isinstance(self.within, BusinessDays):
            if self.calendar is not None:
                yield "calendar", "a calendar goes with working days (2bd)"
            for name in ("week", "cutoff", "ends"):
                if getattr(self, name) is not None:
                    yield name, f"{name} goes with working days (2bd)"
        if self.again is not None and (self.again.every <= 0 or self.again.times < 2):
            yield "again", "wants a time above nothing and at least 2 times"

    def calendar_diagnostics(self, calendars: Sequence[str | None]) -> Iterator[FieldDiagnostic]:
        if isinstance(self.within, BusinessDays):
            if not all(self.calendar or calendar for calendar in calendars):
                yield "within", "working days need a calendar, such as CN, of the rule, the pack and each of its sites"
            if wrong := unknown_calendar(self.calendar):
                yield "calendar", wrong


class Silence(Rule, tag="silence", tag_field="kind", kw_only=True, frozen=True):
    """News must come `within` a time of the latest of the facts `after`, until one of `until`."""

    after: tuple[str, ...]
    until: tuple[str, ...]
    within: Duration
    warn: tuple[Warn, ...] = ()
    where: Condition | None = None

    NAMES: ClassVar[frozenset[str]] = _NAMES
    ROLES: ClassVar[frozenset[Role]] = frozenset({"deadline rule"})
    PER_ORDER: ClassVar[Literal[True]] = True
    DATED: ClassVar[bool] = True
    WARNED: ClassVar[frozenset[str]] = _WARNED

    def starts(self) -> tuple[str, ...]:
        """The facts that its time may run from."""
        return self.after

    def begun_by(self) -> set[str]:
        """The facts that decide whether it waits for anything, and until when."""
        return {*self.after, *(facts_named(self.where) if self.where else ())}

    def looks_at(self) -> set[str]:
        """All facts that it depends on."""
        return self.begun_by() | {*self.until}

    def span_ms(self) -> int:
        return int(self.within)

    def stages(self) -> tuple[str, ...]:
        return ("due_soon", "overdue") if self.warn else ("overdue",)

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        yield from _diagnostics(self, "after", self.after)


OrderRule = Deadline | Silence
"""The rules of single orders."""


def _diagnostics(rule: OrderRule, start: str, starts: tuple[str, ...] | None) -> Iterator[FieldDiagnostic]:
    for name, facts in ((start, starts), ("until", rule.until)):
        if facts == ():
            yield name, f"{name} names no fact"
        for fact in set(facts or ()) - set(FACT_NAMES):
            yield name, f"{fact} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
    if int(rule.within) <= 0:
        yield "within", "must be longer than nothing"
    if rule.where is not None and rules_named(rule.where):
        yield "where", "looks at an order's facts, not at other rules"
