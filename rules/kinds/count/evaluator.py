"""What the three ways to count share: the comparison with the threshold, and the evidence."""

from collections.abc import Iterable
from typing import Any

from rules.kinds.count.spec import CountSpec
from rules.kinds.evaluation import Evidence
from rules.kinds.evaluator import Evaluator, State
from rules.kinds.evidence import ORDERS_SHOWN
from rules.kinds.occurrence_index import Occurrence
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.rule import Locale
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class CountEvaluator(Evaluator[CountSpec, State]):
    """What the three ways to count share."""

    def __init__(self, n: int, rule: CountSpec, source: OccurrenceSource, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.source = source
        self.zone = locale.zone

    def _open(self, count: int) -> tuple[Desired, Reason] | None:
        severity = self.rule.severity
        if count >= self.rule.threshold:
            return Desired("crossed", severity["crossed"]), "threshold_crossed"
        if self.rule.near is not None and count >= self.rule.near:
            return Desired("near", severity["near"]), "threshold_near"
        return None

    def _evidence(self, occurrences: Iterable[Occurrence], count: int, **names: object) -> Evidence:
        occurrences = list(occurrences)
        headroom = self.rule.threshold - count
        figures = {"value": count, "threshold": self.rule.threshold, "headroom": headroom, **names}
        details = {
            "marks": [occurrence.shown() for occurrence in occurrences[-ORDERS_SHOWN:]],
            "marks_total": len(occurrences),
        }
        return Evidence(details, figures, value=count, threshold=self.rule.threshold, headroom=headroom)

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        figures = f"{evidence.value:g} of {self.rule.threshold}"
        if reason == "sanction_ended" and self.rule.sanction is not None:
            since = self.rule.threshold - (evidence.headroom or 0)
            return f"{self.rule.sanction.name} has ended; back at {since:g} of {self.rule.threshold}"
        if reason == "period_ended":
            order = evidence.names.get("order")
            return (
                f"{evidence.names['period']} ended at {figures}"
                if order is None
                else f"Order {order} stays at {figures}"
            )
        return f"Back at {figures}"

    def _metric(self, count: int, window: dict[str, str] | None) -> dict[str, Any]:
        return {
            "value": count,
            "numerator": count,
            "denominator": None,
            "threshold": self.rule.threshold,
            "headroom": self.rule.threshold - count,
            "window": window,
        }
