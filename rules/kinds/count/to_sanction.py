"""Counts to a sanction: occurrences gather until it begins, and anew once it has ended."""

from bisect import bisect_right
from typing import Any

from msgspec import Struct

from rules.calendar.instants import MIN_MS, NEVER
from rules.kinds.count.evaluator import CountEvaluator
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evidence import ORDERS_SHOWN
from rules.kinds.occurrences.source import Log
from rules.kinds.progress import Progress
from rules.kinds.rule import Sanction
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class Gathered(Struct):
    """How far a count with a sanction has gone through the occurrences: `done` is their number, and `first` the first
    that counts since the last sanction. `sanctions`: when each began and ended (epoch ms)."""

    rewrites: int
    done: int = 0
    first: int = 0
    sanctions: list[tuple[int, int]] = []


class CountState(Struct, frozen=True):
    """The state of a count with a sanction at a moment: `number` occurrences count, from `first` on."""

    first: int
    number: int
    from_ms: int | None = None
    until_ms: int | None = None


class SanctionCounter(CountEvaluator[Progress[Gathered]]):
    """Occurrences gather until a sanction begins."""

    @property
    def sanction(self) -> Sanction:
        assert self.rule.sanction is not None
        return self.rule.sanction

    def new_state(self) -> Progress[Gathered]:
        return Progress()

    def _gathered(self, progress: Progress[Gathered], log: Log, at_ms: int) -> Gathered:
        """Goes through the occurrences up to a moment; a sanction begins when enough have gathered."""
        gathered, known = progress.kept, log.until(at_ms)
        if gathered is None or gathered.rewrites != log.rewrites or not log.lasting or gathered.done > known:
            gathered = progress.kept = Gathered(log.rewrites)
        window, sanctions = self.rule.window, gathered.sanctions
        for n in range(gathered.done, known):
            occurred_ms = log.at_ms(log.items[n])
            if sanctions and occurred_ms < sanctions[-1][1]:
                gathered.first = n + 1
                continue
            while window is not None and log.at_ms(log.items[gathered.first]) <= occurred_ms - window:
                gathered.first += 1
            if n + 1 - gathered.first >= self.rule.threshold:
                sanctions.append((occurred_ms, self.sanction.until_ms(occurred_ms)))
                gathered.first = n + 1
        gathered.done = known
        return gathered

    def _state_at(self, progress: Progress[Gathered], log: Log, at_ms: int, now_ms: int) -> CountState:
        """The state at a moment, by what is known now."""
        sanctions = self._gathered(progress, log, now_ms).sanctions
        n = bisect_right(sanctions, (at_ms, NEVER))
        began, until = sanctions[n - 1] if n else (None, None)
        since_ms = MIN_MS if until is None else until
        if self.rule.window is not None:
            since_ms = max(since_ms, at_ms - self.rule.window + 1)
        first, last = log.until(since_ms - 1), log.until(at_ms)
        if until is not None and until <= at_ms:
            began, until = None, None
        return CountState(first, max(last - first, 0), began, until)

    def evaluate(self, shop: ShopView, state: Progress[Gathered], at_ms: int) -> Evaluation:
        log = self.source.log(shop)
        count_state = self._state_at(state, log, at_ms, at_ms)
        next_evals = [log.next_after(at_ms), NEVER if count_state.until_ms is None else count_state.until_ms]
        if self.rule.window is not None and count_state.number:
            next_evals.append(log.at_ms(log.items[count_state.first]) + self.rule.window)
        opened = self._stage(count_state)
        return Evaluation([] if opened is None else [opened], min(next_evals))

    def _stage(self, count_state: CountState) -> Finding | None:
        severity = self.rule.severity
        if count_state.from_ms is not None:
            return Finding(Desired("active", severity["active"], until_ms=count_state.until_ms), "sanction_started")
        if self.rule.near is not None and count_state.number >= self.rule.near:
            return Finding(Desired("near", severity["near"]), "threshold_near")
        return None

    def evidence(self, shop: ShopView, state: Progress[Gathered], finding: Finding, at_ms: int) -> Evidence:
        log = self.source.log(shop)
        count_state = self._state_at(state, log, at_ms, at_ms)
        first, last = count_state.first, count_state.first + count_state.number
        if count_state.from_ms is not None:  # those that brought the sanction, not those gathered since
            last = log.until(count_state.from_ms)
            first = max(last - self.rule.threshold, 0)
        occurrences = [log.occurrence(occurrence) for occurrence in log.items[max(first, last - ORDERS_SHOWN) : last]]
        evidence = self._evidence(occurrences, last - first, sanction=self.sanction.name)
        evidence.details["marks_total"] = last - first
        evidence.details["sanction"] = self.sanction.name
        evidence.headroom = self.rule.threshold - count_state.number
        return evidence

    def end_reason(
        self, shop: ShopView, state: Progress[Gathered], last_emitted: Emitted, finding: Finding, at_ms: int
    ) -> Reason:
        """Time has ended the alert, unless the occurrences, as known now, no longer support it."""
        then = self._stage(self._state_at(state, self.source.log(shop), last_emitted.at_ms, at_ms))
        if then is None or then.open.stage != last_emitted.stage or then.open.until_ms != last_emitted.until_ms:
            return "evidence_arrived"
        return "fell_back" if last_emitted.until_ms is None else "sanction_ended"

    def metric(self, shop: ShopView, state: Progress[Gathered], at_ms: int) -> dict[str, Any]:
        return self._metric(self._state_at(state, self.source.log(shop), at_ms, at_ms).number, None)

    def sanctions(self, shop: ShopView, state: Progress[Gathered], at_ms: int) -> list[ActiveSanction]:
        now = self._state_at(state, self.source.log(shop), at_ms, at_ms)
        if now.from_ms is None or now.until_ms is None:
            return []
        return [ActiveSanction(self.sanction.name, now.from_ms, now.until_ms)]
