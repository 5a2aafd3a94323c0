"""The engine of one partition: facts in, alerts out, as a function of the facts and the time.

What should be open follows from facts and clock alone; the engine compares it with what was last emitted and emits the
difference. Nothing is computed from "what just happened", so events may come in any order and any number of times, and
a restart that rebuilds the facts has nothing to repair.
"""

from collections.abc import Callable, Sequence
from sys import intern

from rules.calendar.instants import MIN_MS, NEVER
from rules.emit.reconcile import Reconciler
from rules.engine.ceilings import UNBOUNDED, Ceilings, no_room
from rules.engine.retention import EXPIRE_EVERY_MS, expire
from rules.engine.timer_queue import TimerQueue
from rules.engine.too_old import check_age, check_known, check_merged
from rules.engine.work_queue import WorkQueue
from rules.facts.merge import MERGE, MORE, merge_details
from rules.facts.order_facts import EVERY_FACT, OrderFacts
from rules.facts.shop_facts import KINDS, PROFILE_KINDS
from rules.facts.statements import Stamp
from rules.kinds.deadline.timer import OVERDUE, Timer
from rules.messages.alert_state import Desired
from rules.messages.alerts import Alert
from rules.messages.bad_events import BadEvent, KeptWithout
from rules.messages.bounds import check_names
from rules.messages.envelope import Event
from rules.messages.events import AnyEvent, ClockTick
from rules.messages.shop_events import ShopEvent
from rules.plan.rule_book import RuleBook
from rules.state.aggregate import apply_order, replace_facts
from rules.state.changes import Changes
from rules.state.ledger import Ledger
from rules.state.shop import Order, Shop

MARKED_PER_ORDER = 20
"""Due timers that are looked through for each order of a slice; looking through 20 takes as long as evaluating one
order."""


class Engine:
    """With `stepping` (event time) every timer fires at its own due instant, in order. Without it (wall time) the clock
    leaps to now and each order is evaluated once, as it stands, so that an outage emits nothing for deadlines that were
    missed and met meanwhile.

    `drain` returns what has changed. Alerts go to `emit`, if it is given, before `settle` and `advance` return. After a
    restart: call the functions of `rules.engine.restore` in any order, set `clock_ms`, then call `settle`.
    """

    def __init__(
        self,
        book: RuleBook,
        *,
        stepping: bool,
        emit: Callable[[Shop, Alert], None] | None = None,
        ceilings: Ceilings = UNBOUNDED,
    ) -> None:
        self.book = book
        self.stepping = stepping
        self.ceilings = ceilings
        self.clock_ms = MIN_MS
        self.shops: dict[tuple[str, str], Shop] = {}
        self.order_count = 0
        self.ledger = Ledger()
        self.work = WorkQueue()
        self.timers = TimerQueue()
        self._reconciler = Reconciler(book, emit or self._keep)
        self._changes = Changes()
        self._instant_open = False
        #: Full hours from this instant on (epoch ms) are those at which figures are yet to be compared, once the clock
        #: has come to them. `MIN_MS` until something has been evaluated, as after a restart: then from the clock on.
        self._hours_from_ms = MIN_MS
        self._next_expiry_ms = MIN_MS
        self._orders_left = self._evaluations_left = NEVER  # what the current slice may still evaluate

    def shop(self, platform: str, name: str) -> Shop:
        """The shop of that name; made if it isn't known yet."""
        shop = self.shops.get((platform, name))
        if shop is None:
            shop = Shop(platform, name, self.book.plan(platform, shop=name), self.ledger)
            self.shops[platform, name] = shop
            self.work.mark_rules(shop, 0)  # no rule of it has been evaluated yet
        return shop

    def shop_of(self, event: Event, at_ms: int) -> Shop:
        """The shop of an event. Raises BadEvent for a new one with a bad name, beyond the ceiling, or if the event is
        too old to begin anything."""
        shop = self.shops.get((event.platform, event.shop))
        if shop is None:
            if len(self.shops) >= self.ceilings.shops:
                raise no_room("shops", len(self.shops))
            check_names(event, "platform", "shop")
            if type(event) in MERGE:
                check_age(self.book.plan(event.platform, shop=event.shop), at_ms, self.clock_ms)
            shop = self.shop(event.platform, event.shop)
        return shop

    def order(self, shop: Shop, order_id: str) -> Order | None:
        """A shop's order of that name, which is loaded if it has left memory; None if there is none."""
        order = shop.orders.get(order_id)
        return self.ledger.load(shop, order_id, self.clock_ms) if order is None and shop.evicted else order

    def load_all(self, shop: Shop) -> None:
        """Loads a shop's orders that have left memory."""
        self.ledger.load_all(shop, self.clock_ms)

    def keep(self, order: Order) -> None:
        """Adds a new order to its shop."""
        order.shop.orders[order.id] = order
        self.order_count += 1

    def drop(self, order: Order) -> None:
        """Removes an order from its shop."""
        del order.shop.orders[order.id]
        self.order_count -= 1

    def drain(self) -> Changes:
        """Returns what has changed since the last call."""
        changes, self._changes = self._changes, Changes()
        for order in changes.orders:
            order.unsaved = False
        return changes

    def _keep(self, _: Shop, alert: Alert) -> None:
        self._changes.alerts.append(alert)

    # -- events in ------------------------------------------------------------------------------------------

    def check(self, event: AnyEvent) -> None:
        """Raises BadEvent where `apply` would of an event that isn't older than the clock: for a new shop or order with
        a bad name, or beyond a ceiling."""
        if isinstance(event, ClockTick):
            return
        shop = self.shops.get((event.platform, event.shop))
        if shop is None:
            if len(self.shops) >= self.ceilings.shops:
                raise no_room("shops", len(self.shops))
            check_names(event, "platform", "shop")
        if type(event) in MERGE and (
            shop is None or self.order(shop, event.order) is None  # type: ignore[arg-type]
        ):
            if self.order_count >= self.ceilings.orders:
                raise no_room("orders", self.order_count)
            check_names(event, "order")

    def apply(self, event: AnyEvent, at_ms: int) -> BadEvent | None:
        """Merges one event into the facts of its order or shop. Rules are evaluated later, by `settle` or `advance`.

        Returns what of the event doesn't fit what is known of its order, and is left out. Raises BadEvent for a new
        shop or order with a bad name, beyond a ceiling, or from before what is kept; nothing has changed then.
        """
        return None if isinstance(event, ClockTick) else self.merge(self.shop_of(event, at_ms), event, at_ms)

    def merge(self, shop: Shop, event: Event, at_ms: int) -> BadEvent | None:
        """`apply`, for callers that have the event's shop at hand (`shop_of`)."""
        kind = type(event)
        merge = MERGE.get(kind)
        if merge is None:
            self._merge_shop(shop, event, at_ms)
            return None
        order_id: str = event.order  # type: ignore[attr-defined]
        stamp = at_ms, intern(event.source), event.id
        order = shop.orders.get(order_id)
        if order is None and shop.evicted:
            order = self.ledger.load(shop, order_id, self.clock_ms)
        is_new = order is None
        if order is None:
            if self.order_count >= self.ceilings.orders:
                raise no_room("orders", self.order_count)
            check_names(event, "order")
            check_age(shop.plan, at_ms, self.clock_ms)
            order = Order(order_id, shop)
        odd: BadEvent | None = None
        changed_facts = merge(order.facts, event, stamp) if order.facts.plain else MORE
        if changed_facts < 0:
            if not is_new:
                check_known(order, at_ms, self.clock_ms)
            changed_facts, odd = self._merge_details(order, event, stamp)
        if is_new:
            self.keep(order)  # only now: the merge may have raised
        if changed_facts:
            if at_ms > order.last_ms:
                order.last_ms = at_ms
            elif at_ms <= self.clock_ms - shop.plan.retain_ms:
                check_merged(order, stamp)
            if at_ms < shop.began_ms:
                shop.began_ms = at_ms
            if watch_mask := changed_facts & order.watched_facts:
                order.changed_facts |= watch_mask
                if not order.dirty:
                    self.work.mark_order(order)
            if not order.unsaved:
                self._changes.note_order(order)
            results = shop.period_results
            if at_ms > results.boundary_ms and changed_facts & shop.plan.computed_from:
                results.note_future(order, changed_facts)
            if at_ms <= results.late_before_ms:
                self._compute_again(shop, at_ms)
        return odd

    def _merge_details(self, order: Order, event: Event, stamp: Stamp) -> tuple[int, BadEvent | None]:
        """Merges what makes an order more than a plain one; any fact may be another then. Returns also what doesn't fit
        the order since then."""
        facts = merge_details(order.facts, event, stamp)
        if facts is None:
            return 0, None
        odd = [each for each in facts.odd if each not in order.facts.odd]
        replace_facts(order, facts)
        order.watched_facts = order.shop.plan.masks.watched_facts
        return EVERY_FACT, KeptWithout(event, stamp[0], odd) if odd else None

    def _merge_shop(self, shop: Shop, event: Event, at_ms: int) -> None:
        kind = KINDS.get(type(event))
        if kind is None or not isinstance(event, ShopEvent):
            return
        changed = shop.facts.merge(kind, event, at_ms, self.clock_ms)
        for key in changed:
            self._changes.entries[shop.key, kind.name, key] = shop
        if changed:
            plan = shop.plan
            self.on_shop_facts(shop, kind.name)
            if shop.plan is not plan:
                shop.period_results.clear()
                self._note_results(shop)

    def on_shop_facts(self, shop: Shop, kind: str) -> None:
        """Marks the rules that watch a type of the shop's own events. A profile may change which rules the shop has."""
        shop.notify_of_entries()
        if kind in PROFILE_KINDS:
            self._rebind(shop)
        if kind == "stock.level" and not shop.sales.counting:
            if shop.plan.on_sale:
                self.load_all(shop)
            shop.start_counting_sales()
        if bits := shop.plan.on_event.get(kind, 0):
            self.work.mark_rules(shop, bits)

    def _rebind(self, shop: Shop) -> None:
        """Binds a shop to the plan for its site and programme, if that has changed."""
        plan = self.book.plan_of(shop.platform, shop.name, shop.facts)
        if plan is shop.plan:
            return
        self.load_all(shop)
        shop.rebind(plan)
        for order in shop.orders.values():
            order.rebind(plan)
            self.work.mark_order(order)
        self.work.mark_rules(shop, plan.every_evaluator)

    def _compute_again(self, shop: Shop, from_ms: int) -> None:
        """A fact has come late: has what was computed at boundaries since then (epoch ms) computed again."""
        shop.period_results.evidence_arrived(from_ms)
        for evaluator in shop.plan.computed:
            self.work.mark_rules(shop, 1 << evaluator.n)

    def _note_results(self, shop: Shop) -> None:
        """Adds a shop's computed results that have changed to what is to be saved."""
        for rule, boundary_ms in shop.period_results.take_unsaved():
            self._changes.computed[shop.key, rule, boundary_ms] = shop

    # -- time -----------------------------------------------------------------------------------------------

    def settle(self, *, limit: int = NEVER) -> bool:
        """Evaluates what has changed, and in wall time what is due, at the clock as it stands.

        Evaluates at most `limit` orders, and about as many keys of rules that look at a whole shop. Returns False if
        something is left; the next call goes on with the shops that have waited longest.
        """
        self._orders_left = self._evaluations_left = limit
        done = self._settle()
        self._reconciler.emit_transitions()
        return done

    def _passed_ms(self) -> int:
        """Deadlines at or before this instant (epoch ms) have passed. While more events of the clock's own instant may
        follow, that is the millisecond before it."""
        return self.clock_ms - 1 if self._instant_open else self.clock_ms

    def advance(self, to_ms: int, *, including: bool = True, limit: int = NEVER) -> bool:
        """Moves the clock to `to_ms` and fires what is due by then. The clock never goes back.

        With `including` False only what is due before `to_ms` fires: more events of that very instant may follow and
        are still in time. `limit` and the result are those of `settle`.
        """
        if to_ms < self.clock_ms:
            return True
        self._orders_left = self._evaluations_left = limit
        if self.stepping:
            done = self._step(to_ms, including)
        else:
            self._move(to_ms, including)
            done = self._settle()
        self._reconciler.emit_transitions()
        if done and to_ms >= self._next_expiry_ms:
            self._expire(to_ms)
        return done

    def set_back(self, to_ms: int) -> None:
        """Sets the clock back after it went by a wrong time. Alerts emitted at a later instant stay as they are until
        then."""
        for shop in self.shops.values():
            self.load_all(shop)  # by the clock so far nothing was open of them
        self._instant_open = False
        self.clock_ms = min(self.clock_ms, to_ms)
        self._next_expiry_ms = min(self._next_expiry_ms, self.clock_ms + EXPIRE_EVERY_MS)

    def _step(self, to_ms: int, including: bool) -> bool:
        """Fires each timer at its own instant, after all that was due at the instant before has been evaluated."""
        self.begin(to_ms)
        work, timers = self.work, self.timers
        if (work.shops or work.has_orders()) and not self._settle():
            return False
        last_due = to_ms if including else to_ms - 1
        while True:
            due_ms = timers.next_ms()
            if work.shops and due_ms > self.clock_ms > MIN_MS:
                if not self._evaluate_shops(self.clock_ms):  # all that is due by now has fired, so counts are complete
                    return False
                continue
            if due_ms > last_due:
                break
            if self._orders_left <= 0:
                return False
            self._orders_left -= 1
            self._move(max(self.clock_ms, due_ms), True)
            self._fire(timers.pop())
        self._move(to_ms, including)
        return self._evaluate_shops(to_ms)

    def _settle(self) -> bool:
        work, at_ms, passed_ms = self.work, self.clock_ms, self._passed_ms()
        if not self.stepping:
            self._mark_due(passed_ms)
        while self._orders_left > 0 and (orders := work.take_orders(self._orders_left)):
            self._orders_left -= len(orders)
            for order in orders:
                self._evaluate(order, at_ms, passed_ms)
        all_marked = self.timers.next_ms() > passed_ms
        done = not work.has_orders() and (all_marked or self.stepping)
        if work.shops and all_marked:  # not between two slices of orders due at one instant: counts would be incomplete
            done = self._evaluate_shops(at_ms) and done
        if done:
            self._hours_from_ms = at_ms
        return done

    def _mark_due(self, passed_ms: int) -> None:
        """Marks due orders, shop by shop in turn, so that no shop waits until all timers of another have fired."""
        work, timers, left = self.work, self.timers, self._orders_left * MARKED_PER_ORDER
        while left > 0 and timers.next_ms() <= passed_ms:
            left -= 1
            target = timers.pop()
            if isinstance(target, Shop):
                work.mark_rules(target, 0)
            elif target is not None and self._is_due(target):
                work.mark_order(target)

    def begin(self, to_ms: int) -> None:
        """Starts a clock that hasn't started at the first known fact, if that lies before `to_ms`, so that alerts of
        what has happened since are emitted at their own time."""
        if self.clock_ms > MIN_MS:
            return
        first_ms = min((shop.first_at_ms() for shop in self.shops.values()), default=NEVER)
        if first_ms < to_ms:
            self._move(first_ms, True)

    def _move(self, to_ms: int, including: bool) -> None:
        """Sets the clock. Once an instant is over, no more events of it count as being in time."""
        self._instant_open = not including and (to_ms > self.clock_ms or self._instant_open)
        if to_ms > self.clock_ms:
            self._hours_from_ms = self.clock_ms + 1
        self.clock_ms = to_ms

    def _fire(self, target: Order | Shop | None) -> None:
        if isinstance(target, Shop):
            self.work.mark_rules(target, 0)  # once all that is due by now has fired
        elif target is not None and self._is_due(target):
            self._evaluate(target, self.clock_ms, self._passed_ms())

    def _is_due(self, order: Order) -> bool:
        """Whether an order whose timer has fired must be evaluated. A timer may fire too early; it is scheduled again
        then."""
        if order.changed_facts or order.next_eval_ms <= self.clock_ms:
            return True
        if order.next_eval_ms < NEVER:
            self.timers.schedule(order, order.next_eval_ms)
        else:
            self.ledger.note_finished(order)
        return False

    def _expire(self, at_ms: int) -> None:
        self._next_expiry_ms = at_ms + EXPIRE_EVERY_MS
        for shop in self.shops.values():
            before = len(shop.orders) + shop.evicted
            if dirty_rules := expire(shop, at_ms, self._changes):
                self.work.mark_rules(shop, dirty_rules)
            self.order_count -= before - len(shop.orders) - shop.evicted

    def evict(self, *, limit: int = NEVER) -> int:
        """Has finished orders leave memory, of at most `limit` that are looked at; returns how many have left. Called
        when all that was drained lies in the store."""
        return self.ledger.evict(self.clock_ms, limit)

    # -- evaluation -----------------------------------------------------------------------------------------

    def _evaluate(self, order: Order, at_ms: int, passed_ms: int) -> None:
        """Evaluates an order's deadline rules, and counts the order anew where its changed facts matter."""
        facts, plan = order.facts, order.shop.plan
        changed_facts, order.changed_facts = order.changed_facts, 0
        next_evals: Sequence[int] = plan.first_deadlines(facts, 0, 0) if facts.plain else plan.all_at_once
        next_eval_ms, missed, overdue = min(next_evals), 0, 0
        wanted: list[tuple[Timer, Desired]] = []
        if next_eval_ms <= passed_ms:
            next_evals, missed, overdue, wanted = _evaluate_timers(plan.timers, facts, next_evals, at_ms, passed_ms)
            next_eval_ms = min(next_evals)
        if wanted or order.alerts is not None:
            next_eval_ms = min(next_eval_ms, self._reconciler.reconcile_order(order, wanted, at_ms))
        order.next_eval_ms = next_eval_ms
        changed = (missed ^ order.missed) | (overdue ^ order.overdue)
        order.missed, order.overdue = missed, overdue
        if (changed_facts or changed or missed & plan.masks.extractor_rules) and (
            dirty_rules := apply_order(order, changed_facts, changed, passed_ms)
        ):
            self.work.mark_rules(order.shop, dirty_rules)
        if facts.plain:
            order.watched_facts = plan.masks.mask(next_evals, order.bad, missed != 0 or order.alerts is not None)
        if next_eval_ms < order.scheduled_ms:
            self.timers.schedule(order, next_eval_ms)
        elif order.scheduled_ms == NEVER:
            self.ledger.note_finished(order)

    def _evaluate_shops(self, at_ms: int) -> bool:
        """Evaluates the marked shops. Returns False if some are left."""
        if at_ms == MIN_MS:
            return True  # no time yet, so no window to look at; they stay marked
        work = self.work
        for _ in range(len(work.shops)):
            if self._evaluations_left <= 0:
                break
            shop = work.take_shop()
            if shop is not None and not self._evaluate_shop(shop, at_ms):
                work.mark_rules(shop, 0)
        return not work.shops

    def _evaluate_shop(self, shop: Shop, at_ms: int) -> bool:
        """Evaluates a shop's dirty rules. Returns False if some are left."""
        next_evals, shop.instant_open = shop.next_evals, self._instant_open
        if shop.restored:  # orders may have expired before the restart
            shop.restored = False
            shop.retained_from_ms = max(shop.retained_from_ms, at_ms - shop.plan.retain_ms)
        if shop.rebound:
            shop.rebound = False
            self.timers.schedule(shop, self._reconciler.end_what_no_longer_applies(shop, at_ms))
        since_ms = at_ms if self.stepping or self._hours_from_ms == MIN_MS else self._hours_from_ms
        shop.dirty_rules |= sum([1 << n for n, next_ms in enumerate(next_evals) if next_ms <= at_ms])
        while dirty_rules := shop.dirty_rules:
            if self._evaluations_left <= 0:
                return False
            evaluator = shop.plan.evaluators[(dirty_rules & -dirty_rules).bit_length() - 1]
            shop.dirty_rules = dirty_rules & (dirty_rules - 1)
            found = self._reconciler.reconcile_shop(shop, evaluator, at_ms, since_ms, self._evaluations_left)
            self._evaluations_left -= found.looked
            if found.changed:
                shop.dirty_rules |= evaluator.dependents  # they lie behind it
            if found.next_ms is None:
                shop.dirty_rules |= 1 << evaluator.n
                return False
            next_evals[evaluator.n] = found.next_ms
        if at_ms > shop.period_results.boundary_ms:
            shop.period_results.advance(at_ms)
        if shop.period_results.unsaved:
            self._note_results(shop)
        if next_evals:
            self.timers.schedule(shop, min(next_evals))
        return True


def _evaluate_timers(
    timers: Sequence[Timer], facts: OrderFacts, first_deadlines: Sequence[int], at_ms: int, passed_ms: int
) -> tuple[list[int], int, int, list[tuple[Timer, Desired]]]:
    """Evaluates the deadline rules whose first deadline has passed: when each is evaluated next (epoch ms), bits of
    those missed and of those overdue, and the alerts that should be open."""
    next_evals, missed, overdue, wanted = list(first_deadlines), 0, 0, []
    for timer, first_ms in zip(timers, first_deadlines):  # noqa: B905 (strict is slow)
        if first_ms <= passed_ms:
            flags, opened, next_evals[timer.n] = timer.evaluate(facts, at_ms, passed_ms)
            if flags:
                missed |= timer.bit
                overdue |= timer.bit if flags & OVERDUE else 0
            if opened is not None:
                if timer.by_parcel and facts.parcels:
                    results = timer.evaluate_parcels(facts, at_ms, passed_ms)
                    by_due = {each[1].due_ms: each[1] for each in results if each[1] is not None}
                    wanted += [(timer, each) for each in by_due.values()]
                else:
                    wanted.append((timer, opened))
    return next_evals, missed, overdue, wanted
