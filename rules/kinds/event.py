"""Events: something happened that a clause penalizes by itself, at once."""

from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec.structs import replace

from rules.calendar.durations import Duration
from rules.calendar.instants import MIN_MS, NEVER, rfc3339
from rules.kinds.endings import ending
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evidence import voided_or
from rules.kinds.occurrence_index import Occurrence
from rules.kinds.occurrences.source import OccurrenceSource, OrderOccurrences
from rules.kinds.occurrences.spec import OccurrenceSpec, OfOccurrences
from rules.kinds.rule import FieldDiagnostic, Locale, Sanction
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason, instant_of


class EventRule(OfOccurrences, ShopRule, tag="event", tag_field="kind", kw_only=True, frozen=True):
    """Each occurrence of `of` opens an alert: `crossed`, shown for `lasts`, or `active` while the `sanction` it brings
    is in force. The `points` of its `penalty` are those of one occurrence; several at one instant are summed."""

    of: OccurrenceSpec
    lasts: Duration | None = None
    sanction: Sanction | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "order", "subject", "kind", "sanction", "until", "points"})
    DATED: ClassVar[bool] = True

    def retention_ms(self) -> int:
        if self.sanction is None and self.lasts is not None:
            return int(self.lasts)
        return NEVER if self.never_ends() else super().retention_ms()

    def never_ends(self) -> bool:
        return self.sanction is not None and self.sanction.lasts is None

    def stages(self) -> tuple[str, ...]:
        return ("crossed",) if self.sanction is None else ("active",)

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        yield from (("of", message) for message in self.of.diagnostics())
        if (self.sanction is None) == (self.lasts is None):
            yield "lasts", "an event is either shown for a time (`lasts`) or brings a `sanction`"

    def compile(self, wiring: Wiring) -> "EventEvaluator":
        return EventEvaluator(wiring.n, self, wiring.source(self.of), wiring.locale)


class EventEvaluator(SubjectEvaluator[EventRule, None]):
    """Evaluates an event rule."""

    def __init__(self, n: int, rule: EventRule, source: OccurrenceSource, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.source = source
        self.effective = locale.effective
        lasts = rule.lasts if rule.sanction is None else rule.sanction.lasts
        self._lasts_ms = NEVER if lasts is None else int(lasts)
        self._of_orders = isinstance(source, OrderOccurrences)
        [stage] = rule.stages()
        self._opened = Desired(stage, rule.severity[stage])
        self._reason: Reason = "happened" if rule.sanction is None else "sanction_started"

    def _until(self, since_ms: int) -> int:
        return NEVER if self._lasts_ms == NEVER else since_ms + self._lasts_ms

    def sources(self) -> list[OccurrenceSource]:
        return [self.source]

    def keys(self, shop: ShopView) -> list[tuple[int, str]]:
        return self.source.since(shop, MIN_MS)

    def key_of(self, finding: Finding) -> tuple[int, str]:
        at_ms = instant_of(finding.episode)
        return NEVER if at_ms is None else at_ms, finding.subject

    def _occurrences(self, shop: ShopView, key: tuple[int, str]) -> list[Occurrence]:
        """The occurrences that an alert is about."""
        at_ms, subject = key
        if not self.effective.at(at_ms):
            return []
        return [occurrence for occurrence in self.source.at(shop, subject, at_ms) if occurrence.times]

    def knows(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> bool:
        return bool(self._occurrences(shop, self.key_of(finding)))

    def evaluate_key(self, shop: ShopView, state: None, key: tuple[int, str], at_ms: int) -> Evaluation:
        since_ms, subject = key
        until = self._until(since_ms)
        if at_ms >= until or not self._occurrences(shop, key):
            return Evaluation([], NEVER)
        if since_ms > at_ms:
            return Evaluation([], since_ms)
        opened = self._opened if self.rule.sanction is None else replace(self._opened, until_ms=until)
        return Evaluation([Finding(opened, self._reason, subject, rfc3339(since_ms))], until)

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        occurrences = self._occurrences(shop, self.key_of(finding))
        # what is told of a taken back occurrence still names its order
        subject = finding.subject if self._of_orders else None
        order = next((occurrence.order for occurrence in occurrences if occurrence.order), subject)
        sanction = self.rule.sanction.name if self.rule.sanction else None
        names = {
            "subject": finding.subject,
            "order": order,
            "kind": next((occurrence.kind for occurrence in occurrences), None),
            "sanction": sanction,
            "points": "-",
        }
        details: dict[str, Any] = {"events": [occurrence.shown() for occurrence in occurrences]}
        evidence = Evidence(details | ({"sanction": sanction} if sanction else {}), names, order)
        cost = self.rule.penalty
        if cost is not None and cost.points is not None:
            evidence.points, evidence.ledger = (
                cost.points * (sum(occurrence.times for occurrence in occurrences) or 1),
                cost.ledger,
            )
            names["points"] = f"{float(evidence.points):g}"
        return evidence

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        if not self._occurrences(shop, self.key_of(finding)):
            return voided_or(shop, finding.subject, "evidence_arrived")
        return "period_ended" if self.rule.sanction is None else "sanction_ended"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        order, sanction = evidence.names["order"], evidence.names["sanction"]
        about = "It" if order is None else f"Order {order}: it"
        match reason:
            case "voided":
                return f"Order {order} was voided"
            case "evidence_arrived":
                return f"{about} didn't happen, by what is known now"
            case "sanction_ended":
                return f"{sanction} has ended"
            case "period_ended":
                return f"{about} has been shown for its time"
        return ending(reason)

    def sanctions(self, shop: ShopView, state: None, at_ms: int) -> list[ActiveSanction]:
        if self.rule.sanction is None:
            return []
        name, since_ms = self.rule.sanction.name, at_ms - self._lasts_ms
        known = [key for key in self.source.since(shop, since_ms) if key[0] <= at_ms < self._until(key[0])]
        return [
            ActiveSanction(name, key[0], self._until(key[0])) for key in known for _ in self._occurrences(shop, key)
        ]
