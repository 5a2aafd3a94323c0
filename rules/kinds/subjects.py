"""Rules that judge a shop subject by subject: a SKU, a carrier, an order. Only what has news or whose time has come is
evaluated again, so that one change costs the same however many subjects the shop has.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rules.alerts import Cause, Emitted
from rules.instants import NEVER
from rules.kinds.happenings import Source
from rules.kinds.rule import Case, Rule, Said, Verdict
from rules.shopfacts import Entry

if TYPE_CHECKING:
    from rules.watch import Shop

Key = Any
"""What a rule evaluates at once: a SKU, a carrier, an order with an instant. Keys of one rule can be put in order."""

About = tuple[str, str]
"""What an alert is about: subject and episode."""


class Findings:
    """What one rule says of one shop, by what each alert is about.

    `touched` are the keys with news. `moved` are the alerts that may be other than what was told of them.
    `wanted` are those that should be open.
    """

    __slots__ = ("_by_key", "_retries", "_turn_of", "_turns", "moved", "touched", "wanted")

    def __init__(self) -> None:
        self.touched: dict[Key, None] = {}
        self.moved: dict[About, None] = {}
        self.wanted: dict[About, Verdict] = {}
        self._by_key: dict[Key, list[Verdict]] = {}
        #: When what is found of a key may change by itself (epoch ms), as a heap; an entry counts if it is also here.
        self._turns: list[tuple[int, Key]] = []
        self._turn_of: dict[Key, int] = {}
        self._retries: list[tuple[int, About]] = []

    def touch(self, keys: Iterable[Key]) -> None:
        """There is news of these."""
        for key in keys:
            self.touched[key] = None

    def keys(self) -> list[Key]:
        """The keys of which something is found."""
        return list(self._by_key)

    def take_due(self, at_ms: int) -> list[Key]:
        """The keys to evaluate at a moment."""
        due, self.touched = self.touched, {}
        while self._turns and self._turns[0][0] <= at_ms:
            turn_ms, key = heappop(self._turns)
            if self._turn_of.get(key) == turn_ms:
                del self._turn_of[key]
                due[key] = None
        while self._retries and self._retries[0][0] <= at_ms:
            self.moved[heappop(self._retries)[1]] = None
        return list(due)

    def put(self, key: Key, verdicts: list[Verdict], turn_ms: int) -> None:
        """What was found of a key, and when that may change by itself (epoch ms)."""
        if turn_ms < self._turn_of.get(key, NEVER):
            self._turn_of[key] = turn_ms
            heappush(self._turns, (turn_ms, key))
        before = self._by_key.pop(key, [])
        if verdicts:
            self._by_key[key] = verdicts
        if verdicts == before:
            return
        for verdict in before:
            about = verdict.subject, verdict.episode
            self.moved[about] = None
            del self.wanted[about]
        for verdict in verdicts:
            about = verdict.subject, verdict.episode
            self.moved[about] = None
            self.wanted[about] = verdict

    def retry(self, about: About, at_ms: int) -> None:
        """More was told of an alert than is known by now: it is compared again at a later moment (epoch ms), if any."""
        if at_ms < NEVER:
            heappush(self._retries, (at_ms, about))

    def next_ms(self) -> int:
        """When there is something to evaluate without any news (epoch ms)."""
        return min([heap[0][0] for heap in (self._turns, self._retries) if heap], default=NEVER)


_R = TypeVar("_R", bound=Rule, covariant=True)


class SubjectJudge(ABC, Generic[_R]):
    """A rule that judges a shop subject by subject, ready to judge. `n` is its place in the plan."""

    n: int
    rule: _R

    def evaluate(self, shop: "Shop", findings: Findings, at_ms: int) -> None:
        """Looks at what has news or whose time has come."""
        if not all(source.lasting for source in self.sources()):
            findings.touch([*findings.keys(), *self.keys(shop)])
        for key in findings.take_due(at_ms):
            findings.put(key, *self.look(shop, key, at_ms))

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        """The same, of everything there is at once."""
        said = [self.look(shop, key, at_ms) for key in dict.fromkeys(self.keys(shop))]
        return [verdict for verdicts, _ in said for verdict in verdicts], min([turn for _, turn in said], default=NEVER)

    @abstractmethod
    def keys(self, shop: "Shop") -> Iterable[Key]:
        """All that there is to look at."""

    def touched_by(self, shop: "Shop", name: str, entry: Entry) -> Iterable[Key]:
        """What must be looked at again when an entry of an event type has come or gone."""
        return ()

    def sources(self) -> Sequence[Source]:
        """Where it takes what happened from."""
        return ()

    def touched_at(self, subject: str, instants: Iterable[int]) -> Iterable[Key]:
        """What must be looked at again when its sources say otherwise of a subject at these instants (epoch ms)."""
        return [(at_ms, subject) for at_ms in instants]

    def key_of(self, verdict: Verdict) -> Key:
        """The key under which what an alert is about is looked at."""
        return verdict.subject

    @abstractmethod
    def look(self, shop: "Shop", key: Key, at_ms: int) -> Said:
        """What should be open about a key at a moment, and when that may change without news (epoch ms)."""

    @abstractmethod
    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case: ...

    @abstractmethod
    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause: ...

    @abstractmethod
    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None: ...
