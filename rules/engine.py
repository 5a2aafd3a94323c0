"""The engine of one partition: facts in, alerts out, as a function of the facts and the time.

What should be open follows from facts and clock alone; the engine compares it with what was said before and
returns the difference. Nothing is ever computed from "what just happened", so events may come in any order and
any number of times, and a restart that rebuilds the facts has nothing to repair.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from sys import intern

from msgspec import Struct

from rules.alerts import Alert, Cause, Emitted, Open, alert_id, emitted_from, is_news, remember
from rules.book import RuleBook
from rules.calendars import start_of_day
from rules.events import AnyEvent, ClockTick, Event
from rules.facts import MERGE, OrderFacts
from rules.instants import DAWN, DAY_MS, NEVER, rfc3339
from rules.kinds.deadline import OVERDUE, Timer
from rules.kinds.ratio import Count, Tally
from rules.packs import AnyRule
from rules.telling import Case, of_count, of_deadline, of_ratio, tell
from rules.watch import Order, Shop

SWEEP_MS = 15 * DAY_MS
"""How often orders that nothing looks at any more are dropped."""


class Changes(Struct):
    """What must be written before the events behind it may be called done."""

    alerts: list[tuple[Shop, Alert]]
    orders: list[Order]
    forgotten: list[Order]


class Engine:
    """`stepping`: fire every timer at its own due instant, in order (event time). Otherwise the clock leaps to
    now and each order is judged once, as it stands (wall time), so an outage raises nothing that has passed.

    What came out is taken with `drain`. After a restart: `restore_order` and `restore_alert` in any order, the
    clock as it stood (`clock_ms`), then `settle`.
    """

    def __init__(self, book: RuleBook, *, stepping: bool) -> None:
        self.book = book
        self.stepping = stepping
        self.clock_ms = DAWN
        self._instant_open = False
        self.shops: dict[tuple[str, str], Shop] = {}
        self._timers: list[tuple[int, int, Order | Shop]] = []
        self._sequence = count()
        self._dirty: list[Order] = []
        self._dirty_shops: list[Shop] = []
        self._changes = Changes([], [], [])
        self._next_sweep_ms = DAWN

    # -- what goes in ---------------------------------------------------------------------------------------

    def apply(self, event: AnyEvent, at_ms: int) -> None:
        """Merges one event into its order's facts; judging waits for `settle` or `advance`."""
        if not isinstance(event, ClockTick):
            self.merge(self.shop(event.platform, event.shop), event, at_ms)

    def merge(self, shop: Shop, event: Event, at_ms: int) -> None:
        """`apply`, for callers that have the event's shop at hand."""
        kind = type(event)
        merge = MERGE.get(kind)
        if merge is None:
            return
        order_id: str = event.order  # type: ignore[attr-defined]
        order = shop.orders.get(order_id)
        if order is None:
            order = shop.orders[order_id] = Order(order_id, shop)
        if merge(order.facts, event, (at_ms, intern(event.source), event.id)):
            if not order.dirty and kind in shop.plan.heeds:
                order.dirty = True
                self._dirty.append(order)
            if not order.unsaved:
                order.unsaved = True
                self._changes.orders.append(order)

    def shop(self, platform: str, name: str) -> Shop:
        shop = self.shops.get((platform, name))
        if shop is None:
            shop = Shop(platform, name, self.book.plan(platform))
            self.shops[platform, name] = shop
        return shop

    def restore_order(self, platform: str, shop_name: str, order_id: str, facts: OrderFacts | None) -> None:
        """Takes an order's facts back from the changelog; None where it was dropped. `settle` derives the rest."""
        shop = self.shop(platform, shop_name)
        order = shop.orders.get(order_id)
        if order is not None:
            self._uncount(order)
            self._mark(shop)
        elif facts is None:
            return
        else:
            order = shop.orders[order_id] = Order(order_id, shop)
        order.facts = facts or OrderFacts()  # dropped: an entry that still waits for it must find nothing
        if facts is None and order.alerts is None:
            order.armed_ms = NEVER
            del shop.orders[order_id]
        elif not order.dirty:
            order.dirty = True
            self._dirty.append(order)

    def restore_alert(self, alert: Alert) -> None:
        """Takes back what was last said of an alert."""
        shop = self.shop(alert.platform, alert.shop)
        if isinstance(alert.order, str):
            order = shop.orders.get(alert.order)
            if order is None:
                order = shop.orders[alert.order] = Order(alert.order, shop)
            order.alerts = order.alerts or {}
            held = order.alerts
        else:
            held = shop.alerts
        before, said = held.get(alert.data.alert), emitted_from(alert)
        shop.open_alerts += said.open - (before is not None and before.open)
        held[alert.data.alert] = said
        if held is shop.alerts:
            self._mark(shop)

    # -- time -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Judges what has changed, at the clock as it stands."""
        at_ms, passed_ms = self.clock_ms, self._passed_ms()
        if self._dirty:
            dirty, self._dirty = self._dirty, []
            for order in dirty:
                order.dirty = False
                self._judge(order, at_ms, passed_ms)
        if self._dirty_shops and not (self._timers and self._timers[0][0] <= passed_ms):
            self._judge_shops(at_ms)  # not between two slices of what is due at once: the counts would be half done

    def _passed_ms(self) -> int:
        """By when things can no longer happen in time."""
        return self.clock_ms - 1 if self._instant_open else self.clock_ms

    def advance(self, to_ms: int, *, including: bool = True, limit: int = NEVER) -> bool:
        """Moves the clock to `to_ms`, firing what is due by then.

        Without `including` only what is due before then: more events of that very instant may follow, and they
        still come in time. Fires at most `limit` timers; False says that more are due and it wants to be called
        again. The clock never goes back.
        """
        if to_ms < self.clock_ms:
            return True
        if not self.stepping:
            self._move(to_ms, including)
        if self._dirty or self._dirty_shops:
            self.settle()
        last_due = to_ms if including else to_ms - 1
        timers = self._timers
        while True:
            due_ms = timers[0][0] if timers else NEVER
            if self._dirty_shops and due_ms > self.clock_ms > DAWN:
                self._judge_shops(self.clock_ms)  # all that was due by now has fired, so the counts are complete
                continue
            if due_ms > last_due:
                break
            if limit <= 0:
                return False
            limit -= 1
            target = heappop(timers)[2]
            if self.stepping:
                self._move(max(self.clock_ms, due_ms), True)
            if target.armed_ms == due_ms:  # else it was armed for earlier since; that entry has fired or will
                target.armed_ms = NEVER
                self._fire(target)
        self._move(to_ms, including)
        if self._dirty_shops:
            self._judge_shops(to_ms)
        if to_ms >= self._next_sweep_ms:
            self._sweep(to_ms)
        return True

    def _move(self, to_ms: int, including: bool) -> None:
        """Sets the clock; an instant that is over doesn't open again."""
        self._instant_open = not including and (to_ms > self.clock_ms or self._instant_open)
        self.clock_ms = to_ms

    def _fire(self, target: Order | Shop) -> None:
        if isinstance(target, Order):
            self._judge(target, self.clock_ms, self._passed_ms())
        else:
            self._mark(target)

    def _mark(self, shop: Shop) -> None:
        """Has a shop judged once all that is due by now has fired."""
        if not shop.dirty:
            shop.dirty = True
            self._dirty_shops.append(shop)

    def _arm(self, target: Order | Shop, turn_ms: int) -> None:
        # An entry that comes too early is cheaper than moving it: it looks at the facts again when it fires.
        if turn_ms < target.armed_ms:
            target.armed_ms = turn_ms
            heappush(self._timers, (turn_ms, next(self._sequence), target))

    # -- judging --------------------------------------------------------------------------------------------

    def _judge(self, order: Order, at_ms: int, passed_ms: int) -> None:
        facts, plan = order.facts, order.shop.plan
        missed = overdue = 0
        turn_ms = NEVER
        wanted: list[tuple[Timer, Open]] | None = None
        for timer in plan.timers:
            flags, opened, turn = timer.judge(facts, at_ms, passed_ms)
            if flags:
                missed |= timer.bit
                if flags & OVERDUE:
                    overdue |= timer.bit
            if opened is not None:
                if wanted is None:
                    wanted = []
                wanted.append((timer, opened))
            if turn < turn_ms:
                turn_ms = turn
        if wanted is not None or order.alerts is not None:
            turn_ms = min(turn_ms, self._tell_order(order, wanted or [], at_ms))
        self._count(order, missed, overdue)
        if turn_ms < order.armed_ms:
            self._arm(order, turn_ms)

    def _count(self, order: Order, missed: int, overdue: int) -> None:
        """Moves the order between the buckets of its shop's ratios, and its marks in and out of the counts."""
        shop, facts, parts = order.shop, order.facts, order.parts
        changed = False
        for n, tally in enumerate(shop.tallies):
            before = parts[n]
            after = tally.gauge.part(facts, missed, overdue, before)
            if after is not before:
                parts[n] = after
                tally.move(order.id, facts, before, after)
                changed = True
        for n, counter in enumerate(shop.plan.counters):
            marks = shop.marks[n]
            at_ms = counter.timer.due(facts) if missed & counter.timer.bit else None
            if marks.get(order.id) != at_ms:
                changed = True
                if at_ms is None:
                    del marks[order.id]
                else:
                    marks[order.id] = at_ms
        if changed:
            self._mark(shop)

    def _uncount(self, order: Order) -> None:
        """Takes an order out of its shop's ratios and counts."""
        shop = order.shop
        for n, tally in enumerate(shop.tallies):
            tally.move(order.id, order.facts, order.parts[n], None)
            order.parts[n] = None
        for marks in shop.marks:
            marks.pop(order.id, None)

    def _judge_shops(self, at_ms: int) -> None:
        if at_ms == DAWN:
            return  # no time yet, so no window to look at; they stay marked
        shops, self._dirty_shops = self._dirty_shops, []
        for shop in shops:
            shop.dirty = False
            self._judge_shop(shop, at_ms)

    def _judge_shop(self, shop: Shop, at_ms: int) -> None:
        turn_ms = NEVER
        current: set[str] = set()
        for tally in shop.tallies:
            tally.turn(at_ms)
            turn_ms = min(turn_ms, tally.turn_ms)
            for each in tally.counts:
                alert = alert_id(tally.gauge.rule.id, shop.key, "-", each.period.name)
                current.add(alert)
                turn_ms = min(turn_ms, self._tell_ratio(shop, tally, each, alert, at_ms))
        for n, counter in enumerate(shop.plan.counters):
            if shop.marks[n] or shop.alerts:
                alert = alert_id(counter.rule.id, shop.key, "-", "-")
                current.add(alert)
                turn_ms = min(turn_ms, self._tell_count(shop, n, alert, at_ms))
        for alert, said in list(shop.alerts.items()):
            if said.open and alert not in current:
                turn_ms = min(turn_ms, self._end_shop_alert(shop, alert, said, at_ms))
        self._arm(shop, turn_ms)

    # -- saying what is new ---------------------------------------------------------------------------------
    # What was said at a later instant than this (before a restart whose clock lags behind) stands until then;
    # each `_tell` and `_end` answers when it wants to look again (epoch ms).

    def _tell_order(self, order: Order, wanted: list[tuple[Timer, Open]], at_ms: int) -> int:
        turn_ms = NEVER
        said_of = order.alerts
        if said_of is None:
            said_of = order.alerts = {}
        current = set()
        for timer, opened in wanted:
            alert = alert_id(timer.rule.id, order.shop.key, order.id, rfc3339(opened.due_ms or 0))
            current.add(alert)
            said = said_of.get(alert)
            if not is_news(said, opened):
                continue
            if said is not None and at_ms < said.at_ms:
                turn_ms = min(turn_ms, said.at_ms)
                continue
            case = of_deadline(timer, order, alert, at_ms)
            self._say(order.shop, said_of, case, said, opened, timer.cause(opened), at_ms)
        for alert, said in list(said_of.items()):
            if said.open and alert not in current:
                if at_ms < said.at_ms:
                    turn_ms = min(turn_ms, said.at_ms)
                else:
                    self._end_order_alert(order, alert, said, at_ms)
        return turn_ms

    def _end_order_alert(self, order: Order, alert: str, said: Emitted, at_ms: int) -> None:
        timer = order.shop.plan.timer_of.get(said.rule)
        if timer is None or order.alerts is None:
            return  # its pack isn't loaded here, so nobody can say whether it is over
        case = of_deadline(timer, order, alert, at_ms)
        self._say(order.shop, order.alerts, case, said, None, timer.cause_of_end(order.facts, said), at_ms)

    def _tell_ratio(self, shop: Shop, tally: Tally, each: Count, alert: str, at_ms: int) -> int:
        said, opened = shop.alerts.get(alert), tally.gauge.judge(each, at_ms)
        if not is_news(said, opened):
            return NEVER
        if said is not None and at_ms < said.at_ms:
            return said.at_ms
        case = of_ratio(tally, each, shop, alert, window_json(tally, each))
        cause: Cause = "fell_back"
        if opened is not None:
            worse = opened.stage == "crossed"
            better = said is not None and said.open and said.stage == "crossed"
            cause = "threshold_crossed" if worse else "fell_back" if better else "threshold_near"
        self._say(shop, shop.alerts, case, said, opened, cause, at_ms)
        return NEVER

    def _tell_count(self, shop: Shop, n: int, alert: str, at_ms: int) -> int:
        """Says what is new of a count rule, and when it may next change (epoch ms)."""
        counter, marks = shop.plan.counters[n], shop.marks_of(n)
        standing = counter.stand(marks, at_ms)
        said, opened = shop.alerts.get(alert), counter.judge(standing, at_ms)
        if said is not None and at_ms < said.at_ms:
            return min(said.at_ms, counter.next_change(standing))
        if said is not None and said.open and said.until_ms and opened is not None and opened.until_ms != said.until_ms:
            # another sanction than the one last spoken of: that one ends first, so that each is told on its own
            self._say_count(shop, n, alert, None, at_ms)
        if is_news(shop.alerts.get(alert), opened):
            self._say_count(shop, n, alert, opened, at_ms)
        return counter.next_change(standing)

    def _say_count(self, shop: Shop, n: int, alert: str, opened: Open | None, at_ms: int) -> None:
        counter, marks = shop.plan.counters[n], shop.marks_of(n)
        said = shop.alerts.get(alert)
        case = of_count(counter, counter.stand(marks, at_ms), marks, shop, alert)
        if opened is not None:
            cause = counter.cause(opened)
        else:
            assert said is not None
            cause = counter.cause_of_end(said, marks)
        self._say(shop, shop.alerts, case, said, opened, cause, at_ms)

    def _end_shop_alert(self, shop: Shop, alert: str, said: Emitted, at_ms: int) -> int:
        """Closes the alert of a period that is over."""
        if at_ms < said.at_ms:
            return said.at_ms
        for tally in shop.tallies:
            if tally.gauge.rule.id == said.rule:
                rule: AnyRule = tally.gauge.rule
                period = alert.rpartition(":")[2]
                names = dict.fromkeys(("value", "numerator", "denominator", "threshold", "headroom"), "-")
                names |= {"shop": shop.name, "period": period}
                case = Case(alert, rule, {"period": period}, dict(names))
                self._say(shop, shop.alerts, case, said, None, "period_ended", at_ms)
        return NEVER

    def _say(
        self,
        shop: Shop,
        said_of: dict[str, Emitted],
        case: Case,
        said: Emitted | None,
        opened: Open | None,
        cause: Cause,
        at_ms: int,
    ) -> None:
        alert = tell(shop, case, said, opened, cause, at_ms)
        shop.open_alerts += (opened is not None) - (said is not None and said.open)
        said_of[case.alert] = remember(case.rule.id, said, opened, at_ms)
        self._changes.alerts.append((shop, alert))

    # -- what comes out -------------------------------------------------------------------------------------

    def drain(self) -> Changes:
        """Takes what has changed since the last call."""
        changes, self._changes = self._changes, Changes([], [], [])
        for order in changes.orders:
            order.unsaved = False
        return changes

    def waiting(self) -> Iterator[Order]:
        """Orders that wait for an instant, the soonest first."""
        timers = self._timers.copy()  # a copy of a heap is a heap
        told: set[int] = set()  # an order armed for earlier and then for this again has two entries
        while timers:
            due_ms, _, target = heappop(timers)
            if isinstance(target, Order) and target.armed_ms == due_ms and id(target) not in told:
                told.add(id(target))
                yield target

    def _sweep(self, at_ms: int) -> None:
        """Drops the orders that no window reaches and no timer waits for."""
        self._next_sweep_ms = at_ms + SWEEP_MS
        for shop in self.shops.values():
            horizon_ms = at_ms - shop.plan.keep_ms
            for order in [each for each in shop.orders.values() if self._is_spent(each, horizon_ms)]:
                del shop.orders[order.id]
                self._uncount(order)
                if order.facts.last_at_ms() == DAWN:
                    continue  # only its alerts came back after a restart
                if not order.unsaved:
                    self._changes.orders.append(order)
                self._changes.forgotten.append(order)

    def _is_spent(self, order: Order, horizon_ms: int) -> bool:
        if order.armed_ms != NEVER:
            return False
        facts = order.facts
        if (facts.placed is not None and facts.placed[0] > horizon_ms) or facts.last_at_ms() > horizon_ms:
            return False  # the first test is there because it is cheap, and mostly enough
        if any(order.id in marks for marks in order.shop.marks):
            return False  # a mark that still counts
        return all(not said.open and said.at_ms <= horizon_ms for said in (order.alerts or {}).values())


def window_json(tally: Tally, each: Count) -> dict[str, str]:
    """The bounds of a count's period, `to` not in it."""
    zone, period = tally.gauge.zone, each.period
    return {
        "from": rfc3339(start_of_day(period.first, zone)),
        "to": rfc3339(start_of_day(period.last + 1, zone)),
    }
