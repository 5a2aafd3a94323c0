"""Forecasts: what ratios and ledgers come to at their next evaluation if nothing is shipped (and, of ratios, if the
carriers stay silent too), which orders' shipping would change that, and which parcels wait for their carrier's scan."""

from collections.abc import Callable, Iterator
from copy import copy
from decimal import Decimal
from heapq import nsmallest
from operator import itemgetter
from typing import Any, TypeVar

from rules.calendar.days import day_of, start_of_day
from rules.calendar.instants import NEVER, rfc3339
from rules.calendar.schedule import next_boundary
from rules.calendar.windows import Period
from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.ledger.postings import FeedReader
from rules.kinds.money import money_taken
from rules.kinds.ratio.as_json import window_json
from rules.kinds.ratio.compiled import CompiledRatio, Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.period_results import PeriodResult
from rules.kinds.ratio.steps import Step
from rules.reports.next_deadline import Due, scan_deadlines, ship_deadlines, waits_to_be_shipped
from rules.reports.saving import Saved, Saving
from rules.state.shop import Order, Shop

T = TypeVar("T")

ORDERS_LISTED = 50
"""How many orders a list names, the worst first; it always says how many there are."""


STRETCH = 200
"""Orders looked at before the caller may do something else; some 5 ms."""

RANKED = 2_000
"""Orders ranked before the caller may do something else, which takes less time each."""


def _chase_json(order: Order, due: Due) -> dict[str, Any]:
    """A parcel that waits for its carrier's scan; what names it is null where that isn't known."""
    shipment = due.about.shipment
    return {
        "order": order.id,
        "parcel": due.about.parcel,
        "carrier": shipment.carrier if shipment else None,
        "tracking_no": shipment.tracking_no if shipment else None,
        "skus": order.facts.skus(),
        "due_at": rfc3339(due.at_ms),
        "rules": [due.timer.rule.id],
        "saves": {"clauses": [due.timer.rule.clause]},
    }


class Outlook:
    """One shop's forecast at a moment, if nothing is shipped. Orders that the carrier has go on as they should; what
    comes if their carriers stay silent too is said beside it.

    `work` computes it and yields after each stretch of orders, so that the caller can do something else. An order that
    changes meanwhile counts as it was or as it is. The shop's plan must stay the same. `shown` is how many orders each
    list names.
    """

    def __init__(self, shop: Shop, at_ms: int, shown: int = ORDERS_LISTED) -> None:
        self.shop = shop
        self.at_ms = at_ms
        self._shown = shown
        #: Orders that may wait for something: those that are evaluated again some time, and those past a deadline.
        self._in_memory = [order for order in shop.orders.values() if order.next_eval_ms < NEVER or order.overdue]
        self._waiting: list[Order] = []
        #: Those that wait to be shipped.
        self._savings: dict[Order, Saving] = {}
        self.ratios: dict[str, dict[str, Any]] = {}
        self.ledgers: dict[str, dict[str, Any]] = {}
        #: The orders that wait to be shipped, the worst first, with what shipping each saves; and how many they are.
        self.due: list[dict[str, Any]] = []
        self.due_total = 0
        #: What shipping all of them saves.
        self.saved = Saved()
        #: The parcels that wait for their carrier's scan, by deadline; and how many they are.
        self.chase: list[dict[str, Any]] = []
        self.chase_total = 0

    def work(self) -> Iterator[None]:
        yield from self.find()
        for ratio in self.shop.plan.ratio_evaluators:
            yield from self._ratio(ratio)
        for ledger in self.shop.plan.ledger_evaluators:
            yield from self._ledger(ledger)
        yield from self._list()

    def find(self) -> Iterator[None]:
        """Finds the orders that wait to be shipped, and the parcels that wait for a scan: `chase`. Part of `work`."""
        plan, parcels = self.shop.plan, list[tuple[int, str, str, Order, Due]]()
        for stretch in _stretches(self._in_memory):
            waiting = [order.decoded() for order in stretch]
            self._waiting += waiting
            for order in waiting:
                if to_ship := ship_deadlines(plan, order.facts):
                    due_ms = to_ship[0].at_ms
                    self._savings[order] = Saving(due_ms, due_ms <= self.at_ms, self.at_ms)
                first: dict[str, Due] = {}
                for due in scan_deadlines(plan, order.facts):
                    first.setdefault(due.about.parcel or "", due)
                self.chase_total += len(first)
                parcels += [(due.at_ms, order.id, parcel, order, due) for parcel, due in first.items()]
            if len(parcels) > self._shown + RANKED:
                parcels = _smallest(self._shown, parcels, itemgetter(0, 1, 2))
            yield
        parcels = _smallest(self._shown, parcels, itemgetter(0, 1, 2))
        for n, some in enumerate(_stretches(parcels, ORDERS_LISTED)):
            if n:
                yield
            self.chase += [_chase_json(order, due) for *_, order, due in some]

    # -- ratios -----------------------------------------------------------------------------------------------

    def _ratio(self, evaluator: RatioEvaluator) -> Iterator[None]:
        counter = evaluator.counter(self.shop, self.at_ms)
        if counter is None or counter.ratio.rule.by is not None:
            return
        then_ms, counter, period = _evaluation(evaluator, self.shop, counter, self.at_ms)
        ratio = counter.ratio
        count = counter.sum(period)
        ahead = ratio.next_step(counter.sum(period))
        helped: list[Order] = []
        late_carriers = Count(period)  # what they would add
        if ratio.bits:  # else no deadline has a say in it
            for stretch in _stretches(self._waiting):
                for order in stretch:
                    if order not in self._savings:
                        self._move(order, late_carriers, ratio, then_ms)
                    elif self._move(order, count, ratio, then_ms):
                        helped.append(order)
                yield
        step = ratio.reached(count)
        found = {"at": rfc3339(then_ms), **_as_json(ratio, count), "window": window_json(counter, period)}
        if late_carriers.bad or late_carriers.total:
            silent = Count(period, count.bad + late_carriers.bad, count.total + late_carriers.total)
            found["if_silent"] = _as_json(ratio, silent)
        needed = _needed(ahead, step, count)
        if 0 < needed <= len(helped):  # else shipping alone doesn't do it
            found["needed"] = needed
        worst: list[Order] = []
        for stretch in _stretches(helped):
            for order in stretch:
                self._credit(order, ratio, needed > 0, then_ms)
            worst = nsmallest(ORDERS_LISTED, [*worst, *stretch], key=self._rank)
            yield
        found["orders"] = [order.id for order in worst]
        found["orders_total"] = len(helped)
        self.ratios[evaluator.rule.id] = found

    def _changing(self, then_ms: int) -> Iterator[list[Order]]:
        """Stretches of the orders to ship of which a deadline rule may say something else by `then_ms`."""
        for stretch in _stretches(list(self._savings)):
            yield [order for order in stretch if order.next_eval_ms <= then_ms]

    def _move(self, order: Order, count: Count, ratio: CompiledRatio, then_ms: int) -> bool:
        """Counts an order as it will count at `then_ms`. Returns whether it is bad then and wouldn't be if it was
        shipped at once."""
        then = ratio.part_of(order)
        if order.next_eval_ms <= then_ms:
            missed, overdue = self.shop.plan.evaluate_timers(order.facts, then_ms, ratio.bits)
            count.add(then, -1)
            then = ratio.part(order.facts, missed, overdue)
            count.add(then, 1)
        if then is None or not then[1]:
            return False
        return count.period.first <= then[0] <= count.period.last and not self._is_bad_when_shipped(order, ratio)

    def _is_bad_when_shipped(self, order: Order, ratio: CompiledRatio) -> bool:
        shipped = copy(order.facts)
        shipped.shipped = (self.at_ms, "", "")
        missed, overdue = self.shop.plan.evaluate_timers(shipped, self.at_ms, ratio.bits)
        part = ratio.part(shipped, missed, overdue)
        return part is not None and part[1]

    def _credit(self, order: Order, ratio: CompiledRatio, tips: bool, then_ms: int) -> None:
        """Adds what shipping an order saves in one ratio, if that would otherwise be past a step (`tips`)."""
        saving = self._saving(order, then_ms)
        if saving is None or not tips:
            return
        if ratio.rule.clause not in saving.clauses:
            saving.clauses += (ratio.rule.clause,)
        cost = ratio.cost(ratio.steps[-1].name if ratio.steps else None)
        if cost is None or cost.share is None:
            return
        saving.money = saving.money or {}
        for currency, amount in money_taken(cost, [order.facts], self.shop.facts.profile("currency")).items():
            saving.money[currency] = max(amount, saving.money.get(currency, Decimal()))

    def _saving(self, order: Order, then_ms: int) -> Saving | None:
        """Of an order that waits to be shipped, and counts for what is evaluated at `then_ms`."""
        saving = self._savings.get(order)
        if saving is not None and saving.then_ms == self.at_ms:
            saving.then_ms = then_ms
        return saving

    def _rank(self, order: Order) -> tuple[Any, ...]:
        return (*self._savings[order].rank(), order.id)

    # -- ledgers ----------------------------------------------------------------------------------------------

    def _ledger(self, evaluator: LedgerEvaluator) -> Iterator[None]:
        """Forecasts a ledger's points at its next posting, with the deadlines missed by then and the ratios as
        forecast."""
        rule, shop = evaluator.rule, self.shop
        boundaries: list[str] = [
            reader.ratio.rule.every for reader in evaluator.readers if reader.ratio and reader.ratio.rule.every
        ]
        if rule.posts != "at_once":
            boundaries.append(rule.posts)
        elif not boundaries or any(
            source.slot is not None for reader in evaluator.readers for source in reader.sources
        ):
            boundaries.append("day")  # orders may bring points at any time
        then_ms = min(next_boundary(each, self.at_ms, evaluator.zone) for each in boundaries)
        then = copy(shop)
        then.timelines = [timeline.copy() for timeline in shop.timelines]
        then.states = list(shop.states)
        for reader in evaluator.readers:
            yield from self._foresee(then, reader, then_ms)
        balance = evaluator.balance(then, then_ms)
        tiers = [tier.name for tier, from_ms, _, _ in balance.sanctions if from_ms > self.at_ms]
        points, tier = float(balance.points), tiers[-1] if tiers else None
        self.ledgers[rule.ledger] = {"at": rfc3339(then_ms), "points": points, "tier": tier}

    def _foresee(self, then: Shop, reader: FeedReader, then_ms: int) -> Iterator[None]:
        """Adds to `then`, a copy of the shop, what a feed will count at `then_ms`."""
        if reader.ratio is not None:
            found = self.ratios.get(reader.ratio.rule.id)
            if found is not None and found["at"] == rfc3339(then_ms) and found["denominator"]:
                good = reader.ratio.rule.good
                bad = found["denominator"] - found["numerator"] if good else found["numerator"]
                result = PeriodResult("-", bad, found["denominator"], found["stage"])
                then.states[reader.ratio.n] = then.states[reader.ratio.n].foreseen(then_ms, result)
            return
        for source in reader.sources:
            if source.slot is not None:
                for stretch in self._changing(then_ms):
                    for order in stretch:
                        self._foresee_instants(then, reader, source.slot, then_ms, order)
                    yield

    def _foresee_instants(self, then: Shop, reader: FeedReader, slot: int, then_ms: int, order: Order) -> None:
        missed, _ = self.shop.plan.evaluate_timers(order.facts, then_ms)
        instants = self.shop.plan.extractors[slot].instants(order.facts, missed, then_ms)
        more = len(instants) - len(self.shop.timelines[slot].by_order.get(order.id, ()))
        if more <= 0:
            return
        then.timelines[slot].put(order.id, instants)
        saving = self._saving(order, then_ms)
        if saving is not None and reader.feed.points is not None:
            ledger = self._name_of(reader)
            saving.points = saving.points or {}
            saving.points[ledger] = saving.points.get(ledger, Decimal()) + more * reader.feed.points

    def _name_of(self, reader: FeedReader) -> str:
        return next(ledger.rule.ledger for ledger in self.shop.plan.ledger_evaluators if reader in ledger.readers)

    # -- the list -----------------------------------------------------------------------------------------------

    def _list(self) -> Iterator[None]:
        worst: list[tuple[tuple[Any, ...], Order]] = []
        for n, stretch in enumerate(_stretches(list(self._savings), RANKED)):
            if n:
                yield
            waiting = [order for order in stretch if waits_to_be_shipped(order.facts)]  # not shipped meanwhile
            self.due_total += len(waiting)
            for order in waiting:
                self.saved.add(self._savings[order])
            ranked = [(self._rank(order), order) for order in waiting]
            worst = _smallest(self._shown, worst + ranked, itemgetter(0))
        for n, some in enumerate(_stretches(worst, ORDERS_LISTED)):
            if n:
                yield
            self.due += [self._savings[order].as_json(order) for _, order in some]


def _as_json(ratio: CompiledRatio, count: Count) -> dict[str, Any]:
    step = ratio.reached(count)
    return {
        "value": ratio.numerator(count) / count.total if count.total else None,
        "numerator": ratio.numerator(count),
        "denominator": count.total,
        "stage": None if step is None else step.name,
    }


def _smallest(count: int, items: list[T], key: Callable[[T], Any]) -> list[T]:
    """The first ones by a key. `nsmallest` is quick only for few of many; and most of a long list is sorted already."""
    return nsmallest(count, items, key=key) if 20 * count < len(items) else sorted(items, key=key)[:count]


def _stretches(orders: list[T], length: int | None = None) -> Iterator[list[T]]:
    """`STRETCH` orders at a time, or another number."""
    length = length or STRETCH
    return (orders[first : first + length] for first in range(0, len(orders), length))


def _needed(ahead: Step | None, reached: Step | None, count: Count) -> int:
    """How many bad orders must become good ones so that a ratio doesn't reach the step `ahead` of it, or else comes
    back under the step that it has `reached`; 0 if none need to, also where it is only near its threshold."""
    if ahead is not None and ahead.reached(count.bad, count.total):
        return -ahead.fits(count.bad, count.total)
    return 0 if reached is None or reached.name == "near" else -reached.fits(count.bad, count.total)


def _evaluation(
    evaluator: RatioEvaluator, shop: Shop, counter: RatioCounter, at_ms: int
) -> tuple[int, RatioCounter, Period]:
    """When a ratio is next evaluated (epoch ms), the counter of the version in force then, and the period it looks at.
    For a ratio computed at boundaries: the next boundary whose period has orders. Else the end of the calendar period
    that has orders now, or the next local day for a rolling window."""
    rule, zone = counter.ratio.rule, counter.ratio.zone
    window = rule.window
    if evaluator.periodic is not None:
        boundary = at_ms
        while True:
            boundary = evaluator.periodic.schedule.first_from(boundary + 1)
            then = evaluator.counter(shop, boundary) or counter
            period = then.ratio.rule.window.closed_at(boundary, zone)
            if then.sum(period).total or period.last >= day_of(at_ms, zone):
                return boundary, then, period
    if window.align != "rolling":
        counts = counter.counts_at(at_ms)
        period = next((count for count in counts if count.total), counts[0]).period
        return start_of_day(period.last + 1, zone) + window.lag, counter, period
    boundary = next_boundary("day", at_ms, zone)
    counter = evaluator.counter(shop, boundary) or counter
    return boundary, counter, counter.ratio.rule.window.periods(boundary, zone)[0]


def with_forecast(standing: dict[str, Any], shop: Shop, at_ms: int) -> dict[str, Any]:
    """Adds to a standing `forecast` beside each ratio and ledger, `due`, the orders to ship next, the worst
    first, and `chase`, the parcels that wait for their carrier's scan."""
    outlook = Outlook(shop, at_ms)
    for _ in outlook.work():
        pass
    return add_forecast(standing, outlook)


def add_forecast(standing: dict[str, Any], outlook: Outlook) -> dict[str, Any]:
    """`with_forecast`, from an outlook that has been computed already."""
    for evaluator in outlook.shop.plan.evaluators:
        found = outlook.ratios.get(evaluator.rule.id)
        metric = standing["metrics"].get(evaluator.rule.clause)
        if found is not None and metric is not None:
            target = metric.get("others", {}).get(evaluator.rule.id, metric)
            target.setdefault("forecast", found)
    for name, found in outlook.ledgers.items():
        standing["ledgers"][name]["forecast"] = found
    standing |= {"due": outlook.due, "due_total": outlook.due_total}
    return standing | {"chase": outlook.chase, "chase_total": outlook.chase_total}
