"""Rules that are evaluated subject by subject: a SKU, a carrier, an order. Only subjects that may have changed or are
due are evaluated, so that one change costs the same however many subjects a shop has."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rules.calendar.instants import NEVER
from rules.facts.shop_facts import Entry
from rules.kinds.evaluation import Evaluation, Finding
from rules.kinds.evaluator import Evaluator, R, State
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.shop_view import ShopView

Key = Any
"""What a rule evaluates at once: a SKU, a carrier, an order with an instant. Keys of one rule can be put in order."""


class SubjectEvaluator(Evaluator[R, State]):
    """A rule that is evaluated subject by subject. The engine keeps what was found of each key, and has those evaluated
    again that may have changed."""

    figures_by_key: ClassVar[bool] = True

    def evaluate(self, shop: ShopView, state: State, at_ms: int) -> Evaluation:
        """Of all there is at once: what the engine's evaluation key by key comes to."""
        found = [self.evaluate_key(shop, state, key, at_ms) for key in dict.fromkeys(self.keys(shop))]
        desired = [finding for each in found for finding in each.desired]
        return Evaluation(desired, min([each.next_ms for each in found], default=NEVER))

    @abstractmethod
    def keys(self, shop: ShopView) -> Iterable[Key]:
        """All keys of a shop."""

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> Iterable[Key]:
        """The keys to evaluate when an entry of an event type was added or removed."""
        return ()

    def sources(self) -> Sequence[OccurrenceSource]:
        """The sources of its occurrences."""
        return ()

    def touched_at(self, subject: str, instants: Iterable[int]) -> Iterable[Key]:
        """The keys to evaluate when a subject's occurrences at these instants (epoch ms) have changed."""
        return [(at_ms, subject) for at_ms in instants]

    def key_of(self, finding: Finding) -> Key:
        """The key whose evaluation found an alert."""
        return finding.subject

    def knows(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> bool:
        """Whether what an alert is about is, or was, a matter of this rule: of one with versions by date, in whose time
        it came up."""
        return True

    def changed_keys(self, shop: ShopView, state: State, at_ms: int) -> Iterable[Key]:
        """What must be looked at again for another reason, when the rule is evaluated."""
        return ()

    @abstractmethod
    def evaluate_key(self, shop: ShopView, state: State, key: Key, at_ms: int) -> Evaluation:
        """What should be open about a key at a moment."""


AnySubjectEvaluator = SubjectEvaluator[Any, Any]
