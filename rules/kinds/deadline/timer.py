"""Deadlines and silences compiled: when an order is due by one, and what that means at a moment."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import itemgetter

from rules.calendar.days import business_days_expression, start_of_day
from rules.calendar.durations import BusinessDays
from rules.calendar.instants import HOUR_MS, MIN_MS, NEVER
from rules.codegen import Written, function
from rules.expr.conditions import compile_condition, expression, order_function
from rules.expr.moments import Moment, asked, found, latest, of_fact
from rules.facts.order_facts import FIRST_HOLDS, DetailedFacts, OrderFacts, bits_of, stamps_of
from rules.facts.statements import DueBy
from rules.kinds.deadline.names import hours_of, names_of
from rules.kinds.deadline.spec import Deadline, DueOf, OrderRule, Silence
from rules.kinds.rule import ALWAYS, Effective, Locale
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason

MISSED = 1
OVERDUE = 2

TimerResult = tuple[int, Desired | None, int]
"""`(flags, desired, next_ms)`: MISSED | OVERDUE, the alert that should be open, and when that may change without a new
fact."""

NOTHING: TimerResult = (0, None, NEVER)

Due = Callable[[OrderFacts], int | None]
"""Returns when an order is due (epoch ms); None while it has no start."""

FirstDeadlines = Callable[[OrderFacts, int, int], tuple[int, ...]]
"""`(facts, missed, overdue)`: when each of several rules first has something to say of an order (epoch ms); `NEVER` if
what it waits for has come in time, or it waits for nothing."""


OF_PARCELS = frozenset({"shipped", "collected", "scanned", "news", "delivered", "pickup_failed", "sent_back"})
"""Facts that each parcel has by itself."""


class Timer:
    """A deadline or silence rule compiled. `n` is its position in the plan, `bit` is `1 << n`."""

    __slots__ = (
        "_overdue",
        "_passed",
        "_until",
        "_warnings",
        "_where",
        "again",
        "bit",
        "by_parcel",
        "can_wait",
        "due",
        "facts",
        "lead_ms",
        "moment",
        "n",
        "origin",
        "postponed_by",
        "rule",
        "usual_names",
    )

    def __init__(
        self, rule: OrderRule, n: int, locale: Locale, dues: Mapping[str, Moment], facts: int, begun_by: int
    ) -> None:
        """`dues`: when orders are due by the rules before it. `facts`: bits of all facts it depends on; `begun_by`: of
        those that decide whether it waits for anything, and until when."""
        self.rule = rule
        self.n = n
        self.bit = 1 << n
        self.facts = facts
        #: Facts that needn't be looked at before its timer fires: they can only keep an alert from being emitted.
        #: And facts that can only postpone the timer, once there is one.
        self.can_wait = facts & ~begun_by & bits_of(FIRST_HOLDS)
        self.postponed_by = bits_of({"news"} & {*rule.after}) if isinstance(rule, Silence) else 0
        self.moment = due_moment(rule, locale, dues, n)
        self.due: Due = function("facts", self.moment.written())
        started_by = {*rule.after} if isinstance(rule, Silence) else {rule.from_}
        #: It starts at the shipment or later, so each parcel of an order is evaluated by itself.
        self.by_parcel = not started_by.isdisjoint(OF_PARCELS)
        self._until = stamps_of(rule.until)
        self._warnings = sorted(((int(each.before), each.severity) for each in rule.warn), reverse=True)
        self.lead_ms = self._warnings[0][0] if self._warnings else 0
        self._overdue = rule.severity["overdue"]
        self._passed: Reason = "went_silent" if isinstance(rule, Silence) else "deadline_passed"
        self.again = rule.again if isinstance(rule, Deadline) else None
        #: Where its deadlines come from; None where that is to be looked for in the facts.
        self.origin = _only_origin(rule)
        #: What a summary can name of deadlines that come from the rule itself.
        self.usual_names = names_of(rule, hours_of(rule.within), None)
        self._where = None if rule.where is None else compile_condition(rule.where, {})

    def first(self) -> str:
        """An expression for when it first has something to say of an order; `NEVER` if never."""
        word = self.moment.later(-self.lead_ms)
        met = " or ".join(f"facts.{fact} is not None and facts.{fact}[0] <= word" for fact in self.rule.until)
        where = "" if self.rule.where is None else f" and {expression(self.rule.where, {})}"
        return f"(word if {word.known} and (word := {word.instant()}) is not None and not ({met}){where} else {NEVER})"

    def evaluate(self, facts: OrderFacts, now_ms: int, passed_ms: int) -> TimerResult:
        """What this rule says of an order at `now_ms`, from the facts alone.

        What was to happen by `passed_ms` can no longer come in time. That is `now_ms` itself once all events of that
        instant are in, and the millisecond before it until then.
        """
        if self.by_parcel and facts.parcels:
            return combined(self.evaluate_parcels(facts, now_ms, passed_ms))
        due = self.due(facts)
        if due is None:
            return NOTHING
        end = NEVER
        for stamp in self._until(facts):
            if stamp is not None and stamp[0] < end:
                end = stamp[0]
        if end <= due - self.lead_ms:
            return NOTHING
        if self._where is not None and not self._where(facts, 0, 0):
            return NOTHING
        if now_ms >= end:
            return (MISSED if end > due else 0, None, NEVER)
        if passed_ms >= due:
            return self._past(due, end, passed_ms)
        return self._ahead(due, end, passed_ms)

    def open_due(self, facts: OrderFacts) -> int | None:
        """When an order or parcel is due (epoch ms) for which nothing it waits for is known, whether that lies ahead or
        has passed. None if it waits for nothing."""
        due = self.due(facts)
        if due is None or any(stamp is not None for stamp in self._until(facts)):
            return None
        return due if self._where is None or self._where(facts, 0, 0) else None

    def applies_to(self, facts: OrderFacts) -> bool:
        """Whether the order or parcel is one that the rule is about, so far as its `where` says."""
        return self._where is None or self._where(facts, 0, 0)

    def met(self, facts: OrderFacts) -> tuple[str, int] | None:
        """The fact that first met it, and when (epoch ms); None while nothing has."""
        stamps = zip(self.rule.until, self._until(facts), strict=True)
        return min(((fact, stamp[0]) for fact, stamp in stamps if stamp is not None), key=itemgetter(1), default=None)

    def views(self, facts: OrderFacts) -> tuple[OrderFacts, ...]:
        """What it evaluates: the order, or each of its parcels as if it were the only one."""
        return facts.parcels if self.by_parcel and facts.parcels else (facts,)

    def evaluate_parcels(self, facts: OrderFacts, now_ms: int, passed_ms: int) -> list[TimerResult]:
        """The same for each parcel."""
        return [self.evaluate(view, now_ms, passed_ms) for view in self.views(facts)]

    def due_instants(self, facts: OrderFacts) -> list[int]:
        """When the order is due (epoch ms): once, or once for each of its parcels; the earliest first."""
        return sorted({due for view in self.views(facts) if (due := self.due(view)) is not None})

    def view_due(self, facts: OrderFacts, due_ms: int | None) -> OrderFacts:
        """The parcel that is due at an instant (epoch ms), of several the one that meets the rule last; the order where
        there is none."""
        due = [view for view in self.views(facts) if self.due(view) == due_ms]
        return max(due, key=self._met_ms, default=facts)

    def view_due_last(self, facts: OrderFacts) -> OrderFacts:
        """The parcel that is due last; the order where it is evaluated as a whole."""
        return max(self.views(facts), key=lambda view: self.due(view) or MIN_MS)

    def _met_ms(self, view: OrderFacts) -> int:
        return min((stamp[0] for stamp in self._until(view) if stamp is not None), default=NEVER)

    def _ahead(self, due: int, end: int, passed_ms: int) -> TimerResult:
        wanted, next_ms = None, due
        for before, severity in self._warnings:
            at = due - before
            if at > passed_ms:
                next_ms = at
                break
            wanted = Desired("due_soon", severity, due)
        return 0, wanted, min(next_ms, end)

    def _past(self, due: int, end: int, passed_ms: int) -> TimerResult:
        judgement, next_ms = 0, end
        if self.again is not None:
            judgement = min(1 + (passed_ms - due) // self.again.every, self.again.times)
            if judgement < self.again.times:
                next_ms = min(end, due + judgement * self.again.every)
        return MISSED | OVERDUE, Desired("overdue", self._overdue, due, judgement), next_ms

    def judgements(self, facts: OrderFacts, passed_ms: int) -> tuple[int, ...]:
        """The instants (epoch ms) by `passed_ms` at which the order was judged late; the first is its due instant."""
        facts = self.view_due(facts, next(iter(self.due_instants(facts)), None))
        due = self.due(facts)
        if due is None or (self._where is not None and not self._where(facts, 0, 0)):
            return ()
        end = min((stamp[0] for stamp in self._until(facts) if stamp is not None), default=NEVER)
        every, times = (int(self.again.every), self.again.times) if self.again else (1, 1)
        instants = range(due, due + every * times, every)
        return tuple(at for at in instants if at < end and at <= passed_ms)

    def reason(self, wanted: Desired) -> Reason:
        """Why an alert opens or changes."""
        if wanted.stage == "due_soon":
            return "deadline_near"
        if wanted.judgement > 1:
            return "judged_again"
        return self._passed

    def end_reason(self, facts: OrderFacts, last_emitted: Emitted) -> Reason:
        """Why an alert that was open no longer is."""
        if facts.voided is not None:
            return "voided"
        facts = self.view_due(facts, last_emitted.due_ms)
        if self.by_parcel and facts.parcels:
            if isinstance(self.rule, Deadline) and len(facts.parcels) > 1:
                return "no_longer_applies"  # the parcel no longer counts
            # Of a parcel its deadline has moved, as each news moves a silence's.
            facts = self.view_due_last(facts)
        since = last_emitted.due_ms if last_emitted.stage == "overdue" else last_emitted.at_ms
        stamps = self._until(facts)
        first = min([stamp[0] for stamp in stamps if stamp is not None], default=None)
        if first is not None and since is not None and first <= since:
            return "evidence_arrived"
        if isinstance(facts, DetailedFacts) and facts.unpaid:
            return "no_longer_applies"
        if self.due(facts) != last_emitted.due_ms:
            return self._reason_of_move(facts, last_emitted)
        if first is None:
            return "no_longer_applies"
        met = [
            name for name, stamp in zip(self.rule.until, stamps, strict=True) if stamp is not None and stamp[0] == first
        ]
        return "cancelled" if met == ["cancelled"] else "fulfilled"

    def _reason_of_move(self, facts: OrderFacts, last_emitted: Emitted) -> Reason:
        if isinstance(self.rule, Deadline):
            return "deadline_moved"
        last_news_ms = (self.due(facts) or 0) - self.rule.within
        return (
            "evidence_arrived"
            if last_emitted.stage == "overdue" and last_news_ms <= (last_emitted.due_ms or 0)
            else "fulfilled"
        )


def _only_origin(rule: OrderRule) -> str | None:
    """As evidence names it."""
    if isinstance(rule, Silence):
        return "last_news"
    return None if rule.ship_by or rule.handling or rule.modes else "rule"


def combined(results: Sequence[TimerResult]) -> TimerResult:
    """What several parcels come to for the order: missed if one is, evaluated next when one is."""
    flags, opened = 0, None
    for each in results:
        flags |= each[0]
        if each[1] is not None and (opened is None or opened.stage == "due_soon"):
            opened = each[1]
    return flags, opened, min((each[2] for each in results), default=NEVER)


def compile_first_deadlines(timers: Sequence[Timer]) -> FirstDeadlines:
    """Compiles several rules' `first` into one function; its result ends with `NEVER`."""
    names = {name: value for timer in timers for name, value in timer.moment.names.items()}
    first_deadlines: FirstDeadlines = order_function(
        Written(f"({''.join(f'{timer.first()}, ' for timer in timers)}{NEVER},)", names)
    )
    return first_deadlines


def due_moment(rule: OrderRule, locale: Locale, dues: Mapping[str, Moment], n: int) -> Moment:
    """When an order is due by the rule at position `n` of a plan; `dues`: by the rules before it."""
    if isinstance(rule, Silence):
        start = latest(f"began_{n}", rule.after)
        due = start.later(int(rule.within))
    else:
        start = dues[rule.from_.due] if isinstance(rule.from_, DueOf) else of_fact(rule.from_)
        due = _due_moment(rule, start, locale, n)
    if locale.effective == ALWAYS:
        return due
    began, at = function("facts", start.written()), function("facts", due.written())
    return asked(f"held_{n}", _while_in_effect(at, began, locale.effective))


def _due_moment(rule: Deadline, start: Moment, locale: Locale, n: int) -> Moment:
    """Calls a function only if the order has a time of its own, or working days are counted."""
    usual = _usual(rule, start, locale, n)
    plain = [
        *(["terms.ship_by_ms is None"] if rule.ship_by else []),
        *(["terms.handling_h is None"] if rule.handling else []),
        *([f"terms.mode not in {tuple(rule.modes)!r}"] if rule.modes else []),
    ]
    if not plain:
        return usual
    tests = [usual.known, f"((terms := facts.terms) is None or {' and '.join(plain)})"]
    if rule.ship_by:
        tests.insert(0, "facts.moved_to_ms is None")
    own = _own_time(rule, function("facts", start.written()), function("facts", usual.written()), locale.zone)
    names = {**usual.names, f"own_{n}": own}
    return found(f"due_{n}", f"({usual.instant()} if {' and '.join(tests)} else own_{n}(facts))", names)


def _usual(rule: Deadline, start: Moment, locale: Locale, n: int) -> Moment:
    """The time for orders that have none of their own."""
    if not isinstance(rule.within, BusinessDays):
        return start.later(int(rule.within))
    calendar = rule.calendar or locale.calendar or ""
    due = business_days_expression(
        start.instant(), f"within_{n}", int(rule.within), calendar, locale.zone, rule.counting()
    )
    return Moment(start.known, f"({due.expression})", names={**start.names, **due.names})


def _own_time(rule: Deadline, start: Due, usual: Due, zone: str) -> Due:
    ship_by, handling, modes = rule.ship_by, rule.handling, rule.modes

    def due(facts: OrderFacts) -> int | None:
        if ship_by and facts.moved_to_ms is not None:
            return _instant(facts.moved_to_ms, zone)
        began, terms = start(facts), facts.terms
        if began is None or terms is None:
            return usual(facts)
        if ship_by and terms.ship_by_ms is not None:
            return _instant(terms.ship_by_ms, zone)
        if handling and terms.handling_h is not None:
            return began + round(terms.handling_h * HOUR_MS)
        return began + modes[terms.mode] if terms.mode in modes else usual(facts)

    return due


def _instant(due_by: DueBy, zone: str) -> int:
    """A date ends with that local day."""
    return due_by if isinstance(due_by, int) else start_of_day(date.fromisoformat(due_by).toordinal() + 1, zone)


def _while_in_effect(due: Due, start: Due, effective: Effective) -> Due:
    def bounded(facts: OrderFacts) -> int | None:
        began = start(facts)
        return due(facts) if began is not None and effective.at(began) else None

    return bounded
