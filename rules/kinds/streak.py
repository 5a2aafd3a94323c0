"""Streaks: a ratio that must be kept for several periods in a row."""

from collections.abc import Iterator
from typing import Any, ClassVar

from rules.calendar.days import day_of
from rules.calendar.instants import NEVER
from rules.calendar.schedule import BOUNDARIES, next_boundary
from rules.calendar.windows import Period
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator
from rules.kinds.evidence import percent
from rules.kinds.ratio.as_json import ratio_json, window_json
from rules.kinds.ratio.compiled import Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.spec import uncomputed
from rules.kinds.rule import FieldDiagnostic, Reference
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class Streak(ShopRule, tag="streak", tag_field="kind", kw_only=True, frozen=True):
    """The ratio rule `of` (computed each quarter, say) must be kept `times` periods in a row; then the stage is
    `reached`. `near` once orders lost in this period would break the streak unless more orders come than lately;
    `crossed` if even the orders expected at the pace so far wouldn't be enough."""

    of: str
    times: int
    reached: str

    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"shop", "value", "threshold", "numerator", "denominator", "kept", "times", "period", "headroom"}
    )

    def depends_on(self) -> set[str]:
        return {self.of}

    def references(self) -> Iterator[Reference]:
        yield Reference("of", self.of, "ratio", lambda ratio: uncomputed(ratio, "of"))

    def stages(self) -> tuple[str, ...]:
        return "near", "crossed", self.reached

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        if self.times < 2:
            yield "times", "must be at least 2"
        if self.reached in ("near", "crossed", "active"):
            yield "reached", f"{self.reached} is the name of another stage"

    def compile(self, wiring: Wiring) -> "StreakEvaluator":
        ratio = wiring.evaluator_of(self.of, RatioEvaluator)
        assert ratio is not None
        for version in ratio.versions:
            version.denominator.on_move |= 1 << wiring.n
        wiring.losses()
        return StreakEvaluator(wiring.n, self, ratio)


class StreakEvaluator(Evaluator[Streak, None]):
    """Evaluates a streak rule."""

    def __init__(self, n: int, rule: Streak, ratio: RatioEvaluator) -> None:
        self.n = n
        self.rule = rule
        self.ratio = ratio

    def evaluate(self, shop: ShopView, state: None, at_ms: int) -> Evaluation:
        counter = self.ratio.counter(shop, at_ms)
        if counter is None:
            return Evaluation([], NEVER)
        findings, severity = [], self.rule.severity
        worst = None if counter.idle else counter.running(at_ms)  # as if all open orders were lost, the worst case
        if worst is not None and worst.total and self.ratio.versions[-1].reached(worst) is not None:
            now = Count(worst.period, _lost_in(counter, worst.period), worst.total)
            if (stage := self._lost(now, at_ms)) is not None:
                reason: Reason = "threshold_crossed" if stage == "crossed" else "threshold_near"
                findings.append(Finding(Desired(stage, severity[stage]), reason, episode=now.period.name))
        if self.kept(shop) >= self.rule.times:
            opened = Desired(self.rule.reached, severity[self.rule.reached], tier=self.rule.reached)
            findings.append(Finding(opened, "threshold_crossed"))
        if counter.idle:
            return Evaluation(findings, self.ratio.next_version_ms(at_ms))
        # With lost orders, what is expected at the pace so far shrinks as the period's end comes nearer.
        return Evaluation(findings, next_boundary("day", at_ms, counter.ratio.zone))

    def _now(self, shop: ShopView, at_ms: int) -> Count | None:
        """The current period's count of orders that are lost for certain."""
        counter = self.ratio.counter(shop, at_ms)
        if counter is None:
            return None
        now = _certain(counter, counter.ratio.rule.window.periods(at_ms, counter.ratio.zone)[0])
        return now if now.total else None

    def _lost(self, now: Count, at_ms: int) -> str | None:
        ratio = self.ratio.versions[-1]
        if ratio.reached(now) is None:
            return None
        elapsed = max(1, day_of(at_ms, ratio.zone) - now.period.first + 1)  # the clock may be set back to before it
        ahead = now.period.last - now.period.first + 1 - elapsed
        expected = Count(now.period, now.bad, now.total + now.total * ahead // elapsed)
        return "near" if ratio.reached(expected) is None else "crossed"

    def kept(self, shop: ShopView) -> int:
        """How many periods in a row, up to the last computed, were kept."""
        streak, every = 0, self.ratio.rule.every
        assert every is not None
        expected: int | None = None
        for boundary, found in reversed(self.ratio.computations(shop)):
            first, following = BOUNDARIES[every](day_of(boundary, self.ratio.versions[-1].zone))
            if found.step is not None or (expected is not None and following != expected):
                break
            streak, expected = streak + 1, first
        return streak

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        counter = self.ratio.counter(shop, at_ms)
        details: dict[str, Any] = {"kept": self.kept(shop), "times": self.rule.times}
        names = {**dict.fromkeys(self.rule.NAMES - {"shop"}, "-"), **details}
        if counter is None:
            return Evidence(details, names)
        ratio = counter.ratio
        window = ratio.rule.window
        period = window.named(finding.episode, at_ms, ratio.zone) or window.periods(at_ms, ratio.zone)[0]
        count = _certain(counter, period)
        threshold = ratio.threshold(count)
        names |= {"threshold": percent(threshold), "period": period.name}
        if not count.total:
            return Evidence(details, names, threshold=threshold)
        best, headroom = ratio.numerator(count) / count.total, ratio.headroom(count)
        names |= {
            "value": percent(best),
            "numerator": ratio.numerator(count),
            "denominator": count.total,
            "headroom": headroom,
        }
        details |= {"best_possible": best, "lost": count.bad, "orders": count.total}
        details["window"] = window_json(counter, period)
        return Evidence(details, names, None, best, threshold, headroom)

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        now = self._now(shop, at_ms)
        same = now is not None and finding.episode in ("-", now.period.name)
        return "fell_back" if same else "period_ended"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        names = evidence.names
        kept = f"{names['kept']} of {names['times']} periods kept in a row"
        if evidence.value is None:
            return f"{'Its period is over' if reason == 'period_ended' else 'Back'}: {kept}"
        figures = f"{names['value']} of {names['threshold']}"
        return (
            f"{names['period']} ended at {figures}; {kept}"
            if reason == "period_ended"
            else f"Back at {figures}; {kept}"
        )

    def metric(self, shop: ShopView, state: None, at_ms: int) -> dict[str, Any] | None:
        """The current period so far, and how many before it were kept."""
        counter, now = self.ratio.counter(shop, at_ms), self._now(shop, at_ms)
        if counter is None:
            return None
        period = counter.ratio.rule.window.periods(at_ms, counter.ratio.zone)[0]
        reachable = None if now is None else self._lost(now, at_ms) != "crossed"
        return {
            **ratio_json(counter, counter.sum(period)),
            "kept": self.kept(shop),
            "times": self.rule.times,
            "reachable": reachable,
        }


def _certain(counter: RatioCounter, period: Period) -> Count:
    """A period's count, with the lost orders as the bad ones."""
    return Count(period, _lost_in(counter, period), counter.buckets.of(period))


def _lost_in(counter: RatioCounter, period: Period) -> int:
    """How many of a period's orders can't be made good any more."""
    return sum([facts.shipped is None and facts.cancelled is not None for facts in counter.bad_facts(period)])
