"""The findings of one rule for one shop, by key and by alert, and which alerts are shown one by one if there are
many."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import islice
from typing import Final

from rules.calendar.instants import NEVER
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.rule import Rule
from rules.kinds.subjects import Key
from rules.messages.alert_state import Desired

MOST_OPEN = 1_000
"""How many alerts of one rule and shop are open one by one. The rest are counted in one more alert, with subject `-`
and episode `more`. (Deadlines of single orders have no such limit: each is an order to be shipped.)"""

About = tuple[str, str]
"""What an alert is about: subject and episode."""

MORE: Final[About] = ("-", "more")

_WORST_FIRST: Final = {"critical": 0, "warning": 1, "info": 2}

Rank = tuple[int, str, str]
"""The order of the alerts of one rule and shop: by severity, episode (the oldest first) and subject. It doesn't depend
on when they were emitted, so the same facts have the same alerts shown."""


class Findings:
    """The findings of one rule for one shop, by what each alert is about; `emit/reconcile` writes them.

    `unsure` are the alerts whose figures may have moved since they were last compared with what was emitted.

    `touched` are the keys to evaluate; `left` is set if some of them were left when a slice was over. `wanted` are the
    alerts that should be open, or counted among the others. `moved` are those that may differ from what was last
    emitted.
    """

    __slots__ = (
        "_by_key",
        "_front_moved",
        "_next_eval_of",
        "_next_evals",
        "_others",
        "_ranked",
        "_retries",
        "_shown",
        "_wanted_by",
        "left",
        "more",
        "moved",
        "touched",
        "unsure",
        "wanted",
    )

    def __init__(self) -> None:
        self.touched: dict[Key, None] = {}
        self.left = False
        self.moved: dict[About, None] = {}
        self.unsure: dict[About, None] = {}
        self.wanted: dict[About, Finding] = {}
        #: The alert that counts those not shown one by one; None if all are shown.
        self.more: Finding | None = None
        self._by_key: dict[Key, list[Finding]] = {}
        #: Which key wants each alert, and what other keys want of the same alert: versions of a rule that wait for
        #: different times may come to one instant.
        self._wanted_by: dict[About, Key] = {}
        self._others: dict[About, dict[Key, Finding]] = {}
        #: A heap of when each key is evaluated next (epoch ms); an entry is valid only if it is also in the dict.
        self._next_evals: list[tuple[int, Key]] = []
        self._next_eval_of: dict[Key, int] = {}
        self._retries: list[tuple[int, About]] = []
        #: All wanted alerts in order, and those shown one by one; None if all are shown.
        self._ranked: list[Rank] | None = None
        self._shown: set[About] | None = None
        self._front_moved = False

    # -- keys to evaluate -----------------------------------------------------------------------------------

    def touch(self, keys: Iterable[Key]) -> None:
        """Has these keys evaluated."""
        for key in keys:
            self.touched[key] = None

    def keys(self) -> list[Key]:
        """The keys that have findings."""
        return list(self._by_key)

    def take_due(self, at_ms: int, most: int) -> list[Key]:
        """The keys to evaluate at a moment, at most `most`."""
        due = self.touched
        while self._next_evals and self._next_evals[0][0] <= at_ms:
            next_eval_ms, key = heappop(self._next_evals)
            if self._next_eval_of.get(key) == next_eval_ms:
                del self._next_eval_of[key]
                due[key] = None
        while self._retries and self._retries[0][0] <= at_ms:
            self.moved[heappop(self._retries)[1]] = None
        self.left = len(due) > most
        if not self.left:
            self.touched = {}
            return list(due)
        taken = list(islice(due, most))
        for key in taken:
            del due[key]
        return taken

    def retry(self, about: About, at_ms: int) -> None:
        """Has an alert compared again at a later instant (epoch ms), because it was emitted at a later instant than the
        clock's."""
        if at_ms < NEVER:
            heappush(self._retries, (at_ms, about))

    def next_ms(self) -> int:
        """When something is to be evaluated even without a new fact (epoch ms)."""
        return min([heap[0][0] for heap in (self._next_evals, self._retries) if heap], default=NEVER)

    # -- findings -------------------------------------------------------------------------------------------

    def put(self, key: Key, evaluation: Evaluation) -> None:
        """Replaces the findings of a key."""
        findings, next_eval_ms = evaluation.desired, evaluation.next_ms
        if next_eval_ms < self._next_eval_of.get(key, NEVER):
            self._next_eval_of[key] = next_eval_ms
            heappush(self._next_evals, (next_eval_ms, key))
        before = self._by_key.pop(key, [])
        if findings:
            self._by_key[key] = findings
        if findings == before:
            return
        for finding in before:
            self._give_up(key, finding)
        for finding in findings:
            self._want(key, finding)

    def _want(self, key: Key, finding: Finding) -> None:
        """A key wants an alert. If several do, the finding of the last key, in their order, is used."""
        about = finding.subject, finding.episode
        self.moved[about] = None
        if about in self.wanted:
            held_by = self._wanted_by[about]
            others = self._others.setdefault(about, {})
            if key < held_by:
                others[key] = finding
                return
            others[held_by] = self.wanted[about]
            self._unrank(self.wanted[about])
        self.wanted[about], self._wanted_by[about] = finding, key
        self._rank(finding)

    def _give_up(self, key: Key, finding: Finding) -> None:
        """A key no longer wants an alert; another one still may."""
        about = finding.subject, finding.episode
        self.moved[about] = None
        others = self._others.pop(about, {})
        if self._wanted_by[about] == key:
            self._unrank(self.wanted.pop(about))
            del self._wanted_by[about]
            if others:
                last = max(others)
                self._want(last, others.pop(last))
        else:
            del others[key]
        if others:
            self._others[about] = others

    def settle(self, rule: Rule) -> None:
        """Decides, once all touched keys are evaluated, which alerts are shown one by one."""
        before, was_more = self._shown, self.more
        if len(self.wanted) <= MOST_OPEN:
            if before is None:
                return
            self._ranked = self._shown = self.more = None
            self.moved |= dict.fromkeys(self.wanted)
        else:
            if self._ranked is None:
                self._ranked = sorted([_rank(finding) for finding in self.wanted.values()])
                self._front_moved = True
            if self._front_moved or before is None:
                self._front_moved = False
                self._shown = {(subject, episode) for _, episode, subject in self._ranked[:MOST_OPEN]}
                self.moved |= dict.fromkeys(self._shown ^ (self.wanted.keys() if before is None else before))
            self.more = self._counted(rule, self._ranked)
        if was_more != self.more:
            self.moved[MORE] = None

    def shown(self, about: About) -> Finding | None:
        """What should be open; None if nothing should, or the alert is only counted."""
        if about == MORE:
            return self.more
        return self.wanted.get(about) if self._shown is None or about in self._shown else None

    def is_left_out(self, about: About) -> bool:
        """Whether an alert is only counted."""
        return about in self.wanted and self.shown(about) is None

    def evidence_of_more(self) -> Evidence:
        """The evidence of the alert that counts the others."""
        left_out = max(len(self.wanted) - MOST_OPEN, 0)
        details = {"open": len(self.wanted), "shown": min(len(self.wanted), MOST_OPEN), "left_out": left_out}
        summary = f"And {left_out} more: of {len(self.wanted)} that are open, the first {MOST_OPEN} are told one by one"
        if not left_out:
            summary = f"No more than {MOST_OPEN} are open: all are told one by one"
        return Evidence(details, value=left_out, threshold=0, summary=summary)

    def _counted(self, rule: Rule, ranked: list[Rank]) -> Finding:
        """The alert that counts the others: as severe as the worst of them. It is emitted again when their number
        passes 1, 2, 5, 10, 20, 50 and so on."""
        _, episode, subject = ranked[MOST_OPEN]
        severity = self.wanted[subject, episode].open.severity
        stages = [stage for stage in rule.stages() if rule.severity.get(stage) == severity] or [rule.stages()[0]]
        opened = Desired(stages[-1], severity, tier=f"{_round_down(len(ranked) - MOST_OPEN)}+")
        return Finding(opened, "too_many", *MORE)

    def _rank(self, finding: Finding) -> None:
        if self._ranked is not None:
            insort(self._ranked, _rank(finding))
            self._note_front(_rank(finding))

    def _unrank(self, finding: Finding) -> None:
        if self._ranked is not None:
            self._note_front(_rank(finding))
            del self._ranked[bisect_left(self._ranked, _rank(finding))]

    def _note_front(self, rank: Rank) -> None:
        assert self._ranked is not None
        self._front_moved = self._front_moved or bisect_left(self._ranked, rank) < MOST_OPEN


def _rank(finding: Finding) -> Rank:
    return _WORST_FIRST[finding.open.severity], finding.episode, finding.subject


def _round_down(number: int) -> int:
    """Rounds down to 1, 2 or 5 times a power of ten."""
    power: int = 10 ** (len(str(number)) - 1)
    return power * max(step for step in (1, 2, 5) if step * power <= number)
