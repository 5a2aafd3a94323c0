"""Ratios of disputes, evaluated provider by provider."""

from collections.abc import Iterator
from typing import Any, ClassVar

from rules.calendar.days import start_of_day
from rules.calendar.instants import rfc3339
from rules.calendar.windows import Period
from rules.facts.shop_facts import Entry, until
from rules.kinds.evaluation import Evaluation, Finding
from rules.kinds.evidence import ORDERS_SHOWN
from rules.kinds.nothing import NOTHING
from rules.kinds.ratio.compiled import Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator

CAUSES = ("not_shipped", "other", "")
"""What a dispute may be about; empty if it isn't stated."""


class DisputeCounts:
    """A shop's disputes: the providers by their number of disputes in each period, and the stage that such a number had
    when it was last compared with the orders."""

    __slots__ = ("numbers", "providers", "stages")

    def __init__(self) -> None:
        self.numbers: dict[str, dict[Period, int]] = NOTHING
        self.providers: dict[tuple[Period, int], dict[str, None]] = NOTHING
        self.stages: dict[tuple[Period, int], str | None] = NOTHING

    def remove(self, provider: str) -> None:
        """Removes a provider, whose disputes are counted anew."""
        for each in self.numbers.pop(provider, {}).items():
            alike = self.providers[each]
            del alike[provider]
            if not alike:
                del self.providers[each], self.stages[each]

    def add(self, provider: str, period: Period, number: int, stage: str | None) -> None:
        """Adds a provider's number of disputes in a period."""
        if not number:
            return
        if not self.numbers:
            self.numbers, self.providers, self.stages = {}, {}, {}
        self.numbers.setdefault(provider, {})[period] = number
        self.providers.setdefault((period, number), {})[provider] = None
        self.stages[period, number] = stage


class DisputeEvaluator(RatioEvaluator, SubjectEvaluator[RatioSpec, Any]):
    """A ratio rule by provider. All providers have the same denominator; when it changes, only those providers are
    evaluated again whose number of disputes comes to another stage."""

    figures_by_key: ClassVar[bool] = False  # they have one denominator

    def new_state(self) -> DisputeCounts:
        return DisputeCounts()

    def evaluate(self, shop: ShopView, state: DisputeCounts, at_ms: int) -> Evaluation:
        return SubjectEvaluator.evaluate(self, shop, state, at_ms)

    def changed_keys(self, shop: ShopView, state: DisputeCounts, at_ms: int) -> Iterator[str]:
        """The providers whose number of disputes has come to another stage, because the denominator has changed."""
        counter = self.counter(shop, at_ms)
        if counter is None:
            return
        counter.advance(at_ms)
        totals = {count.period: count.total for count in counter.counts}
        for (period, number), stage in state.stages.items():
            total = totals.get(period)
            if total is None or counter.ratio.stage(number, total) != stage:
                yield from state.providers[period, number]

    def keys(self, shop: ShopView) -> list[str]:
        return [_provider(entry) for entry in shop.facts.of("dispute.opened")]

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[str]:
        return [_provider(entry)]

    def evaluate_key(self, shop: ShopView, state: DisputeCounts, key: str, at_ms: int) -> Evaluation:
        counter, next_eval_ms = self.counter(shop, at_ms), self.next_version_ms(at_ms)
        state.remove(key)
        if counter is None or not counter.ratio.steps:
            return Evaluation([], next_eval_ms)
        ahead = [shop.facts.next_about("dispute.opened", (key, cause), at_ms) for cause in CAUSES]
        next_eval_ms = min([next_eval_ms, counter.advance(at_ms), *(at for at in ahead if at is not None)])
        desired: list[Finding] = []
        for count in counter.counts:
            part = Count(count.period, _number(shop, counter, count.period, key, at_ms), count.total)
            found = counter.ratio.evaluate(part)
            if found is not None:
                desired.append(Finding(*found, key, count.period.name))
            state.add(key, count.period, part.bad, None if found is None else found[0].stage)
        return Evaluation(desired, next_eval_ms)

    def _split(self, shop: ShopView, counter: RatioCounter, count: Count, at_ms: int) -> Iterator[tuple[str, Count]]:
        for provider in sorted(set(self.keys(shop))):
            part = self._part(shop, counter, count, provider, at_ms)
            if part.bad:
                yield provider, part

    def _part(self, shop: ShopView, counter: RatioCounter, count: Count, subject: str, at_ms: int) -> Count:
        return Count(count.period, _number(shop, counter, count.period, subject, at_ms), count.total)

    def _shown_of(
        self, shop: ShopView, counter: RatioCounter, count: Count, finding: Finding, at_ms: int
    ) -> dict[str, Any]:
        """Evidence: the provider, and its newest disputes."""
        entries = [shop.facts.about("dispute.opened", (finding.subject, cause)) for cause in CAUSES]
        stamps = sorted(entry.stamp() for each in entries for entry in each[: until(each, at_ms)][-ORDERS_SHOWN:])
        disputes = [{"at": rfc3339(at), "source": by, "event": event} for at, by, event in stamps[-ORDERS_SHOWN:]]
        return {"provider": finding.subject, "disputes": disputes}


def _provider(entry: Entry) -> str:
    return entry.data.provider or "-"


def _number(shop: ShopView, counter: RatioCounter, period: Period, provider: str, at_ms: int) -> int:
    """How many disputes with a provider, of the rule's cause, were opened in a period."""
    zone, cause = counter.ratio.zone, counter.ratio.rule.disputes
    entries = shop.facts.about("dispute.opened", (provider, cause or ""))
    to_ms = min(start_of_day(period.last + 1, zone) - 1, at_ms)
    return max(until(entries, to_ms) - until(entries, start_of_day(period.first, zone) - 1), 0)
