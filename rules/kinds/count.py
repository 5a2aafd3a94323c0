"""Counts that bring a sanction: so many late marks, and the shop is suspended."""

from collections.abc import Iterable

from msgspec import Struct

from rules.alerts import Cause, Emitted, Open
from rules.durations import Duration
from rules.instants import NEVER
from rules.kinds.deadline import Timer
from rules.kinds.rule import Rule


class Sanction(Struct, forbid_unknown_fields=True, frozen=True):
    """What the marketplace does, and for how long."""

    name: str
    lasts: Duration


class Marks(Rule, tag="count", tag_field="kind", kw_only=True, frozen=True):
    """Each order that misses the deadline rule `late` leaves a mark at the instant it fell due. When `threshold`
    marks have gathered, a sanction begins; while it lasts no marks gather, and after it they are counted afresh.
    `window` limits how old a mark may be; without it marks count for the shop's lifetime.
    """

    late: str
    threshold: int
    near: int | None = None
    window: Duration | None = None
    sanction: Sanction

    def leans_on(self) -> set[str]:
        return {self.late}


class Standing(Struct, frozen=True):
    """Where a count stands at a moment."""

    marks: tuple[tuple[int, str], ...]
    from_ms: int | None = None
    until_ms: int | None = None


class Counter:
    """A count rule, ready to judge a shop's marks."""

    __slots__ = ("rule", "timer")

    def __init__(self, rule: Marks, timer: Timer) -> None:
        self.rule = rule
        self.timer = timer

    def stand(self, marks: Iterable[tuple[int, str]], at_ms: int) -> Standing:
        """Goes through the marks `(at_ms, order)` in time: which have gathered, and which sanction is in force."""
        gathered: list[tuple[int, str]] = []
        began, until = None, None
        for mark in sorted(marks):
            if mark[0] > at_ms:
                break
            if until is not None and mark[0] < until:
                continue
            gathered.append(mark)
            gathered = self._fresh(gathered, mark[0])
            if len(gathered) >= self.rule.threshold:
                began, until = mark[0], mark[0] + self.rule.sanction.lasts
                gathered = []
        if until is not None and until <= at_ms:
            began, until = None, None
        return Standing(tuple(self._fresh(gathered, at_ms)), began, until)

    def _fresh(self, marks: list[tuple[int, str]], at_ms: int) -> list[tuple[int, str]]:
        window = self.rule.window
        return marks if window is None else [mark for mark in marks if mark[0] > at_ms - window]

    def judge(self, standing: Standing, at_ms: int) -> Open | None:
        severity = self.rule.severity
        if standing.from_ms is not None:
            return Open("active", severity["active"], standing.from_ms, until_ms=standing.until_ms)
        if self.rule.near is not None and len(standing.marks) >= self.rule.near:
            return Open("near", severity["near"], at_ms)
        return None

    def next_change(self, standing: Standing) -> int:
        """When this may change without any new mark (epoch ms)."""
        turns = [NEVER] if standing.until_ms is None else [standing.until_ms]
        if self.rule.window is not None:
            turns += [mark[0] + self.rule.window for mark in standing.marks]
        return min(turns)

    def headroom(self, standing: Standing) -> int:
        """How many more marks until the sanction."""
        return self.rule.threshold - len(standing.marks)

    def cause(self, wanted: Open) -> Cause:
        return "sanction_started" if wanted.stage == "active" else "threshold_near"

    def cause_of_end(self, said: Emitted, marks: Iterable[tuple[int, str]]) -> Cause:
        """Time has ended what was said, or a sanction that came on top of it; unless the marks, as they are known
        by now, no longer bear it out."""
        then = self.judge(self.stand(marks, said.at_ms), said.at_ms)
        if then is None or then.stage != said.stage or then.until_ms != said.until_ms:
            return "evidence_arrived"
        return "fell_back" if said.until_ms is None else "sanction_ended"
