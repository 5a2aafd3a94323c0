"""Tasks with a deadline: what a seller owes the marketplace or a buyer once something has happened."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct

from rules.alerts import Cause, Emitted, Open, alert_id
from rules.durations import Duration
from rules.instants import NEVER, rfc3339
from rules.kinds.deadline import Warn
from rules.kinds.happenings import Of, Source
from rules.kinds.rule import Case, Place, Rule, Said, Sanction, Verdict
from rules.shopfacts import Entry, said_by

if TYPE_CHECKING:
    from rules.watch import Shop


class Tasks(Rule, tag="tasks", tag_field="kind", kw_only=True, frozen=True):
    """After each event `after` (or each order `of`), all of `tasks` are to be done `within` a time, each ticked off by
    a `task.done`; after `deposit.deducted`, the deposit is to be topped up. Told from the start as `due_soon`, in
    rising severity by `warn`, then as `overdue`, for `lasts` at the most. `sanction` begins when it is overdue and
    ends when it is done.
    """

    after: Literal["emergency.declared", "deposit.deducted"] | None = None
    of: Of | None = None
    tasks: tuple[str, ...] = ()
    within: Duration
    warn: tuple[Warn, ...]
    lasts: Duration
    sanction: Sanction | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "order", "subject", "due", "left", "within_h", "sanction"})

    def marks_kept_ms(self) -> int:
        return int(self.within + self.lasts)

    def leans_on(self) -> set[str]:
        return set() if self.of is None else self.of.timers() | self.of.rules()

    def events(self) -> set[str]:
        """Types of the shop's events it looks at."""
        done = "deposit.topped_up" if self.after == "deposit.deducted" else "task.done"
        return {done, *([self.after] if self.after else []), *(self.of.events() if self.of else ())}

    def stages(self) -> tuple[str, ...]:
        return "due_soon", "overdue"

    def complaints(self) -> Iterator[tuple[str, str]]:
        if (self.after is None) == (self.of is None):
            yield "after", "tasks follow either an event (`after`) or what happens to orders (`of`)"
        if self.of is not None:
            yield from (("of", message) for message in self.of.complaints())
        if (self.after == "deposit.deducted") is bool(self.tasks):
            yield "tasks", "names what is to be done; after deposit.deducted that is to top it up"
        if int(self.within) <= 0:
            yield "within", "must be longer than nothing"
        if not any(each.before >= self.within for each in self.warn):
            yield "warn", f"the first is told from the start, so `before` is {self.within} or more"


class Duty(Struct):
    """One thing owed: since when, about what, and which event brought it; `done_ms` when it was settled."""

    at_ms: int
    subject: str
    event: Entry | None
    left: list[str]
    done_ms: int | None = None
    ticked: list[dict[str, Any]] = []


class TasksJudge:
    """A tasks rule, ready to judge a shop."""

    def __init__(self, n: int, rule: Tasks, source: Source | None, place: Place) -> None:
        self.n = n
        self.rule = rule
        self.source = source
        self.effective = place.effective
        self._warnings_last_first = sorted((int(each.before), each.severity) for each in rule.warn)

    def duties(self, shop: "Shop", at_ms: int, subject: str | None = None) -> list[Duty]:
        """What is owed at a moment, or was; of one subject only, also what hasn't been shown for long."""
        if self.rule.after == "deposit.deducted":
            return _deposits(shop, at_ms)
        if self.source is not None:
            since_ms = self._shown_since_ms(at_ms)
            marks = self.source.happenings(shop, since_ms) if subject is None else self.source.about(shop, subject)
            duties = [
                Duty(mark.at_ms, mark.subject, None, list(self.rule.tasks)) for mark in marks if mark.at_ms <= at_ms
            ]
        else:
            known_events = shop.facts.known("emergency.declared", at_ms)
            duties = [Duty(entry.at_ms, "-", entry, list(self.rule.tasks)) for entry in known_events]
        done = shop.facts.known("task.done", at_ms)
        if duties and done:
            self._tick(shop, duties, done)
        return duties

    def _tick(self, shop: "Shop", duties: list[Duty], done: list[Entry]) -> None:
        """A task done ticks off the duty it names (by alert or order), else all that were owed by then."""
        by_alert: defaultdict[str, list[Duty]] = defaultdict(list)
        by_subject: defaultdict[str, list[Duty]] = defaultdict(list)
        for duty in duties:
            by_alert[self._alert(shop, duty)].append(duty)
            by_subject[duty.subject].append(duty)
        for entry in done:
            named = duties if entry.order is None else by_subject.get(entry.order, [])
            if entry.data.alert:
                named = [duty for duty in by_alert.get(entry.data.alert, []) if entry.order in (None, duty.subject)]
            for duty in named:
                if duty.at_ms <= entry.at_ms and entry.data.task in duty.left:
                    duty.left = [task for task in duty.left if task != entry.data.task]
                    duty.ticked = [*duty.ticked, {"task": entry.data.task, **said_by(entry)}]
                    if not duty.left:
                        duty.done_ms = entry.at_ms

    def _alert(self, shop: "Shop", duty: Duty) -> str:
        return alert_id(self.rule.id, shop.key, duty.subject, rfc3339(duty.at_ms + self.rule.within))

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        verdicts, turn = [], self._next_fact(shop, at_ms)
        for since_ms, subject in self._owed(shop, at_ms):
            due = since_ms + self.rule.within
            if at_ms >= due + self.rule.lasts or not self.effective.at(since_ms):
                continue
            opened, next_ms = self._stage(due, at_ms)
            cause: Cause = "deadline_near" if opened.stage == "due_soon" else "deadline_passed"
            verdicts.append(Verdict(opened, cause, subject, rfc3339(due)))
            turn = min(turn, next_ms)
        return verdicts, turn

    def _owed(self, shop: "Shop", at_ms: int) -> list[tuple[int, str]]:
        """Since when something is owed and isn't done, and about what, the oldest first."""
        if self.source is None or self.source.slot is None or shop.facts.of("task.done"):
            return [(duty.at_ms, duty.subject) for duty in self.duties(shop, at_ms) if duty.done_ms is None]
        owed = self.source.of_orders(shop, self._shown_since_ms(at_ms))
        return [each for each in owed if each[0] <= at_ms]  # nothing is ticked off, so the bare instants will do

    def _shown_since_ms(self, at_ms: int) -> int:
        return at_ms - self.rule.within - self.rule.lasts

    def _stage(self, due: int, at_ms: int) -> tuple[Open, int]:
        if at_ms >= due:
            return Open("overdue", self.rule.severity["overdue"], due), due + self.rule.lasts
        next_ms = due
        for before, severity in self._warnings_last_first:
            if due - before <= at_ms:
                return Open("due_soon", severity, due), next_ms
            next_ms = due - before
        raise AssertionError("the first word is told from the start")

    def _next_fact(self, shop: "Shop", at_ms: int) -> int:
        ahead = [at for name in self.rule.events() if (at := shop.facts.next_after(name, at_ms)) is not None]
        if self.source is not None:
            ahead.append(self.source.next_after(shop, at_ms))
        return min(ahead, default=NEVER)

    def _duty(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Duty | None:
        return next(
            (
                duty
                for duty in self.duties(shop, at_ms, verdict.subject)
                if duty.subject == verdict.subject and rfc3339(duty.at_ms + self.rule.within) == verdict.episode
            ),
            None,
        )

    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case:
        duty = self._duty(shop, verdict, at_ms)
        order = verdict.subject if self.source is not None else None
        names = {
            "order": order,
            "subject": verdict.subject,
            "left": ", ".join(duty.left) if duty else "-",
            "within_h": f"{self.rule.within / 3_600_000:g}",
            "sanction": self.rule.sanction.name if self.rule.sanction else None,
        }
        if duty is None:
            return Case({}, names, order)
        evidence: dict[str, Any] = {"since": rfc3339(duty.at_ms), "left": duty.left, "done": duty.ticked}
        if duty.event is not None:
            evidence["event"] = said_by(duty.event)
        return Case(evidence, names, order)

    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        duty = self._duty(shop, verdict, at_ms)
        if duty is None:
            return "evidence_arrived"
        if duty.done_ms is None:
            return "period_ended"
        late_word = said.stage == "overdue" and duty.done_ms <= (said.due_ms or 0)
        return "evidence_arrived" if late_word else "fulfilled"

    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None:
        return None

    def sanctions(self, shop: "Shop", at_ms: int) -> list[tuple[str, int, int]]:
        """`(name, from_ms, until_ms)` of those in force: until it is done, so without an end."""
        if self.rule.sanction is None:
            return []
        owed = [duty.at_ms for duty in self.duties(shop, at_ms) if duty.done_ms is None]
        overdue = [since_ms + self.rule.within for since_ms in owed if self.effective.at(since_ms)]
        name, lasts = self.rule.sanction.name, self.rule.lasts
        return [(name, due, NEVER) for due in overdue if due <= at_ms < due + lasts]


def _deposits(shop: "Shop", at_ms: int) -> list[Duty]:
    """What was taken from the deposit, paid back by what was topped up, the oldest first and each currency by itself.
    A sum that isn't told is settled by any top-up."""
    duties = [Duty(e.at_ms, "-", e, ["top_up"]) for e in shop.facts.known("deposit.deducted", at_ms)]
    owed = [duty.event.data.amount for duty in duties if duty.event is not None]
    for entry in shop.facts.known("deposit.topped_up", at_ms):
        left = entry.data.amount
        for n, duty in enumerate(duties):
            assert duty.event is not None
            if duty.done_ms is not None or duty.at_ms > entry.at_ms or not _same_currency(duty.event, entry):
                continue
            paid = owed[n] if left is None or owed[n] is None else min(left, owed[n])
            if owed[n] is not None and paid is not None:
                owed[n] -= paid
                left = None if left is None else left - paid
            duty.ticked = [*duty.ticked, said_by(entry)]
            if not owed[n]:
                duty.left, duty.done_ms = [], entry.at_ms
            if left is not None and left <= 0:
                break
    return duties


def _same_currency(one: Entry, other: Entry) -> bool:
    return None in (one.data.currency, other.data.currency) or one.data.currency == other.data.currency
