"""Counts what has happened to each order by itself."""

from collections.abc import Iterable

from rules.calendar.instants import NEVER
from rules.kinds.count.evaluator import CountEvaluator
from rules.kinds.count.spec import CountSpec
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.evidence import products_of, voided_or
from rules.kinds.occurrence_index import Occurrence
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason


class OrderCounter(CountEvaluator[None], SubjectEvaluator[CountSpec, None]):
    """Each order is counted by itself."""

    def sources(self) -> list[OccurrenceSource]:
        return [self.source]

    def keys(self, shop: ShopView) -> list[str]:
        return list(self.source.subjects(shop))

    def touched_at(self, subject: str, instants: Iterable[int]) -> list[str]:
        return [subject]

    def evaluate_key(self, shop: ShopView, state: None, key: str, at_ms: int) -> Evaluation:
        instants = self.source.instants(shop, key)
        known = [at for at in instants if at <= at_ms]
        next_eval_ms = min([at for at in instants if at > at_ms], default=NEVER)
        opened = self._open(len(known))
        assert self.rule.lasts is not None
        if opened is None or at_ms >= (ends_ms := known[-1] + self.rule.lasts):
            return Evaluation([], next_eval_ms)
        return Evaluation([Finding(*opened, subject=key)], min(next_eval_ms, ends_ms))

    def _known(self, shop: ShopView, order: str, at_ms: int) -> list[Occurrence]:
        return [occurrence for occurrence in self.source.about(shop, order) if occurrence.at_ms <= at_ms]

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        occurrences = self._known(shop, finding.subject, at_ms)
        evidence = self._evidence(occurrences, len(occurrences), order=finding.subject)
        evidence.order = finding.subject
        evidence.details |= products_of(shop, finding.subject)
        return evidence

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        occurrences = self._known(shop, finding.subject, at_ms)
        if self._open(len(occurrences)) is not None:
            return "period_ended"
        return voided_or(shop, finding.subject, "evidence_arrived")
