"""Rules that judge a shop subject by subject: a SKU, a carrier, an order. Only what has news or whose time has come is
evaluated again, so that one change costs the same however many subjects the shop has.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from rules.calendar.instants import NEVER
from rules.facts.shop_facts import Entry
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.findings import Findings, Key
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.rule import Rule
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason

_R = TypeVar("_R", bound=Rule, covariant=True)


class SubjectEvaluator(ABC, Generic[_R]):
    """A rule that judges a shop subject by subject, ready to judge. `n` is its place in the plan."""

    n: int
    rule: _R

    def new_findings(self) -> Findings:
        """What it keeps of a shop, while nothing is found yet."""
        return Findings()

    def evaluate_some(self, shop: ShopView, findings: Findings, at_ms: int, most: int) -> int:
        """Looks at what has news or whose time has come, at no more than `most` keys; at how many. Until none are
        `left`, nothing is settled."""
        if not all(source.lasting for source in self.sources()):
            findings.touch([*findings.keys(), *self.keys(shop)])
            most = NEVER  # a few weeks at the most, and no slice hears what comes before the next one
        due = findings.take_due(at_ms, most)
        for key in due:
            findings.put(key, *self.look(shop, key, at_ms))
        if not findings.left:
            findings.settle(self.rule)
        return len(due)

    def evaluate(self, shop: ShopView, at_ms: int) -> Evaluation:
        """The same, of everything there is at once."""
        said = [self.look(shop, key, at_ms) for key in dict.fromkeys(self.keys(shop))]
        return [finding for findings, _ in said for finding in findings], min(
            [next_ms for _, next_ms in said], default=NEVER
        )

    @abstractmethod
    def keys(self, shop: ShopView) -> Iterable[Key]:
        """All that there is to look at."""

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> Iterable[Key]:
        """What must be looked at again when an entry of an event type has come or gone."""
        return ()

    def sources(self) -> Sequence[OccurrenceSource]:
        """Where it takes what happened from."""
        return ()

    def touched_at(self, subject: str, instants: Iterable[int]) -> Iterable[Key]:
        """What must be looked at again when its sources say otherwise of a subject at these instants (epoch ms)."""
        return [(at_ms, subject) for at_ms in instants]

    def key_of(self, finding: Finding) -> Key:
        """The key under which what an alert is about is looked at."""
        return finding.subject

    @abstractmethod
    def look(self, shop: ShopView, key: Key, at_ms: int) -> Evaluation:
        """What should be open about a key at a moment, and when that may change without news (epoch ms)."""

    @abstractmethod
    def evidence(self, shop: ShopView, finding: Finding, at_ms: int) -> Evidence: ...

    @abstractmethod
    def end_reason(self, shop: ShopView, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason: ...

    @abstractmethod
    def metric(self, shop: ShopView, at_ms: int) -> dict[str, Any] | None: ...
