"""Several versions of one rule, each for what happened while it was in effect, evaluated as one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rules.facts.shop_facts import Entry
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import AnySubjectEvaluator, Key, SubjectEvaluator
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason


class Versions(SubjectEvaluator[Any, list[Any]]):
    """The evaluators of one rule's versions; each for its own time. All kinds with versions by date,
    but for ratios, which have their own way, are evaluated subject by subject. The state is that of each version."""

    def __init__(self, n: int, evaluators: Sequence[AnySubjectEvaluator]) -> None:
        self.n = n
        self.rule = evaluators[-1].rule
        self.evaluators = evaluators

    def new_state(self) -> list[Any]:
        return [evaluator.new_state() for evaluator in self.evaluators]

    def keys(self, shop: ShopView) -> Iterator[Key]:
        return (key for evaluator in self.evaluators for key in evaluator.keys(shop))

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> Iterator[Key]:
        return (key for evaluator in self.evaluators for key in evaluator.touched_by(shop, name, entry))

    def sources(self) -> list[OccurrenceSource]:
        return [source for evaluator in self.evaluators for source in evaluator.sources()]

    def touched_at(self, subject: str, instants: Iterable[int]) -> Iterable[Key]:
        return self.evaluators[-1].touched_at(subject, instants)

    def key_of(self, finding: Finding) -> Key:
        return self.evaluators[-1].key_of(finding)

    def changed_keys(self, shop: ShopView, state: list[Any], at_ms: int) -> Iterator[Key]:
        return (key for evaluator, own in self._with(state) for key in evaluator.changed_keys(shop, own, at_ms))

    def evaluate_key(self, shop: ShopView, state: list[Any], key: Key, at_ms: int) -> Evaluation:
        found = [evaluator.evaluate_key(shop, own, key, at_ms) for evaluator, own in self._with(state)]
        desired = {(each.subject, each.episode): each for evaluation in found for each in evaluation.desired}
        return Evaluation(list(desired.values()), min(each.next_ms for each in found))

    def evidence(self, shop: ShopView, state: list[Any], finding: Finding, at_ms: int) -> Evidence:
        evaluator, own = self._version_of(shop, state, finding, at_ms)
        return evaluator.evidence(shop, own, finding, at_ms)

    def end_reason(
        self, shop: ShopView, state: list[Any], last_emitted: Emitted, finding: Finding, at_ms: int
    ) -> Reason:
        evaluator, own = self._version_of(shop, state, finding, at_ms)
        return evaluator.end_reason(shop, own, last_emitted, finding, at_ms)

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        return self.evaluators[-1].ending(evidence, reason, last_emitted)

    def metric(self, shop: ShopView, state: list[Any], at_ms: int) -> dict[str, Any] | None:
        return self.evaluators[-1].metric(shop, state[-1], at_ms)

    def sanctions(self, shop: ShopView, state: list[Any], at_ms: int) -> list[ActiveSanction]:
        return [each for evaluator, own in self._with(state) for each in evaluator.sanctions(shop, own, at_ms)]

    def _with(self, state: list[Any]) -> Iterator[tuple[AnySubjectEvaluator, Any]]:
        return zip(self.evaluators, state, strict=True)

    def _version_of(
        self, shop: ShopView, state: list[Any], finding: Finding, at_ms: int
    ) -> tuple[AnySubjectEvaluator, Any]:
        """The version with this finding; if none has it any more, the one in whose time it arose, else the newest."""
        about = finding.subject, finding.episode
        for evaluator, own in self._with(state):
            # By its own times: of what has another limit the same episode is another key.
            key = evaluator.key_of(finding)
            desired = evaluator.evaluate_key(shop, own, key, at_ms).desired
            if any((each.subject, each.episode) == about for each in desired):
                return evaluator, own
        known = [each for each in self._with(state) if each[0].knows(shop, each[1], finding, at_ms)]
        return known[-1] if known else (self.evaluators[-1], state[-1])
