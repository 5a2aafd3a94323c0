"""Tasks that are ticked off by `task.done`, after an event of the shop or what happened to an order."""

from bisect import bisect_left
from itertools import takewhile

from rules.calendar.instants import MIN_MS, NEVER, rfc3339
from rules.facts.shop_facts import Entry, done_as, event_evidence, until
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.rule import Locale
from rules.kinds.shop_view import ShopView
from rules.kinds.tasks.duty import Duty, DutyEvaluator
from rules.kinds.tasks.spec import TasksSpec
from rules.messages.alert_state import Desired
from rules.messages.alerts import alert_id, instant_of, subject_and_episode

Owed = tuple[int, str]
"""A key: since when (epoch ms) something is owed, and about what."""

_NOTHING = Desired("", "info")


class TasksEvaluator(DutyEvaluator[None]):
    """Evaluates a tasks rule, by instant and subject."""

    def __init__(self, n: int, rule: TasksSpec, source: OccurrenceSource | None, locale: Locale) -> None:
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
