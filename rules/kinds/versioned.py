"""Several versions of one rule, each for what happened while it was in effect, speaking as one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rules.facts.shop_facts import Entry
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator
from rules.kinds.findings import Key
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason


def versions_of(n: int, evaluators: Sequence[Any]) -> Evaluator:
    """One judge of a rule's versions, which are of one kind."""
    if all(isinstance(evaluator, SubjectEvaluator) for evaluator in evaluators):
        return SubjectVersions(n, evaluators)
    return Versions(n, evaluators)


class Versions:
    """Judges of one rule's versions; what each says of its own time, together."""

    evaluators: Sequence[Evaluator]

    def __init__(self, n: int, evaluators: Sequence[Evaluator]) -> None:
        self.n = n
        self.rule = evaluators[-1].rule
        self.evaluators = evaluators

    def evaluate(self, shop: ShopView, at_ms: int) -> Evaluation:
        said = [evaluator.evaluate(shop, at_ms) for evaluator in self.evaluators]
        return [finding for findings, _ in said for finding in findings], min(next_ms for _, next_ms in said)

    def _judge_of(self, shop: ShopView, finding: Finding, at_ms: int) -> Evaluator:
        """The one that speaks of this; the newest, where none does any more."""
        about = (finding.subject, finding.episode)
        for evaluator in self.evaluators:
            if any((each.subject, each.episode) == about for each in evaluator.evaluate(shop, at_ms)[0]):
                return evaluator
        return self.evaluators[-1]

    def evidence(self, shop: ShopView, finding: Finding, at_ms: int) -> Evidence:
        return self._judge_of(shop, finding, at_ms).evidence(shop, finding, at_ms)

    def end_reason(self, shop: ShopView, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        return self._judge_of(shop, finding, at_ms).end_reason(shop, last_emitted, finding, at_ms)

    def metric(self, shop: ShopView, at_ms: int) -> dict[str, Any] | None:
        return self.evaluators[-1].metric(shop, at_ms)

    def sanctions(self, shop: ShopView, at_ms: int) -> list[tuple[str, int, int]]:
        """`(name, from_ms, until_ms)` of those in force."""
        found = [getattr(evaluator, "sanctions", None) for evaluator in self.evaluators]
        return [each for sanctions in found if sanctions is not None for each in sanctions(shop, at_ms)]


class SubjectVersions(Versions, SubjectEvaluator[Any]):
    """The same, of a rule that judges subject by subject."""

    evaluators: Sequence[SubjectEvaluator[Any]]

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

    def evaluate(self, shop: ShopView, at_ms: int) -> Evaluation:
        return SubjectEvaluator.evaluate(self, shop, at_ms)

    def look(self, shop: ShopView, key: Key, at_ms: int) -> Evaluation:
        said = [evaluator.look(shop, key, at_ms) for evaluator in self.evaluators]
        found = {(each.subject, each.episode): each for findings, _ in said for each in findings}
        return list(found.values()), min(next_ms for _, next_ms in said)

    def _judge_of(self, shop: ShopView, finding: Finding, at_ms: int) -> SubjectEvaluator[Any]:
        about = finding.subject, finding.episode
        for evaluator in self.evaluators:
            key = evaluator.key_of(
                finding
            )  # by its own times: of what has another limit the same episode is another key
            if any((each.subject, each.episode) == about for each in evaluator.look(shop, key, at_ms)[0]):
                return evaluator
        return self.evaluators[-1]
