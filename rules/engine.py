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

from rules.alerts import Alert, Cause, Emitted, Open, alert_id, emitted_from, is_news, remember, subject_and_episode
from rules.book import Looking, Plan, RuleBook
from rules.events import AnyEvent, ClockTick, Event, ShopEvent
from rules.facts import EVERY_FACT, MERGE, OrderFacts
from rules.instants import DAWN, DAY_MS, NEVER, rfc3339
from rules.kinds.deadline import OVERDUE, Timer
from rules.kinds.ratio import Gauge
from rules.kinds.ratio_judge import Computed
from rules.kinds.rule import Case, Judge, Rule, Verdict
from rules.shopfacts import KINDS, Entry, Key
from rules.telling import of_deadline, tell
from rules.watch import Order, Shop

SWEEP_MS = 15 * DAY_MS
"""How often orders that nothing looks at any more are dropped."""


class Changes(Struct):
    """What must be written before the events behind it may be called done. `entries` are a shop's own facts by kind
    and key (gone, where the shop has none there), `computed` its ratios' computations by rule and border."""

    alerts: list[tuple[Shop, Alert]]
    orders: list[Order]
    forgotten: list[Order]
    entries: dict[tuple[str, str, Key], Shop]
    computed: dict[tuple[str, str, int], Shop]


def _no_changes() -> Changes:
    return Changes([], [], [], {}, {})


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
        self._changes = _no_changes()
        self._next_sweep_ms = DAWN

    # -- what goes in ---------------------------------------------------------------------------------------

    def apply(self, event: AnyEvent, at_ms: int) -> None:
        """Merges one event into its order's or shop's facts; judging waits for `settle` or `advance`."""
        if not isinstance(event, ClockTick):
            self.merge(self.shop(event.platform, event.shop), event, at_ms)

    def merge(self, shop: Shop, event: Event, at_ms: int) -> None:
        """`apply`, for callers that have the event's shop at hand."""
        kind = type(event)
        merge = MERGE.get(kind)
        if merge is None:
            self._merge_shop(shop, event, at_ms)
            return
        order_id: str = event.order  # type: ignore[attr-defined]
        order = shop.orders.get(order_id)
        if order is None:
            order = shop.orders[order_id] = Order(order_id, shop)
        news = merge(order.facts, event, (at_ms, intern(event.source), event.id))
        if news:
            order.news |= news
            if at_ms > order.last_ms:
                order.last_ms = at_ms
            if not order.dirty and news & shop.plan.heeds:
                order.dirty = True
                self._dirty.append(order)
            if not order.unsaved:
                order.unsaved = True
                self._changes.orders.append(order)
            if at_ms <= shop.late_before_ms:
                self._compute_again(shop, at_ms)

    def _merge_shop(self, shop: Shop, event: Event, at_ms: int) -> None:
        kind = KINDS.get(type(event))
        if kind is None or not isinstance(event, ShopEvent):
            return
        changed = shop.facts.merge(kind, event, at_ms, self.clock_ms)
        for key in changed:
            self._changes.entries[shop.key, kind.name, key] = shop
        if changed:
            plan = shop.plan
            self._heard(shop, kind.name)
            if shop.plan is not plan:
                self._drop_computed(shop)

    def _heard(self, shop: Shop, kind: str) -> None:
        """Has what looks at an event type judged again; a profile may bring other rules."""
        if kind in ("shop.profile", "listing.counts"):
            self._follow(shop)
        if bits := shop.plan.on_event.get(kind, 0):
            self._mark(shop, bits)

    def _drop_computed(self, shop: Shop) -> None:
        """Other rules have other borders: what was computed under those before is computed again."""
        for rule, found in shop.computed.items():
            for border_ms in found:
                self._changes.computed[shop.key, rule, border_ms] = shop
        shop.computed.clear()

    def _follow(self, shop: Shop) -> None:
        """Judges a shop by the rules of its site and programme from now on."""
        plan = self._plan_of(shop)
        if plan is shop.plan:
            return
        shop.follow(plan)
        for order in shop.orders.values():
            order.follow(plan)
            if not order.dirty:
                order.dirty = True
                self._dirty.append(order)
        self._mark(shop, plan.every_judge)

    def _plan_of(self, shop: Shop) -> Plan:
        profile = shop.facts.profile
        return self.book.plan(shop.platform, profile("site"), profile("programme"), shop.name)

    def _compute_again(self, shop: Shop, from_ms: int) -> None:
        """Evidence has come late: what was computed since then may have been otherwise."""
        for judge in shop.plan.computed:
            shop.recompute[judge.rule.id] = min(from_ms, shop.recompute.get(judge.rule.id, from_ms))
            self._mark(shop, 1 << judge.n)

    def shop(self, platform: str, name: str) -> Shop:
        shop = self.shops.get((platform, name))
        if shop is None:
            shop = Shop(platform, name, self.book.plan(platform, shop=name))
            self.shops[platform, name] = shop
        return shop

    def restore_order(self, platform: str, shop_name: str, order_id: str, facts: OrderFacts | None) -> None:
        """Takes an order's facts back from the changelog; None where it was dropped. `settle` derives the rest."""
        shop = self.shop(platform, shop_name)
        order = shop.orders.get(order_id)
        if order is not None:
            self._uncount(order)
        elif facts is None:
            return
        else:
            order = shop.orders[order_id] = Order(order_id, shop)
        order.news = EVERY_FACT
        order.last_ms = DAWN if facts is None else facts.last_at_ms()
        order.facts = facts or OrderFacts()  # dropped: an entry that still waits for it must find nothing
        if facts is None and order.alerts is None:
            order.armed_ms = NEVER
            del shop.orders[order_id]
        elif not order.dirty:
            order.dirty = True
            self._dirty.append(order)

    def restore_entry(self, platform: str, shop_name: str, kind: str, key: Key, entry: Entry | None) -> None:
        """Takes one of a shop's own facts back; None where it was dropped."""
        shop = self.shop(platform, shop_name)
        shop.facts.put(kind, key, entry)
        self._heard(shop, kind)

    def restore_computed(
        self, platform: str, shop_name: str, rule: str, border_ms: int, found: Computed | None
    ) -> None:
        """Takes back what a ratio was at a border; None where it had no orders after all."""
        shop = self.shop(platform, shop_name)
        if found is None:
            shop.computed.get(rule, {}).pop(border_ms, None)
        else:
            shop.computed.setdefault(rule, {})[border_ms] = found
            shop.late_before_ms = max(shop.late_before_ms, border_ms)
        shop.restored = True
        self._mark(shop, shop.plan.every_judge)

    def restore_alert(self, alert: Alert) -> None:
        """Takes back what was last said of an alert."""
        shop = self.shop(alert.platform, alert.shop)
        rule, name = alert.data.rule, alert.data.alert
        # By its kind: the shop's own plan may wait for its profile to come back.
        if isinstance(alert.order, str) and self.book.is_of_orders(rule):
            order = shop.orders.get(alert.order)
            if order is None:
                order = shop.orders[alert.order] = Order(alert.order, shop)
            order.alerts = order.alerts or {}
            held = order.alerts
        else:
            held = shop.alerts
        before, said = held.get(name), emitted_from(alert)
        shop.open_alerts += said.open - (before is not None and before.open)
        held[name] = said
        shop.followed = True
        if held is shop.alerts:
            self._note_open(shop, rule, name, said.open)
        self._mark(shop, shop.plan.every_judge)

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
        elif self.clock_ms == DAWN:
            self._begin(to_ms)
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

    def _begin(self, to_ms: int) -> None:
        """Starts the clock with the first that is known of, so that what has happened since is told in its time."""
        first_ms = min((shop.first_at_ms() for shop in self.shops.values()), default=NEVER)
        if first_ms < to_ms:
            self._move(first_ms, True)

    def _move(self, to_ms: int, including: bool) -> None:
        """Sets the clock; an instant that is over doesn't open again."""
        self._instant_open = not including and (to_ms > self.clock_ms or self._instant_open)
        self.clock_ms = to_ms

    def _fire(self, target: Order | Shop) -> None:
        if isinstance(target, Order):
            self._judge(target, self.clock_ms, self._passed_ms())
        else:
            self._mark(target, 0)

    def _mark(self, shop: Shop, judges: int) -> None:
        """Has some of a shop's judges (and those whose turn it is) look again once all that is due by now has fired."""
        shop.stale |= judges
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
        """By the rules that look at what has changed, and those whose turn it is."""
        facts, plan, turns = order.facts, order.shop.plan, order.turns
        news, order.news = order.news, 0
        missed, overdue, judged = order.missed, order.overdue, 0
        wanted: list[tuple[Timer, Open]] | None = None
        looking = plan.looking(news)
        for timer in plan.timers if turns and min(turns) <= at_ms else looking.timers:
            n = timer.n
            if timer.facts & news or turns[n] <= at_ms:
                flags, opened, turns[n] = timer.judge(facts, at_ms, passed_ms)
                bit = timer.bit
                judged |= bit
                if flags:
                    missed |= bit
                    overdue = overdue | bit if flags & OVERDUE else overdue & ~bit
                elif missed & bit:
                    missed, overdue = missed & ~bit, overdue & ~bit
                if opened is not None:
                    wanted = wanted or []
                    wanted.append((timer, opened))
        turn_ms = min(turns, default=NEVER)
        if wanted is not None or order.alerts is not None:
            turn_ms = min(turn_ms, self._tell_order(order, wanted or [], judged, at_ms))
        changed = (missed ^ order.missed) | (overdue ^ order.overdue)
        order.missed, order.overdue = missed, overdue
        self._count(order, looking, changed, judged, passed_ms)
        if turn_ms < order.armed_ms:
            self._arm(order, turn_ms)

    def _count(self, order: Order, looking: Looking, changed: int, judged: int, passed_ms: int) -> None:
        """Moves the order between the buckets of its shop's ratios, and its instants in and out of what counts them."""
        shop, facts, plan = order.shop, order.facts, order.shop.plan
        stale = 0
        for n, gauge in looking.gauges:
            stale |= self._place(order, n, gauge)
        if changed & plan.gauge_bits:
            for n, gauge in enumerate(plan.gauges):
                if gauge.bits & changed:
                    stale |= self._place(order, n, gauge)
        for n, trace in looking.traces:
            stale |= self._note(order, n, trace.instants(facts, order.missed, passed_ms))
        if judged & plan.trace_bits and (order.missed | changed) & plan.trace_bits:
            for n, trace in enumerate(plan.traces):
                if trace.bits & judged:
                    stale |= self._note(order, n, trace.instants(facts, order.missed, passed_ms))
        if looking.sales and shop.sell(order, plan.sales_zone) and shop.facts.of("stock.level"):
            stale |= plan.on_sale
        if looking.numbers and shop.ship_under(order):
            stale |= plan.on_number
        if stale:
            self._mark(shop, stale)

    def _place(self, order: Order, n: int, gauge: Gauge) -> int:
        """Puts an order where it counts now in a ratio; the judges that must know."""
        before = order.parts[n]
        after = gauge.part(order.facts, order.missed, order.overdue, before)
        if after is before:
            return 0
        order.parts[n] = after
        order.shop.tallies[n].move(order.id, order.facts, before, after)
        return order.shop.plan.on_gauge[n]

    def _note(self, order: Order, n: int, instants: tuple[int, ...]) -> int:
        """Keeps the instants at which something happened to an order; the judges that must know."""
        marks = order.shop.marks[n]
        if instants == marks.get(order.id, ()):
            return 0
        if instants:
            marks[order.id] = instants
        else:
            del marks[order.id]
        return order.shop.plan.on_trace[n]

    def _uncount(self, order: Order) -> None:
        """Takes an order out of all that is derived from its shop's orders."""
        shop, plan = order.shop, order.shop.plan
        for n, tally in enumerate(shop.tallies):
            tally.move(order.id, order.facts, order.parts[n], None)
            order.parts[n] = None
        for marks in shop.marks:
            marks.pop(order.id, None)
        shop.unship(order)
        shop.unsell(order)
        order.follow(plan)
        self._mark(shop, plan.every_judge)

    def _judge_shops(self, at_ms: int) -> None:
        if at_ms == DAWN:
            return  # no time yet, so no window to look at; they stay marked
        shops, self._dirty_shops = self._dirty_shops, []
        for shop in shops:
            shop.dirty = False
            self._judge_shop(shop, at_ms)

    def _judge_shop(self, shop: Shop, at_ms: int) -> None:
        turns = shop.turns
        if shop.restored:  # who knows what was let go before
            shop.restored = False
            shop.kept_from_ms = max(shop.kept_from_ms, at_ms - shop.plan.keep_ms)
        if shop.followed:
            shop.followed = False
            self._end_what_no_longer_applies(shop, at_ms)
        for n, judge in enumerate(shop.plan.judges):
            bit = 1 << n
            if shop.stale & bit or turns[n] <= at_ms:
                shop.stale &= ~bit
                verdicts, turn = judge.judge(shop, at_ms)  # may find that others, behind it, must look again too
                turns[n] = min(turn, self._tell_shop(shop, judge, verdicts, at_ms))
        if shop.recomputed:
            for rule, border_ms in shop.recomputed:
                self._changes.computed[shop.key, rule, border_ms] = shop
            shop.recomputed.clear()
        if turns:
            self._arm(shop, min(turns))

    # -- saying what is new ---------------------------------------------------------------------------------
    # What was said at a later instant than this (before a restart whose clock lags behind) stands until then;
    # each `_tell` and `_end` answers when it wants to look again (epoch ms).

    def _tell_order(self, order: Order, wanted: list[tuple[Timer, Open]], judged: int, at_ms: int) -> int:
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
                turn_ms = min(turn_ms, self._look_again(order, timer.facts, said))
                continue
            case = of_deadline(timer, order, at_ms)
            self._say(order.shop, said_of, alert, timer.rule, case, opened, timer.cause(opened), at_ms)
        for alert, said in list(said_of.items()):
            if said.open and alert not in current and judged & order.shop.plan.timer_bits.get(said.rule, 0):
                if at_ms < said.at_ms:
                    turn_ms = min(turn_ms, self._look_again(order, EVERY_FACT, said))
                else:
                    self._end_order_alert(order, alert, said, at_ms)
        return turn_ms

    def _look_again(self, order: Order, facts: int, said: Emitted) -> int:
        """Has an order judged again, as if these facts were news, when its clock has come to what was said."""
        order.news |= facts
        return said.at_ms

    def _end_order_alert(self, order: Order, alert: str, said: Emitted, at_ms: int) -> None:
        timer = order.shop.plan.timer_of.get(said.rule)
        if timer is None or order.alerts is None:
            return  # its pack isn't loaded here, so nobody can say whether it is over
        case = of_deadline(timer, order, at_ms)
        cause = timer.cause_of_end(order.facts, said)
        self._say(order.shop, order.alerts, alert, timer.rule, case, None, cause, at_ms)

    def _tell_shop(self, shop: Shop, judge: Judge, verdicts: list[Verdict], at_ms: int) -> int:
        """Says what is new of a rule that looks at the whole shop."""
        turn_ms, rule = NEVER, judge.rule
        wanted = {alert_id(rule.id, shop.key, each.subject, each.episode): each for each in verdicts}
        is_open = shop.open_by_rule.get(rule.id)
        for alert in sorted(is_open - wanted.keys()) if is_open else ():
            turn_ms = min(turn_ms, self._end_shop_alert(shop, judge, alert, at_ms))
        for alert, verdict in wanted.items():
            said = shop.alerts.get(alert)
            if said is not None and _is_no_longer_that_sanction(said, verdict.open) and at_ms >= said.at_ms:
                self._end_shop_alert(shop, judge, alert, at_ms)
                said = shop.alerts[alert]
            if not is_news(said, verdict.open):
                continue
            if said is not None and at_ms < said.at_ms:
                turn_ms = min(turn_ms, said.at_ms)
                continue
            cause = verdict.cause if said is None or not _is_milder(rule, said, verdict.open) else "fell_back"
            case = judge.case(shop, verdict, at_ms)
            self._say(shop, shop.alerts, alert, rule, case, verdict.open, cause, at_ms)
        return turn_ms

    def _end_what_no_longer_applies(self, shop: Shop, at_ms: int) -> None:
        """Ends what was said under rules that are not this shop's any more, since it has another site or programme."""
        plan = shop.plan
        holders = [(None, shop.alerts), *((order.id, order.alerts) for order in shop.orders.values() if order.alerts)]
        for order_id, said_of in holders:
            for alert, said in list(said_of.items()):
                rule = self.book.rules.get(said.rule)
                if said.open and rule is not None and said.rule not in plan.judge_of and said.rule not in plan.timer_of:
                    if at_ms < said.at_ms:
                        shop.followed = True
                        self._arm(shop, said.at_ms)
                    else:
                        self._say(shop, said_of, alert, rule, Case({}, {}, order_id), None, "no_longer_applies", at_ms)

    def _end_shop_alert(self, shop: Shop, judge: Judge, alert: str, at_ms: int) -> int:
        said = shop.alerts[alert]
        if at_ms < said.at_ms:
            return said.at_ms
        subject, episode = subject_and_episode(alert, judge.rule.id, shop.key)
        last = Open(said.stage, "info", said.due_ms, said.judgement, said.until_ms, said.tier)
        verdict = Verdict(last, "fell_back", subject, episode)
        cause = judge.cause_of_end(shop, said, verdict, at_ms)
        self._say(shop, shop.alerts, alert, judge.rule, judge.case(shop, verdict, at_ms), None, cause, at_ms)
        return NEVER

    def _say(
        self,
        shop: Shop,
        said_of: dict[str, Emitted],
        alert: str,
        rule: Rule,
        case: Case,
        opened: Open | None,
        cause: Cause,
        at_ms: int,
    ) -> None:
        said = said_of.get(alert)
        record = tell(shop, alert, rule, case, said, opened, cause, at_ms)
        shop.open_alerts += (opened is not None) - (said is not None and said.open)
        said_of[alert] = remember(rule.id, said, opened, at_ms)
        if said_of is shop.alerts:
            self._note_open(shop, rule.id, alert, opened is not None)
        self._changes.alerts.append((shop, record))

    def _note_open(self, shop: Shop, rule: str, alert: str, is_open: bool) -> None:
        if is_open:
            shop.open_by_rule.setdefault(rule, set()).add(alert)
        else:
            shop.open_by_rule.get(rule, set()).discard(alert)

    # -- what comes out -------------------------------------------------------------------------------------

    def drain(self) -> Changes:
        """Takes what has changed since the last call."""
        changes, self._changes = self._changes, _no_changes()
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
            shop.kept_from_ms = horizon_ms
            for kind, key in list(shop.facts.spent(at_ms, shop.plan.kept_for_good)):
                shop.facts.put(kind, key, None)
                self._changes.entries[shop.key, kind, key] = shop
            for order in [each for each in shop.orders.values() if self._is_spent(each, horizon_ms)]:
                del shop.orders[order.id]
                self._uncount(order)
                if order.last_ms == DAWN:
                    continue  # only its alerts came back after a restart
                if not order.unsaved:
                    self._changes.orders.append(order)
                self._changes.forgotten.append(order)

    def _is_spent(self, order: Order, horizon_ms: int) -> bool:
        if order.armed_ms != NEVER or order.last_ms > horizon_ms:
            return False
        for marks, kept_ms in zip(order.shop.marks, order.shop.plan.trace_kept_ms, strict=True):
            instants = marks.get(order.id)
            if instants is not None and instants[-1] + kept_ms > self.clock_ms:
                return False  # a mark that still counts
        if order.shop.reused_ms(order) + order.shop.plan.number_kept_ms > self.clock_ms:
            return False
        return all(not said.open and said.at_ms <= horizon_ms for said in (order.alerts or {}).values())


def _is_no_longer_that_sanction(said: Emitted, wanted: Open) -> bool:
    """No longer the sanction last spoken of: that one ends first, so that what comes after is told on its own."""
    return said.open and said.until_ms is not None and wanted.until_ms != said.until_ms


def _is_milder(rule: Rule, said: Emitted, wanted: Open) -> bool:
    stages = rule.stages()
    if not said.open or said.stage not in stages or wanted.stage not in stages:
        return False
    return stages.index(wanted.stage) < stages.index(said.stage)
