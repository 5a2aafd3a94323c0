"""Forecasts: what ratios and ledgers come to at their next evaluation if nobody ships, and the orders whose shipping
would change it."""

from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from typing import Any

from msgspec import Struct

from rules.calendars import day_of, start_of_day
from rules.due import deadlines_ahead
from rules.instants import NEVER, rfc3339
from rules.kinds.computing import Computed
from rules.kinds.feeds import FeedReader
from rules.kinds.ledger import LedgerJudge
from rules.kinds.ratio import Count, Gauge, money_taken
from rules.kinds.ratio_judge import RatioJudge, window_json
from rules.kinds.tally import Tally
from rules.watch import Order, Shop
from rules.windows import Period, next_border

ORDERS_SHOWN = 50
"""How many orders a list names, the worst first; it always says how many there are."""


class Saving(Struct):
    """What shipping one order in time saves: clauses it keeps from getting worse, money and points."""

    due_ms: int
    rules: set[str]
    clauses: set[str]
    money: dict[str, Decimal]
    points: dict[str, Decimal]

    def rank(self) -> tuple[int, Decimal, Decimal, int]:
        """The worst first: most clauses, most points, most money, soonest."""
        points, money = sum(self.points.values(), Decimal()), sum(self.money.values(), Decimal())
        return -len(self.clauses), -points, -money, self.due_ms

    def as_json(self, order: Order) -> dict[str, Any]:
        saves: dict[str, Any] = {"clauses": sorted(self.clauses)}
        if self.money:
            currency, amount = max(self.money.items(), key=lambda each: each[1])
            saves |= {"amount": str(amount), "currency": currency}
        if self.points:
            saves["points"] = {ledger: float(points) for ledger, points in sorted(self.points.items())}
        return {
            "order": order.id,
            "skus": order.facts.skus(),
            "due_at": rfc3339(self.due_ms),
            "rules": sorted(self.rules),
            "saves": saves,
        }


class Outlook:
    """One shop's forecast at a moment, everything left to be: each open order stays as it is."""

    def __init__(self, shop: Shop, at_ms: int) -> None:
        self.shop = shop
        self.at_ms = at_ms
        waiting = [order for order in shop.orders.values() if order.armed_ms < NEVER]  # all others have no turn to come
        #: Orders that may have a deadline ahead, and when the first of them falls, or before.
        self._turns = [(order.turn_ms, order) for order in waiting if order.turn_ms < NEVER]
        self.savings: dict[str, Saving] = {}
        self._judged: dict[tuple[str, int], tuple[int, int]] = {}
        self.ratios = {
            judge.rule.id: found
            for judge in shop.plan.judges
            if isinstance(judge, RatioJudge) and (found := self._ratio(judge)) is not None
        }
        self.ledgers = {
            judge.rule.ledger: self._ledger(judge) for judge in shop.plan.judges if isinstance(judge, LedgerJudge)
        }

    # -- ratios -----------------------------------------------------------------------------------------------

    def _ratio(self, judge: RatioJudge) -> dict[str, Any] | None:
        tally = judge.tally(self.shop, self.at_ms)
        if tally is None or tally.gauge.rule.by is not None:
            return None
        gauge = tally.gauge
        then_ms, period = _evaluation(judge, tally, self.at_ms)
        count, turning = self._count_then(tally, period, then_ms)
        step = gauge.reached(count)
        found: dict[str, Any] = {
            "at": rfc3339(then_ms),
            "value": gauge.numerator(count) / count.total if count.total else None,
            "numerator": gauge.numerator(count),
            "denominator": count.total,
            "stage": None if step is None else step.name,
            "window": window_json(tally, period),
        }
        ahead = gauge.next_step(tally.sum(period))
        if ahead is not None and ahead.reached(count.bad, count.total):
            found["needed"] = -ahead.fits(count.bad, count.total)
        for order in turning:
            self._credit(order, gauge, "needed" in found, then_ms)
        found["orders"] = [order.id for order in sorted(turning, key=lambda order: self._rank(order))[:ORDERS_SHOWN]]
        found["orders_total"] = len(turning)
        return found

    def _count_then(self, tally: Tally, period: Period, then_ms: int) -> tuple[Count, list[Order]]:
        """The count at a moment to come, and the orders that will have turned bad by then."""
        count = tally.sum(period)
        turning: list[Order] = []
        if not tally.gauge.bits:
            return count, turning  # no deadline has a say in it
        for order in self._changing(then_ms):
            missed, overdue = self._judged_at(order, then_ms)
            now, then = order.part(tally.gauge), tally.gauge.part(order.facts, missed, overdue)
            count.add(now, -1)
            count.add(then, 1)
            inside = then is not None and period.first <= then[0] <= period.last
            if then is not None and inside and then[1] and not (now is not None and now[1]) and _can_ship(order):
                turning.append(order)
        return count, turning

    def _changing(self, then_ms: int) -> Iterator[Order]:
        """The orders of which a deadline rule may say something else by a moment to come."""
        return (order for turn_ms, order in self._turns if turn_ms <= then_ms)

    def _judged_at(self, order: Order, then_ms: int) -> tuple[int, int]:
        key = (order.id, then_ms)
        if key not in self._judged:
            self._judged[key] = self.shop.plan.judged_at(order.facts, then_ms)
        return self._judged[key]

    def _credit(self, order: Order, gauge: Gauge, tips: bool, then_ms: int) -> None:
        """What an order's shipping saves by one ratio, if that would reach another step (`tips`)."""
        saving = self._saving(order, then_ms)
        if saving is not None and tips:
            saving.clauses.add(gauge.rule.clause)
            step = gauge.steps[-1].name if gauge.steps else None
            usual = self.shop.facts.profile("currency")
            for currency, amount in money_taken(gauge.cost(step), [order.facts], usual).items():
                saving.money[currency] = max(amount, saving.money.get(currency, Decimal()))

    def _saving(self, order: Order, then_ms: int) -> Saving | None:
        saving = self.savings.get(order.id)
        if saving is None:
            ahead = deadlines_ahead(self.shop.plan, order.facts, self.at_ms, self.at_ms)
            if not ahead:
                return None
            due_ms = ahead[0][0]
            rules = {timer.rule.id for due, timer in ahead if due <= max(then_ms, due_ms)}
            saving = Saving(due_ms, rules, set(), {}, {})
            self.savings[order.id] = saving
        return saving

    def _rank(self, order: Order) -> tuple[Any, ...]:
        saving = self.savings.get(order.id)
        return (0, *saving.rank(), order.id) if saving is not None else (1, order.id)

    # -- ledgers ----------------------------------------------------------------------------------------------

    def _ledger(self, judge: LedgerJudge) -> dict[str, Any]:
        """The points at the next posting: what is missed by then, and what the ratios would be computed to."""
        rule, shop = judge.rule, self.shop
        borders: list[str] = [
            reader.ratio.rule.every for reader in judge.readers if reader.ratio and reader.ratio.rule.every
        ]
        if rule.posts != "at_once":
            borders.append(rule.posts)
        elif not borders or any(source.slot is not None for reader in judge.readers for source in reader.sources):
            borders.append("day")  # orders may bring points at any time
        then_ms = min(next_border(each, self.at_ms, judge.zone) for each in borders)
        then = copy(shop)
        then.marks = [marks.copy() for marks in shop.marks]
        then.computed = {rule_id: dict(kept) for rule_id, kept in shop.computed.items()}
        for reader in judge.readers:
            self._foresee(then, reader, then_ms)
        balance = judge.balance(then, then_ms)
        tiers = [tier.name for tier, from_ms, _, _ in balance.sanctions if from_ms > self.at_ms]
        return {"at": rfc3339(then_ms), "points": float(balance.points), "tier": tiers[-1] if tiers else None}

    def _foresee(self, then: Shop, reader: FeedReader, then_ms: int) -> None:
        """Puts into `then` what a feed will find at a moment to come."""
        if reader.ratio is not None:
            found = self.ratios.get(reader.ratio.rule.id)
            if found is not None and found["at"] == rfc3339(then_ms) and found["denominator"]:
                good = reader.ratio.rule.good
                bad = found["denominator"] - found["numerator"] if good else found["numerator"]
                computed = Computed("-", bad, found["denominator"], found["stage"])
                then.computed.setdefault(reader.ratio.rule.id, {})[then_ms] = computed
            return
        for source in reader.sources:
            if source.slot is not None:
                self._foresee_marks(then, reader, source.slot, then_ms)

    def _foresee_marks(self, then: Shop, reader: FeedReader, slot: int, then_ms: int) -> None:
        trace = self.shop.plan.traces[slot]
        for order in self._changing(then_ms):
            missed, _ = self._judged_at(order, then_ms)
            instants = trace.instants(order.facts, missed, then_ms)
            more = len(instants) - len(self.shop.marks[slot].by_order.get(order.id, ()))
            if more > 0:
                then.marks[slot].put(order.id, instants)
                saving = self._saving(order, then_ms) if _can_ship(order) else None
                if saving is not None and reader.feed.points is not None:
                    ledger = self._name_of(reader)
                    saving.points[ledger] = saving.points.get(ledger, Decimal()) + more * reader.feed.points

    def _name_of(self, reader: FeedReader) -> str:
        judges = (judge for judge in self.shop.plan.judges if isinstance(judge, LedgerJudge))
        return next(judge.rule.ledger for judge in judges if reader in judge.readers)

    # -- the list -----------------------------------------------------------------------------------------------

    def due(self) -> Iterator[dict[str, Any]]:
        """The open orders with a deadline ahead, the worst first, with what shipping each saves."""
        for _, order in self._turns:
            if _can_ship(order):
                self._saving(order, self.at_ms)
        for order_id, saving in sorted(self.savings.items(), key=lambda each: (*each[1].rank(), each[0])):
            yield saving.as_json(self.shop.orders[order_id])


def _can_ship(order: Order) -> bool:
    """Whether the warehouse still has it: what no carrier has had in hand, whatever was clicked."""
    facts = order.facts
    gone = (facts.collected, facts.scanned, facts.delivered, facts.cancelled, facts.returned)
    return facts.placed is not None and not any(gone)


def _evaluation(judge: RatioJudge, tally: Tally, at_ms: int) -> tuple[int, Period]:
    """When a ratio is next evaluated (epoch ms), and the period looked at then: as the engine computes it, at the next
    border at which it has orders to look at; else at the end of the calendar period that is told of now, or where a
    rolling window moves on."""
    rule, zone = tally.gauge.rule, tally.gauge.zone
    window = rule.window
    if judge.computing is not None:
        border = judge.computing.border_from(at_ms + 1)
        period = window.closed_at(border, zone)
        while not tally.sum(period).total and period.last < day_of(at_ms, zone):
            border = judge.computing.border_from(border + 1)
            period = window.closed_at(border, zone)
        return border, period
    if window.align != "rolling":
        counts = tally.counts_at(at_ms)
        period = next((count for count in counts if count.total), counts[0]).period
        return start_of_day(period.last + 1, zone) + window.lag, period
    border = next_border("day", at_ms, zone)
    return border, window.periods(border, zone)[0]


def with_forecast(standing: dict[str, Any], shop: Shop, at_ms: int) -> dict[str, Any]:
    """A standing with what is to come: `forecast` beside each ratio's and ledger's figures, and `due`, the orders to
    ship next, the worst first."""
    outlook = Outlook(shop, at_ms)
    for judge in shop.plan.judges:
        found = outlook.ratios.get(judge.rule.id)
        metric = standing["metrics"].get(judge.rule.clause)
        if found is not None and metric is not None:
            target = metric.get("others", {}).get(judge.rule.id, metric)
            target.setdefault("forecast", found)
    for name, found in outlook.ledgers.items():
        standing["ledgers"][name]["forecast"] = found
    due = list(outlook.due())
    standing |= {"due": due[:ORDERS_SHOWN], "due_total": len(due)}
    return standing
