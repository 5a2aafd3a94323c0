"""Evaluates a ratio rule: continuously, at boundaries, or split by reason."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from rules.calendar.days import start_of_day
from rules.calendar.instants import MIN_MS, NEVER
from rules.calendar.windows import Period
from rules.facts.order_facts import OrderFacts
from rules.kinds.endings import ending
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator
from rules.kinds.evidence import ORDERS_SHOWN, percent
from rules.kinds.money import money_taken
from rules.kinds.ratio.as_json import computed_json, ratio_json, window_json
from rules.kinds.ratio.compiled import CompiledRatio, Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.figure_limits import FigureLimits
from rules.kinds.ratio.period_results import PeriodResult, RuleResults
from rules.kinds.ratio.periodic import PeriodicRatio
from rules.kinds.ratio.sanctions import sanctions
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.ratio.steps import Step
from rules.kinds.rule import ALWAYS
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason
from rules.messages.figures import Figures


class RatioEvaluator(Evaluator[RatioSpec, Any]):
    """One ratio rule with all its versions."""

    def __init__(self, n: int, versions: Sequence[CompiledRatio]) -> None:
        self.n = n
        self.rule: RatioSpec = versions[-1].rule
        self.versions = versions
        self.takes_money = any(ratio.rule.takes_money() for ratio in versions)
        self.figures_are_cheap = self.rule.by is None and not self.rule.takes_money()
        self.periodic = None if self.rule.every is None else PeriodicRatio(versions)
        self._in_force = [(ratio.effective, ratio.n) for ratio in versions]
        #: The position of the only version, if it is always in force.
        self._only = versions[0].n if len(versions) == 1 and versions[0].effective == ALWAYS else None
        bounds = {at for ratio in versions for at in (ratio.effective.from_ms, ratio.effective.to_ms)}
        self._bounds_ms = sorted(bounds - {MIN_MS, NEVER})

    def new_state(self) -> Any:
        return None if self.periodic is None else RuleResults(self.rule.id)

    def counter(self, shop: ShopView, at_ms: int) -> RatioCounter | None:
        """Published: the orders counted for the version in force at a moment."""
        if self._only is not None:
            only: RatioCounter = shop.counters[self._only]
            return only
        for effective, slot in self._in_force:
            if effective.at(at_ms):
                counter: RatioCounter = shop.counters[slot]
                return counter
        return None

    def next_version_ms(self, at_ms: int) -> int:
        """When another version comes into force, or the last one ends (epoch ms); `NEVER` where there is only one."""
        n = bisect_right(self._bounds_ms, at_ms)
        return self._bounds_ms[n] if n < len(self._bounds_ms) else NEVER

    # -- evaluation -----------------------------------------------------------------------------------------

    def evaluate(self, shop: ShopView, state: Any, at_ms: int) -> Evaluation:
        counter = self.counter(shop, at_ms)
        next_ms = self.next_version_ms(at_ms)
        if counter is None or not counter.ratio.steps:
            return Evaluation([], next_ms)
        next_ms = min(next_ms, counter.advance(at_ms))
        if self.periodic is None:
            return Evaluation(self._findings(shop, counter, at_ms), next_ms)
        changed, boundary = self.periodic.compute(shop, state, at_ms), state.next_ms
        following = self.counter(shop, boundary)
        if following is not None and following is not counter:
            next_ms = min(next_ms, following.advance(at_ms))
        findings = self._computed_findings(shop, state, counter, following, at_ms)
        return Evaluation(findings, min(next_ms, boundary), changed)

    def _findings(self, shop: ShopView, counter: RatioCounter, at_ms: int) -> list[Finding]:
        findings: list[Finding] = []
        if counter.idle or (counter.ratio.rule.by is None and not counter.staged):
            return findings  # as most of the time
        for count in counter.counts:
            for subject, part in self._split(shop, counter, count, at_ms):
                found = counter.ratio.evaluate(part)
                if found is not None:
                    findings.append(Finding(*found, subject, count.period.name))
        return findings

    def _split(self, shop: ShopView, counter: RatioCounter, count: Count, at_ms: int) -> Iterator[tuple[str, Count]]:
        """The parts of a count that are evaluated each by itself."""
        rule = counter.ratio.rule
        if rule.by is None:
            yield "-", count
            return
        for subject, bad in sorted(self._reasons(counter, count).items()):
            yield subject, Count(count.period, bad, count.total)

    def _reasons(self, counter: RatioCounter, count: Count) -> Counter[str]:
        reasons = (facts.cancelled_for for facts in counter.bad_facts(count.period))
        return Counter(reason for reason in reasons if reason in counter.ratio.rule.of)

    def _part(self, shop: ShopView, counter: RatioCounter, count: Count, subject: str, at_ms: int) -> Count:
        """The part of a count for a subject."""
        parts = dict(self._split(shop, counter, count, at_ms))
        return parts.get(subject, Count(count.period, 0, count.total))

    def _shown_of(
        self, shop: ShopView, counter: RatioCounter, count: Count, finding: Finding, at_ms: int
    ) -> dict[str, Any]:
        """Evidence of a part: its reason, among the others."""
        return {"reason": finding.subject, "mix": dict(sorted(self._reasons(counter, count).items()))}

    def _computed_findings(
        self, shop: ShopView, state: RuleResults, counter: RatioCounter, following: RatioCounter | None, at_ms: int
    ) -> list[Finding]:
        """Of a rolling window the step that was computed last; where it reached none, whether the `following`
        computation would. A calendar period is evaluated while it lasts."""
        if counter.ratio.rule.window.align != "rolling":
            return self._findings(shop, counter, at_ms)
        newest = self._newest(state, at_ms)
        ratio = counter.ratio
        step = next((step for step in ratio.steps if newest is not None and step.name == newest[1].step), None)
        if step is not None:
            return [Finding(ratio.open(step), "threshold_crossed")]
        if following is not None and following.staged:
            return [Finding(Desired("near", following.ratio.rule.severity["near"]), "threshold_near")]
        return []

    def _ahead(self, shop: ShopView, at_ms: int) -> tuple[RatioCounter, Count] | None:
        """The count so far of the next computation from a rolling window, and the counter of the version in force then;
        None where there is no such computation."""
        following = self._following(shop, at_ms)
        count = None if following is None else following.next_period_count(at_ms)
        return None if following is None or count is None else (following, count)

    def _following(self, shop: ShopView, at_ms: int) -> RatioCounter | None:
        """The counter of the version in force at the next computation from a rolling window; None where there is no
        such computation."""
        if self.periodic is None:
            return None
        then_ms = at_ms if self._only is not None else self.periodic.schedule.next_after(at_ms)
        following = self.counter(shop, then_ms)
        return following if following is not None and following.ratio.computes_ahead else None

    def _until_boundary(
        self, shop: ShopView, counter: RatioCounter, newest: tuple[int, PeriodResult] | None, at_ms: int
    ) -> tuple[RatioCounter, Count] | None:
        """What it stands at until the next computation from a rolling window: the `newest` result, or the count so far
        where there is none. None where there is no such computation."""
        if newest is None:
            return self._ahead(shop, at_ms)
        return None if self._following(shop, at_ms) is None else self._as_count(shop, counter, *newest)

    def _newest(self, state: RuleResults | None, at_ms: int) -> tuple[int, PeriodResult] | None:
        """The result at the last boundary, with that (epoch ms); None if there was nothing to compute."""
        return None if self.periodic is None or state is None else self.periodic.newest(state, at_ms)

    def computations(self, shop: ShopView) -> list[tuple[int, PeriodResult]]:
        """Published: what was computed at which boundary (epoch ms), oldest first."""
        return [] if self.periodic is None else self.periodic.computations(shop.states[self.n])

    def _computed_for(
        self, shop: ShopView, counter: RatioCounter, at_ms: int, period: str
    ) -> tuple[RatioCounter, Count] | None:
        """The last result for a period, as a count, and the counter of the version it is by."""
        found = [each for each in self.computations(shop) if each[0] <= at_ms and each[1].period == period]
        return self._as_count(shop, counter, *found[-1]) if found else None

    def _as_count(
        self, shop: ShopView, counter: RatioCounter, boundary: int, found: PeriodResult
    ) -> tuple[RatioCounter, Count]:
        then = self.counter(shop, boundary) or counter
        return then, Count(then.ratio.closed_at(boundary), found.bad, found.total)

    def figures(self, shop: ShopView, state: Any, finding: Finding, at_ms: int) -> Figures:
        if self.rule.by is not None or self.rule.takes_money():
            return super().figures(shop, state, finding, at_ms)
        counter = self.counter(shop, at_ms)
        counted = None if counter is None else self._count_of(shop, counter, finding, at_ms)
        if counted is None:
            return Figures()
        ratio, count = counted[0].ratio, counted[1]
        step = self._step_ahead(ratio, count, finding)
        value = ratio.numerator(count) / count.total if count.total else None
        return Figures(value, None if step is None else step.fits(count.bad, count.total))

    def watch_figures(self, shop: ShopView, state: Any, emitted: Iterable[tuple[Finding, Figures]], at_ms: int) -> bool:
        if self.rule.by is not None:
            return True  # one that is split is evaluated at each change
        following = self._following(shop, at_ms)
        counter = following or self.counter(shop, at_ms)
        if counter is None or (
            following is None and self.rule.every is not None and self.rule.window.align == "rolling"
        ):
            return False  # its last version ends before the next computation
        limits: dict[Period, FigureLimits] = {}
        for finding, figures in emitted:
            if following is not None and finding.open.stage != "near":
                # It stands as it was computed, but for the money of the orders of then.
                counter.watch_figures({})
                return not counter.ratio.rule.takes_money()
            for count in counter.counts:
                if count.period.name == finding.episode:
                    limits[count.period] = self._limits(counter.ratio, count, finding, figures)
        counter.watch_figures(limits)
        return True

    def _limits(self, ratio: CompiledRatio, count: Count, finding: Finding, figures: Figures) -> FigureLimits:
        cost = ratio.cost(finding.open.stage)
        bad = None if cost is None or cost.share is None else count.bad
        return FigureLimits(figures, self._step_ahead(ratio, count, finding), self.rule.good, bad)

    def _step_ahead(self, ratio: CompiledRatio, count: Count, finding: Finding) -> Step | None:
        """The step that an alert's headroom is to. What is near is the first step, even where the next computation
        would find it passed."""
        return ratio.steps[0] if ratio.steps and finding.open.stage == "near" else ratio.next_step(count)

    # -- evidence and figures ---------------------------------------------------------------------------------

    def evidence(self, shop: ShopView, state: Any, finding: Finding, at_ms: int) -> Evidence:
        counter = self.counter(shop, at_ms)
        counted = None if counter is None else self._count_of(shop, counter, finding, at_ms)
        if counted is None:
            blank = dict.fromkeys(self.rule.NAMES - {"shop"}, "-")
            return Evidence(
                {"period": finding.episode}, {**blank, "period": finding.episode, "subject": finding.subject}
            )
        return self._evidence(shop, state, *counted, finding, at_ms)

    def _count_of(
        self, shop: ShopView, counter: RatioCounter, finding: Finding, at_ms: int
    ) -> tuple[RatioCounter, Count] | None:
        """The count that an alert is about, and the counter of the version that it goes by; None once its orders may
        have expired."""
        ratio = counter.ratio
        newest = None if finding.open.stage == "near" else self._newest(shop.states[self.n], at_ms)
        if (standing := self._until_boundary(shop, counter, newest, at_ms)) is not None:
            return standing
        period = ratio.named(finding.episode, at_ms)
        if period is None:
            return None
        count = counter.current_count(period)
        if count is None and (computed := self._computed_for(shop, counter, at_ms, period.name)) is not None:
            return computed
        if period.name != "-" and start_of_day(period.first, ratio.zone) < shop.retained_from_ms:
            return None
        count = count or counter.sum(period)
        return counter, count if ratio.rule.by is None else self._part(shop, counter, count, finding.subject, at_ms)

    def _evidence(
        self, shop: ShopView, state: Any, counter: RatioCounter, count: Count, finding: Finding, at_ms: int
    ) -> Evidence:
        ratio = counter.ratio
        rule = ratio.rule
        shown, number, bad_facts = _bad(counter, count.period, finding.subject if rule.by == "reason" else None)
        cure = rule.of.get(finding.subject)  # type: ignore[call-overload]
        cost = ratio.cost(finding.open.stage)
        details: dict[str, Any] = {
            "numerator": ratio.numerator(count),
            "denominator": count.total,
            "window": window_json(counter, count.period),
            "orders": shown,
            "orders_total": number,
        }
        newest = self._newest(state, at_ms)
        if newest is not None:
            details["computed"] = computed_json(ratio, *newest)
        if rule.by is not None:
            details |= self._shown_of(shop, counter, count, finding, at_ms)
        value = ratio.numerator(count) / count.total if count.total else None
        step = self._step_ahead(ratio, count, finding)
        threshold, headroom = ratio.share(step), None if step is None else step.fits(count.bad, count.total)
        names = {
            "value": percent(value),
            "numerator": ratio.numerator(count),
            "denominator": count.total,
            "threshold": percent(threshold),
            "headroom": headroom,
            "period": count.period.name,
            "subject": cure.name if cure else finding.subject,
            "effect": cost.effect if cost and cost.effect else "-",
        }
        return Evidence(
            details,
            names,
            value=value,
            threshold=threshold,
            headroom=headroom,
            cost=cost,
            money=money_taken(cost, bad_facts, shop.facts.profile("currency")),
            actions=cure.actions if cure else (),
        )

    def end_reason(self, shop: ShopView, state: Any, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        counter = self.counter(shop, at_ms)
        if counter is None:
            return "no_longer_applies"
        periods = counter.ratio.periods(at_ms)
        return "fell_back" if any(each.name == finding.episode for each in periods) else "period_ended"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        names = evidence.names
        if evidence.value is None:
            return "No order counts any more" if reason == "fell_back" else ending(reason)
        figures = f"at {names['value']}"
        if evidence.threshold is not None:
            figures += f" of {names['threshold']}"
        figures += f": {names['numerator']} of {names['denominator']} orders"
        if self.rule.by is not None:
            figures += f" ({names['subject']})"
        return f"{names['period']} ended {figures}" if reason == "period_ended" else f"Back {figures}"

    def sanctions(self, shop: ShopView, state: Any, at_ms: int) -> list[ActiveSanction]:
        counter = self.counter(shop, at_ms)
        return [] if counter is None else list(sanctions(shop, counter, at_ms))

    def metric(self, shop: ShopView, state: Any, at_ms: int) -> dict[str, Any] | None:
        counter, found = self.counter(shop, at_ms), self._measure(shop, state, at_ms)
        if counter is None or found is None:
            return None
        metric = ratio_json(*found[:2])
        if counter.ratio.rule.by is not None:
            metric["by"] = {subject: part.bad for subject, part in found[2].items()}
        if (newest := self._newest(state, at_ms)) is not None:
            metric["computed"] = computed_json(counter.ratio, *newest)
        if (ahead := self._ahead(shop, at_ms)) is not None:
            metric["next"] = ratio_json(*ahead)
        return metric

    def measured(self, shop: ShopView, at_ms: int) -> tuple[RatioCounter, Count] | None:
        """Published: the count whose figures its metric has, and the counter of the version that it is by."""
        found = self._measure(shop, shop.states[self.n], at_ms)
        return None if found is None else found[:2]

    def _measure(self, shop: ShopView, state: Any, at_ms: int) -> tuple[RatioCounter, Count, dict[str, Count]] | None:
        """The count that a standing shows, its counter, and the parts that it is the largest of, if it is split."""
        counter = self.counter(shop, at_ms)
        if counter is None:
            return None
        newest = self._newest(state, at_ms)
        if (standing := self._until_boundary(shop, counter, newest, at_ms)) is not None:
            return *standing, {}
        counts = counter.counts_at(at_ms)
        # A period that has just begun has no orders yet; then the one before it is shown.
        count = next((each for each in counts if each.total), None)
        if count is None:
            closed = self._closed(shop, counter, counts[-1], newest)
            count = next((each for each in closed if each.total), counts[0])
        if counter.ratio.rule.by is None:
            return counter, count, {}
        parts = dict(self._split(shop, counter, count, at_ms))
        largest = max(parts.values(), key=lambda part: part.bad, default=Count(count.period, 0, count.total))
        return counter, largest, parts

    def _closed(
        self, shop: ShopView, counter: RatioCounter, count: Count, newest: tuple[int, PeriodResult] | None
    ) -> list[Count]:
        """The calendar period before this one: as it was computed, once it was."""
        rule = counter.ratio.rule
        if rule.every is None or rule.window.align == "rolling":
            return []
        before = rule.window.before(count.period)
        if newest is not None and newest[1].period == before.name:
            return [self._as_count(shop, counter, *newest)[1]]
        return [counter.sum(before)]


def _bad(counter: RatioCounter, period: Period, reason: str | None) -> tuple[list[str], int, Iterable[OrderFacts]]:
    """The bad orders of a period (cancelled for one reason only, if it is given): the first of them, how many they are,
    and their facts."""
    orders = counter.bad_orders(period)
    if reason is None:  # then only those shown need to be put in order, or looked at
        return [order for order, _ in islice(orders, ORDERS_SHOWN)], counter.bad_in(period), counter.bad_facts(period)
    bad = [each for each in orders if each[1].cancelled_for == reason]
    return [order for order, _ in bad[:ORDERS_SHOWN]], len(bad), [facts for _, facts in bad]
