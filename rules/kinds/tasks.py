"""Tasks with a deadline: what a seller owes the marketplace or a buyer once something has happened."""

from abc import abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, ClassVar, Literal

from msgspec import Struct

from rules.calendar.durations import Duration
from rules.calendar.instants import MIN_MS, NEVER, rfc3339
from rules.facts.shop_facts import Entry, done_as, event_evidence, until
from rules.kinds.deadline.spec import Warn
from rules.kinds.endings import ending, lateness
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evaluator import State
from rules.kinds.evidence import voided_or
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.occurrences.spec import OccurrenceSpec
from rules.kinds.progress import Progress
from rules.kinds.rule import Fault, Locale, Reference, Sanction
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason, alert_id, instant_of, subject_and_episode

Owed = tuple[int, str]
"""A key: since when (epoch ms) something is owed, and about what."""

_NOTHING = Desired("", "info")

_NEXT_TOP_UP = MIN_MS
"""A key that stands for the next top-up of the deposit."""


class Tasks(ShopRule, tag="tasks", tag_field="kind", kw_only=True, frozen=True):
    """After each event `after` (or each order `of`), all of `tasks` are to be done `within` a time, each ticked off by
    a `task.done`; after `deposit.deducted`, the deposit is to be topped up. The alert is `due_soon` from the start,
    with rising severity by `warn`, then `overdue`, for `lasts` at most. `sanction` begins when it is overdue and ends
    when it is done."""

    after: Literal["emergency.declared", "deposit.deducted"] | None = None
    of: OccurrenceSpec | None = None
    tasks: tuple[str, ...] = ()
    within: Duration
    warn: tuple[Warn, ...]
    lasts: Duration
    sanction: Sanction | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "order", "subject", "due", "left", "within_h", "sanction"})
    DATED: ClassVar[bool] = True
    WARNED: ClassVar[frozenset[str]] = frozenset({"due_soon"})

    def retention_ms(self) -> int:
        return int(self.within + self.lasts)

    def depends_on(self) -> set[str]:
        return set() if self.of is None else self.of.timers() | self.of.rules()

    def references(self) -> Iterator[Reference]:
        return iter(()) if self.of is None else self.of.references("of")

    def events(self) -> set[str]:
        done = "deposit.topped_up" if self.after == "deposit.deducted" else "task.done"
        return {done, *([self.after] if self.after else []), *(self.of.events() if self.of else ())}

    def stages(self) -> tuple[str, ...]:
        return "due_soon", "overdue"

    def diagnostics(self) -> Iterator[Fault]:
        if (self.after is None) == (self.of is None):
            yield "after", "tasks follow either an event (`after`) or what happens to orders (`of`)"
        if self.of is not None:
            yield from (("of", message) for message in self.of.diagnostics())
        if (self.after == "deposit.deducted") is bool(self.tasks):
            yield "tasks", "names what is to be done; after deposit.deducted that is to top it up"
        if int(self.within) <= 0:
            yield "within", "must be longer than nothing"
        if not any(each.before >= self.within for each in self.warn):
            yield "warn", f"the first is told from the start, so `before` is {self.within} or more"

    def compile(self, wiring: Wiring) -> "TasksEvaluator | DepositEvaluator":
        if self.after == "deposit.deducted":
            return DepositEvaluator(wiring.n, self, wiring.locale)
        return TasksEvaluator(wiring.n, self, None if self.of is None else wiring.source(self.of), wiring.locale)


class Duty(Struct):
    """Something owed: since when, about what, and by which event; `done_ms` when it was settled."""

    at_ms: int
    subject: str
    event: Entry | None
    left: list[str]
    done_ms: int | None = None
    ticked: list[dict[str, Any]] = []


class DutyEvaluator(SubjectEvaluator[Tasks, State]):
    """What rules on tasks and on the deposit share."""

    def __init__(self, n: int, rule: Tasks, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.effective = locale.effective
        self._warnings_last_first = sorted((int(each.before), each.severity) for each in rule.warn)

    def _evaluate_duty(self, duty: Duty, at_ms: int) -> Evaluation:
        """What should be open about a duty at a moment."""
        due = duty.at_ms + self.rule.within
        if duty.done_ms is not None or at_ms >= due + self.rule.lasts or not self.effective.at(duty.at_ms):
            return Evaluation([], NEVER)
        opened, next_ms = self._stage(due, at_ms)
        reason: Reason = "deadline_near" if opened.stage == "due_soon" else "deadline_passed"
        return Evaluation([Finding(opened, reason, duty.subject, rfc3339(due))], next_ms)

    def _stage(self, due: int, at_ms: int) -> tuple[Desired, int]:
        if at_ms >= due:
            return Desired("overdue", self.rule.severity["overdue"], due), due + self.rule.lasts
        next_ms = due
        for before, severity in self._warnings_last_first:
            if due - before <= at_ms:
                return Desired("due_soon", severity, due), next_ms
            next_ms = due - before
        raise AssertionError("the first word is told from the start")

    def _evidence(self, duty: Duty | None, subject: str, order: str | None) -> Evidence:
        names = {
            "order": order,
            "subject": subject,
            "left": ", ".join(duty.left) if duty else "-",
            "within_h": f"{self.rule.within / 3_600_000:g}",
            "sanction": self.rule.sanction.name if self.rule.sanction else None,
            "done_ms": duty.done_ms if duty else None,
        }
        if duty is None:
            return Evidence({}, names, order)
        details: dict[str, Any] = {"since": rfc3339(duty.at_ms), "left": duty.left, "done": list(duty.ticked)}
        if duty.event is not None:
            details["event"] = event_evidence(duty.event)
        return Evidence(details, names, order)

    @abstractmethod
    def _duty_of(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> Duty | None:
        """The duty that an alert is about."""

    def knows(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> bool:
        duty = self._duty_of(shop, state, finding, at_ms)
        return duty is not None and self.effective.at(duty.at_ms)

    def end_reason(self, shop: ShopView, state: State, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        duty = self._duty_of(shop, state, finding, at_ms)
        if duty is None:
            return voided_or(shop, finding.subject, "evidence_arrived")
        if duty.done_ms is None:
            return "period_ended"
        late_word = last_emitted.stage == "overdue" and duty.done_ms <= (last_emitted.due_ms or 0)
        return "evidence_arrived" if late_word else "fulfilled"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        names = evidence.names
        about = "" if names["order"] is None else f" for order {names['order']}"
        if isinstance(done_ms := names["done_ms"], int):
            late = lateness(done_ms, last_emitted.due_ms)
            return f"All is done{about}, {late}" + (", as is known now" if reason == "evidence_arrived" else "")
        if reason == "period_ended":
            return f"Not done{about}: {names['left']}; it is shown no longer"
        return f"Nothing was owed{about} after all" if reason == "evidence_arrived" else ending(reason)

    def _sanctions(self, duties: Iterable[Duty], at_ms: int) -> list[ActiveSanction]:
        """Those in force: until it is done, so without an end."""
        if self.rule.sanction is None:
            return []
        owed = [duty.at_ms for duty in duties if duty.done_ms is None]
        overdue = [since_ms + self.rule.within for since_ms in owed if self.effective.at(since_ms)]
        name, lasts = self.rule.sanction.name, self.rule.lasts
        return [ActiveSanction(name, due, NEVER) for due in overdue if due <= at_ms < due + lasts]


class TasksEvaluator(DutyEvaluator[None]):
    """Evaluates a tasks rule, by instant and subject."""

    def __init__(self, n: int, rule: Tasks, source: OccurrenceSource | None, locale: Locale) -> None:
        super().__init__(n, rule, locale)
        self.source = source

    def sources(self) -> list[OccurrenceSource]:
        return [] if self.source is None else [self.source]

    def keys(self, shop: ShopView) -> list[Owed]:
        return self._since(shop, MIN_MS)

    def _since(self, shop: ShopView, since_ms: int) -> list[Owed]:
        if self.source is not None:
            return self.source.since(shop, since_ms)
        declared = shop.facts.of("emergency.declared")
        return [(entry.at_ms, "-") for entry in declared[until(declared, since_ms - 1) :]]

    def key_of(self, finding: Finding) -> Owed:
        due = instant_of(finding.episode)
        return NEVER if due is None else due - self.rule.within, finding.subject

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[Owed]:
        if name == "emergency.declared":
            return [(entry.at_ms, "-")]
        return self._ticked_by(shop, entry) if name == "task.done" else []

    def _ticked_by(self, shop: ShopView, entry: Entry) -> list[Owed]:
        """The keys that a task done may tick off: by alert or order, else all owed by then and not before the last such
        entry."""
        if entry.data.alert:
            subject, episode = subject_and_episode(entry.data.alert, self.rule.id, shop.key)
            return [self.key_of(Finding(_NOTHING, "happened", subject, episode))]
        if entry.order is not None:
            instants = () if self.source is None else self.source.instants(shop, entry.order)
            return [(at_ms, entry.order) for at_ms in instants if at_ms <= entry.at_ms]
        same = shop.facts.about("task.done", done_as(entry))
        before = list(same[max(bisect_left(same, entry.stamp(), key=Entry.stamp) - 1, 0) :][:1])
        since_ms = before[0].at_ms + 1 if before and before[0].stamp() < entry.stamp() else MIN_MS
        return list(takewhile(lambda owed: owed[0] <= entry.at_ms, self._since(shop, since_ms)))

    def _duty(self, shop: ShopView, key: Owed, at_ms: int) -> tuple[Duty | None, int]:
        """The duty of a key at a moment, and when it changes next (epoch ms)."""
        since_ms, subject = key
        event = None
        if self.source is not None:
            if not self.source.at(shop, subject, since_ms):
                return None, NEVER
        else:
            declared = shop.facts.of("emergency.declared")
            n = until(declared, since_ms - 1)
            if subject != "-" or n == len(declared) or declared[n].at_ms != since_ms:
                return None, NEVER  # nor what a task done may name beside
            event = declared[n]
        duty = Duty(since_ms, subject, event, list(self.rule.tasks))
        if not shop.facts.of("task.done"):
            return duty, NEVER
        alert = alert_id(self.rule.id, shop.key, subject, rfc3339(since_ms + self.rule.within))
        done = [entry for task in duty.left if (entry := _first_done(shop, task, duty, alert)) is not None]
        known = sorted([entry for entry in done if entry.at_ms <= at_ms], key=Entry.stamp)
        ticked = {entry.data.task for entry in known}
        duty.left = [task for task in duty.left if task not in ticked]
        duty.ticked = [{"task": entry.data.task, **event_evidence(entry)} for entry in known]
        duty.done_ms = known[-1].at_ms if known and not duty.left else None
        return duty, min([entry.at_ms for entry in done if entry.at_ms > at_ms], default=NEVER)

    def evaluate_key(self, shop: ShopView, state: None, key: Owed, at_ms: int) -> Evaluation:
        duty, done_ms = self._duty(shop, key, at_ms)
        if duty is None:
            return Evaluation([], NEVER)
        if key[0] > at_ms:
            return Evaluation([], key[0])
        found = self._evaluate_duty(duty, at_ms)
        return Evaluation(found.desired, min(found.next_ms, done_ms) if found.desired else NEVER)

    def _duty_of(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Duty | None:
        return self._duty(shop, self.key_of(finding), at_ms)[0]

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        duty = self._duty_of(shop, state, finding, at_ms)
        return self._evidence(duty, finding.subject, None if self.source is None else finding.subject)

    def sanctions(self, shop: ShopView, state: None, at_ms: int) -> list[ActiveSanction]:
        if self.rule.sanction is None:
            return []
        owed = [key for key in self._since(shop, at_ms - self.rule.within - self.rule.lasts) if key[0] <= at_ms]
        duties = [self._duty(shop, key, at_ms)[0] for key in owed]
        return self._sanctions([duty for duty in duties if duty is not None], at_ms)


def _first_done(shop: ShopView, task: str, duty: Duty, alert: str) -> Entry | None:
    """The first entry since it was owed that says a task was done: for all duties, for its order, or for its alert."""
    found: list[Entry] = []
    for about in ((task, ""), (task, "", duty.subject), (task, alert), (task, alert, duty.subject)):
        done = shop.facts.about("task.done", about)
        found += done[until(done, duty.at_ms - 1) :][:1]
    return min(found, key=Entry.stamp, default=None)


class Deposits(Struct):
    """How far what was taken from the deposit has been gone through, and what was topped up: what is owed, how much of
    each, where each instant's lie, and by currency those not settled yet, the oldest first. `changed`: when
    those were taken of which something has changed since this was last asked (epoch ms); None where all has."""

    rewrites: tuple[int, int]
    paid: int = 0
    paid_ms: int = MIN_MS
    to_ms: int = MIN_MS
    duties: list[Duty] = []
    owed: list[Any] = []
    at: dict[int, list[int]] = {}
    open_by: dict[str | None, deque[int]] = {}
    changed: list[int] | None = None


class DepositEvaluator(DutyEvaluator[Progress[Deposits]]):
    """Evaluates a rule on deductions from the deposit, by instant."""

    def new_state(self) -> Progress[Deposits]:
        return Progress()

    def changed_keys(self, shop: ShopView, state: Progress[Deposits], at_ms: int) -> list[int]:
        """The instants of deductions that were added or paid since it was last asked; all, if it began anew."""
        deposits = self._settled(shop, state, at_ms)
        changed, deposits.changed = deposits.changed, []
        return self.keys(shop) if changed is None else changed

    def keys(self, shop: ShopView) -> list[int]:
        return [_NEXT_TOP_UP, *(entry.at_ms for entry in shop.facts.of("deposit.deducted"))]

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[int]:
        return [entry.at_ms if name == "deposit.deducted" else _NEXT_TOP_UP]

    def key_of(self, finding: Finding) -> int:
        due = instant_of(finding.episode)
        return NEVER if due is None else due - self.rule.within

    def evaluate_key(self, shop: ShopView, state: Progress[Deposits], key: int, at_ms: int) -> Evaluation:
        if key == _NEXT_TOP_UP:
            ahead = shop.facts.next_after("deposit.topped_up", at_ms)
            return Evaluation([], NEVER if ahead is None else ahead)
        if key > at_ms:
            return Evaluation([], key)
        deposits = self._settled(shop, state, at_ms)
        owed = [duty for n in deposits.at.get(key, ()) if (duty := deposits.duties[n]).done_ms is None]
        if not owed:
            return Evaluation([], NEVER)
        return self._evaluate_duty(owed[0], at_ms)

    def _duty_of(self, shop: ShopView, state: Progress[Deposits], finding: Finding, at_ms: int) -> Duty | None:
        deposits = self._settled(shop, state, at_ms)
        owed = deposits.at.get(self.key_of(finding), ()) if finding.subject == "-" else ()
        return deposits.duties[owed[0]] if owed else None

    def evidence(self, shop: ShopView, state: Progress[Deposits], finding: Finding, at_ms: int) -> Evidence:
        return self._evidence(self._duty_of(shop, state, finding, at_ms), finding.subject, None)

    def sanctions(self, shop: ShopView, state: Progress[Deposits], at_ms: int) -> list[ActiveSanction]:
        return self._sanctions(self._settled(shop, state, at_ms).duties, at_ms)

    def _settled(self, shop: ShopView, progress: Progress[Deposits], at_ms: int) -> Deposits:
        """The deductions, settled by the top-ups, the oldest first, each currency by itself. Goes on from the last
        time, unless something came late."""
        facts = shop.facts
        rewrites = facts.rewrites("deposit.deducted"), facts.rewrites("deposit.topped_up")
        taken, topped_up = facts.of("deposit.deducted"), facts.of("deposit.topped_up")
        deposits = progress.kept
        fresh = taken[len(deposits.duties) : until(taken, at_ms)] if deposits is not None else ()
        if deposits is None or deposits.rewrites != rewrites or _is_late(deposits, fresh, topped_up, at_ms):
            deposits, fresh = Deposits(rewrites), taken[: until(taken, at_ms)]
            progress.kept = deposits
        changed = [entry.at_ms for entry in fresh]
        waiting = deque(fresh)
        for entry in topped_up[deposits.paid : until(topped_up, at_ms)]:
            while waiting and waiting[0].at_ms <= entry.at_ms:
                _take(deposits, waiting.popleft())
            deposits.paid, deposits.paid_ms = deposits.paid + 1, entry.at_ms
            changed += _pay(deposits, entry)
        for entry in waiting:
            _take(deposits, entry)
        deposits.to_ms = at_ms
        if deposits.changed is not None:
            deposits.changed += changed
        return deposits


def _is_late(deposits: Deposits, taken: Sequence[Entry], topped_up: Sequence[Entry], at_ms: int) -> bool:
    """Whether a sum was taken or topped up before what has been gone through, or that lies after the moment."""
    if at_ms < deposits.to_ms:
        return True
    if taken and taken[0].at_ms <= deposits.paid_ms:
        return True
    paid = topped_up[deposits.paid : deposits.paid + 1]
    return bool(paid and deposits.duties) and paid[0].at_ms < deposits.duties[-1].at_ms


def _take(deposits: Deposits, entry: Entry) -> None:
    """Adds a deduction."""
    n = len(deposits.duties)
    deposits.duties.append(Duty(entry.at_ms, "-", entry, ["top_up"]))
    deposits.owed.append(entry.data.amount)
    deposits.at.setdefault(entry.at_ms, []).append(n)
    deposits.open_by.setdefault(entry.data.currency, deque()).append(n)


def _pay(deposits: Deposits, entry: Entry) -> Iterator[int]:
    """Applies a top-up; yields when the deductions it pays were made (epoch ms). A deduction without an amount is
    settled by any top-up."""
    left = entry.data.amount
    while (queue := _oldest(deposits.open_by, entry.data.currency)) is not None:
        duty, due = deposits.duties[queue[0]], deposits.owed[queue[0]]
        paid = due if left is None or due is None else min(left, due)
        if due is not None and paid is not None:
            deposits.owed[queue[0]] = due = due - paid
            left = None if left is None else left - paid
        duty.ticked.append(event_evidence(entry))
        if not due:
            duty.left, duty.done_ms = [], entry.at_ms
            queue.popleft()
        yield duty.at_ms
        if left is not None and left <= 0:
            return


def _oldest(open_by: dict[str | None, deque[int]], currency: str | None) -> deque[int] | None:
    """The queue with the oldest open deduction that a top-up in a currency settles. Without a currency either settles
    any."""
    queues = open_by.values() if currency is None else [open_by.get(currency), open_by.get(None)]
    return min([queue for queue in queues if queue], key=lambda queue: queue[0], default=None)
