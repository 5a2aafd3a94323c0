"""Forecasts: what ratios and ledgers come to at their next evaluation if nobody ships, and which orders' shipping would
change that."""

from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from heapq import nsmallest
from operator import itemgetter
from typing import Any

from msgspec import Struct

from rules.calendar.days import day_of, start_of_day
from rules.calendar.instants import NEVER, rfc3339
from rules.calendar.schedule import next_boundary
from rules.calendar.windows import Period
from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.ledger.postings import FeedReader
from rules.kinds.money import money_taken
from rules.kinds.ratio.compiled import CompiledRatio, Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.evaluator import RatioEvaluator, window_json
from rules.kinds.ratio.period_results import PeriodResult
from rules.reports.next_deadline import deadlines_ahead, first_ahead
from rules.state.shop import Order, Shop

ORDERS_SHOWN = 50
"""How many orders a list names, the worst first; it always says how many there are."""


STRETCH = 200
"""Orders looked at before the caller may do something else; some 5 ms."""


class Saving(Struct):
    """What shipping one order in time saves: the clauses it keeps from a worse step, money and points. `due_ms` is its
    next deadline (epoch ms); shipping by then also meets its other deadlines up to `then_ms`."""

    due_ms: int
    then_ms: int
    clauses: tuple[str, ...] = ()
    money: dict[str, Decimal] | None = None
    points: dict[str, Decimal] | None = None

    def rank(self) -> tuple[int, Decimal, Decimal, int]:
        """The worst first: most clauses, most points, most money, soonest."""
        return -len(self.clauses), -_sum(self.points), -_sum(self.money), self.due_ms

    def as_json(self, order: Order, at_ms: int) -> dict[str, Any]:
        saves: dict[str, Any] = {"clauses": sorted(self.clauses)}
        if self.money:
            currency, amount = max(self.money.items(), key=lambda each: each[1])
            saves |= {"amount": str(amount), "currency": currency}
        if self.points:
            saves["points"] = {ledger: float(points) for ledger, points in sorted(self.points.items())}
        ahead = deadlines_ahead(order.shop.plan, order.facts, at_ms, at_ms)
        rules = {timer.rule.id for due_ms, timer in ahead if due_ms <= max(self.then_ms, self.due_ms)}
        return {
            "order": order.id,
            "skus": order.facts.skus(),
            "due_at": rfc3339(self.due_ms),
            "rules": sorted(rules),
            "saves": saves,
        }


def _sum(sums: dict[str, Decimal] | None) -> Decimal:
    return sum(sums.values(), Decimal()) if sums else Decimal()


class Outlook:
    """One shop's forecast at a moment, if every open order stays as it is.

    `work` computes it and yields after each stretch of orders, so that the caller can do something else. An order that
    changes meanwhile counts as it was or as it is. The shop's plan must stay the same.
    """

    def __init__(self, shop: Shop, at_ms: int) -> None:
        self.shop = shop
        self.at_ms = at_ms
        #: Orders that may have a deadline ahead: those that are evaluated again some time.
        self._waiting = [order for order in shop.orders.values() if order.next_eval_ms < NEVER]
        self._savings: dict[Order, Saving] = {}
        self.ratios: dict[str, dict[str, Any]] = {}
        self.ledgers: dict[str, dict[str, Any]] = {}
        #: The open orders with a deadline ahead, the worst first, with what shipping each saves; and how many they are.
        self.due: list[dict[str, Any]] = []
        self.due_total = 0

    def work(self) -> Iterator[None]:
        for ratio in self.shop.plan.ratio_evaluators:
            yield from self._ratio(ratio)
        for ledger in self.shop.plan.ledger_evaluators:
            yield from self._ledger(ledger)
        yield from self._list()

    # -- ratios -----------------------------------------------------------------------------------------------

    def _ratio(self, evaluator: RatioEvaluator) -> Iterator[None]:
        counter = evaluator.counter(self.shop, self.at_ms)
        if counter is None or counter.ratio.rule.by is not None:
            return
        ratio = counter.ratio
        then_ms, period = _evaluation(evaluator, counter, self.at_ms)
        count = counter.sum(period)
        ahead = ratio.next_step(counter.sum(period))
        turning_bad: list[Order] = []
        if ratio.bits:  # else no deadline has a say in it
            for stretch in self._changing(then_ms):
                turning_bad += [order for order in stretch if self._move(order, count, ratio, then_ms)]
                yield
        step = ratio.reached(count)
        found: dict[str, Any] = {
            "at": rfc3339(then_ms),
            "value": ratio.numerator(count) / count.total if count.total else None,
            "numerator": ratio.numerator(count),
            "denominator": count.total,
            "stage": None if step is None else step.name,
            "window": window_json(counter, period),
        }
        tips = ahead is not None and ahead.reached(count.bad, count.total)
        if ahead is not None and tips:
            found["needed"] = -ahead.fits(count.bad, count.total)
        worst: list[Order] = []
        for stretch in _stretches(turning_bad):
            for order in stretch:
                self._credit(order, ratio, tips, then_ms)
            worst = nsmallest(ORDERS_SHOWN, [*worst, *stretch], key=self._rank)
            yield
        found["orders"] = [order.id for order in worst]
        found["orders_total"] = len(turning_bad)
        self.ratios[evaluator.rule.id] = found

    def _changing(self, then_ms: int) -> Iterator[list[Order]]:
        """Stretches of the orders of which a deadline rule may say something else by `then_ms`."""
        for stretch in _stretches(self._waiting):
            yield [order for order in stretch if order.next_eval_ms <= then_ms]

    def _move(self, order: Order, count: Count, ratio: CompiledRatio, then_ms: int) -> bool:
        """Counts an order as it will count at `then_ms`. Returns whether it turns bad by then and can still ship."""
        missed, overdue = self.shop.plan.evaluate_timers(order.facts, then_ms, ratio.bits)
        now, then = order.part(ratio), ratio.part(order.facts, missed, overdue)
        count.add(now, -1)
        count.add(then, 1)
        if then is None or not then[1] or (now is not None and now[1]):
            return False
        return count.period.first <= then[0] <= count.period.last and _can_ship(order)

    def _credit(self, order: Order, ratio: CompiledRatio, tips: bool, then_ms: int) -> None:
        """Adds what shipping an order saves in one ratio, if the ratio would otherwise reach another step (`tips`)."""
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
        saving = self._savings.get(order)
        if saving is None and (saving := self._plain_saving(order, then_ms)) is not None:
            self._savings[order] = saving
        return saving

    def _plain_saving(self, order: Order, then_ms: int) -> Saving | None:
        due_ms = first_ahead(self.shop.plan, order.facts, self.at_ms, self.at_ms)
        return None if due_ms is None else Saving(due_ms, then_ms)

    def _rank(self, order: Order) -> tuple[Any, ...]:
        saving = self._savings.get(order)
        return (0, *saving.rank(), order.id) if saving is not None else (1, order.id)

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
        saving = self._saving(order, then_ms) if _can_ship(order) else None
        if saving is not None and reader.feed.points is not None:
            ledger = self._name_of(reader)
            saving.points = saving.points or {}
            saving.points[ledger] = saving.points.get(ledger, Decimal()) + more * reader.feed.points

    def _name_of(self, reader: FeedReader) -> str:
        return next(ledger.rule.ledger for ledger in self.shop.plan.ledger_evaluators if reader in ledger.readers)

    # -- the list -----------------------------------------------------------------------------------------------

    def _list(self) -> Iterator[None]:
        worst: list[tuple[tuple[Any, ...], str, Saving, Order]] = []
        total = 0
        rest = [order for order in self._waiting if order not in self._savings]
        for stretch in _stretches([*self._savings, *rest]):
            for order in stretch:
                saving = self._savings.get(order)
                if saving is None and _can_ship(order):
                    saving = self._plain_saving(order, self.at_ms)
                if saving is not None:
                    total += 1
                    worst.append((saving.rank(), order.id, saving, order))
            worst = nsmallest(ORDERS_SHOWN, worst, key=itemgetter(0, 1))
            yield
        self.due_total = total
        self.due = [saving.as_json(order, self.at_ms) for _, _, saving, order in worst]


def _stretches(orders: list[Order]) -> Iterator[list[Order]]:
    return (orders[first : first + STRETCH] for first in range(0, len(orders), STRETCH))


def _can_ship(order: Order) -> bool:
    """Whether the warehouse still has the parcel: no carrier has had it in hand, whatever was marked as shipped."""
    facts = order.facts
    gone = (facts.collected, facts.scanned, facts.delivered, facts.cancelled, facts.returned)
    return facts.placed is not None and not any(gone)


def _evaluation(evaluator: RatioEvaluator, counter: RatioCounter, at_ms: int) -> tuple[int, Period]:
    """When a ratio is next evaluated (epoch ms), and the period it looks at then. For a ratio computed at boundaries:
    the next boundary whose period has orders. Else the end of the calendar period that has orders now, or the next
    local day for a rolling window."""
    rule, zone = counter.ratio.rule, counter.ratio.zone
    window = rule.window
    if evaluator.periodic is not None:
        boundary = evaluator.periodic.schedule.first_from(at_ms + 1)
        period = window.closed_at(boundary, zone)
        while not counter.sum(period).total and period.last < day_of(at_ms, zone):
            boundary = evaluator.periodic.schedule.first_from(boundary + 1)
            period = window.closed_at(boundary, zone)
        return boundary, period
    if window.align != "rolling":
        counts = counter.counts_at(at_ms)
        period = next((count for count in counts if count.total), counts[0]).period
        return start_of_day(period.last + 1, zone) + window.lag, period
    boundary = next_boundary("day", at_ms, zone)
    return boundary, window.periods(boundary, zone)[0]


def with_forecast(standing: dict[str, Any], shop: Shop, at_ms: int) -> dict[str, Any]:
    """Adds to a standing `forecast` beside each ratio and ledger, and `due`, the orders to ship next, the worst
    first."""
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
    return standing
