"""The engine of one partition: facts in, alerts out, as a function of the facts and the time.

What should be open follows from facts and clock alone; the engine compares it with what was last emitted and emits the
difference. Nothing is computed from "what just happened", so events may come in any order and any number of times, and
a restart that rebuilds the facts has nothing to repair.
"""

from collections.abc import Callable
from operator import attrgetter

from rules.calendar.instants import MIN_MS, NEVER
from rules.emit.reconcile import Reconciler
from rules.engine.ceilings import UNBOUNDED, Ceilings
from rules.engine.evaluate import RuleEvaluation
from rules.engine.intake import Intake
from rules.engine.retention import Expiry
from rules.engine.timer_queue import Target
from rules.messages.alerts import Alert
from rules.plan.rule_book import RuleBook
from rules.state.encoded_order import RestoredOrder
from rules.state.shop import Order, OrderInMemory, Shop

MARKED_PER_ORDER = 20
"""Due timers that are looked through for each order of a slice; looking through 20 takes as long as evaluating one
order."""


class Engine(Intake):
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
        super().__init__(book, ceilings)
        self.stepping = stepping
        self._reconciler = Reconciler(book, emit or self._changes.note_alert)
        self._evaluation = RuleEvaluation(self._reconciler, self.work, self.timers, self.ledger, self._changes)
        self._instant_open = False
        #: Full hours from this instant on (epoch ms) are those at which figures are yet to be compared, once the clock
        #: has come to them. `MIN_MS` until something has been evaluated, as after a restart: then from the clock on.
        self._hours_from_ms = MIN_MS
        self._expiry = Expiry(self, self._changes)
        self._orders_left = NEVER  # how many the current slice may still evaluate

    def settle(self, *, limit: int = NEVER) -> bool:
        """Evaluates what has changed, and in wall time what is due, at the clock as it stands.

        Evaluates at most `limit` orders, and about as many keys of rules that look at a whole shop. Returns False if
        something is left; the next call goes on with the shops that have waited longest.
        """
        self._begin_slice(limit)
        done = self._settle()
        self._reconciler.emit_transitions()
        return done

    def _begin_slice(self, limit: int) -> None:
        self._orders_left = self._evaluation.evaluations_left = limit
        if self.is_loading:
            self.load_more()

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
        self._begin_slice(limit)
        if self.stepping:
            done = self._step(to_ms, including)
        else:
            self._move(to_ms, including)
            done = self._settle()
        self._reconciler.emit_transitions()
        if done:
            self._expiry.advance(to_ms)
        return done

    def set_back(self, to_ms: int) -> None:
        """Sets the clock back after it went by a wrong time. Alerts emitted at a later instant stay as they are until
        then."""
        self.ledger.counted_ms = max(self.ledger.counted_ms, self.clock_ms)
        self._instant_open = False
        self.clock_ms = min(self.clock_ms, to_ms)
        self._expiry.set_back(self.clock_ms)

    def evict(self, *, limit: int = NEVER) -> int:
        """Has finished orders leave memory, of at most `limit` that are looked at; returns how many have left. Called
        when all that was drained lies in the store."""
        return self.ledger.evict(self.clock_ms, limit)

    def checkpoint(self, shop: Shop) -> bool:
        """Has a shop's checkpoint saved; False where that can't be now, or is better later. Called when `evict` is."""
        if self.work.waits_for(shop):
            return False  # most of its orders are about to leave memory, as after a restart
        if any(order.shop is shop for order in self._changes.expired):
            return False  # it would count them, as the store still has them
        if any(key == shop.key for key, _, _ in self._changes.computed):
            return False  # the store hasn't got what it says is computed
        return self.ledger.checkpoint(shop, self.clock_ms)

    def forget_checkpoints(self) -> None:
        """The store has lost the shops' checkpoints."""
        for shop in self.shops.values():
            shop.moved += shop.evicted

    def encode_quiet(self, *, limit: int = NEVER, most: int = NEVER) -> None:
        """Has orders encoded with which nothing is to be done for a while, of `limit` that are looked at; and others,
        too, where more than `most` are decoded."""
        self._quiet.encode(self.clock_ms, limit, most)

    @property
    def decoded_orders(self) -> int:
        """How many orders in memory may be encoded once nothing is to be done with them."""
        return len(self.ledger.decoded)

    @property
    def has_unfinished_orders(self) -> bool:
        """Whether orders are to be evaluated or drained, which can't be encoded before."""
        return bool(self._changes.orders) or self.work.has_orders()

    def _step(self, to_ms: int, including: bool) -> bool:
        """Fires each timer at its own instant, after all that was due at the instant before has been evaluated."""
        self.begin(to_ms)
        work, timers = self.work, self.timers
        if (work.shops or work.has_orders()) and not self._settle():
            return False
        last_due = to_ms if including else to_ms - 1
        while True:
            due_ms = timers.next_ms(to_ms)
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
        evaluate = self._evaluation.evaluate_order
        if not self.stepping:
            self._mark_due(passed_ms)
        while self._orders_left > 0 and (orders := work.take_orders(self._orders_left)):
            self._orders_left -= len(orders)
            for order in orders:
                if isinstance(order, Order):
                    evaluate(order, at_ms, passed_ms)
                else:
                    self._evaluate_restored(order, at_ms, passed_ms)
        all_marked = self.timers.next_ms(passed_ms) > passed_ms
        done = not work.has_orders() and (all_marked or self.stepping)
        if work.shops and all_marked:  # not between two slices of orders due at one instant: counts would be incomplete
            done = self._evaluate_shops(at_ms) and done
        if done:
            self._hours_from_ms = at_ms
        return done

    def _evaluate_restored(self, restored: RestoredOrder, at_ms: int, passed_ms: int) -> None:
        order = self._quiet.decode_restored(restored, at_ms)
        if order is not None:
            self._evaluation.evaluate_order(order, at_ms, passed_ms)
            self._quiet.put_back(restored, order, at_ms)

    def _evaluate_shops(self, at_ms: int) -> bool:
        """Evaluates the marked shops. Returns False if some are left."""
        since_ms = at_ms if self.stepping or self._hours_from_ms == MIN_MS else self._hours_from_ms
        return self._evaluation.evaluate_shops(at_ms, since_ms, self._instant_open)

    def _mark_due(self, passed_ms: int) -> None:
        """Marks due orders, shop by shop in turn, so that no shop waits until all timers of another have fired."""
        work = self.work
        for target in self.timers.pop_due(passed_ms, self._orders_left * MARKED_PER_ORDER):
            if isinstance(target, Shop):
                work.mark_rules(target, 0)
            elif (order := self._due(target)) is not None:
                work.mark_order(order)

    def begin(self, to_ms: int) -> None:
        """Starts a clock that hasn't started at the first known fact, if that lies before `to_ms`, so that alerts of
        what has happened since are emitted at their own time."""
        if self.clock_ms > MIN_MS or to_ms == MIN_MS:
            return
        first_ms = min((shop.facts.first_at_ms() for shop in self.shops.values()), default=NEVER)
        for shop in sorted(self.shops.values(), key=attrgetter("began_ms")):
            if shop.began_ms >= first_ms:
                break  # no order is older, so most shops' needn't be gone through
            first_ms = min(first_ms, shop.first_at_ms())
        if first_ms < to_ms:
            self._move(first_ms, True)

    def _move(self, to_ms: int, including: bool) -> None:
        """Sets the clock. Once an instant is over, no more events of it count as being in time."""
        self._instant_open = not including and (to_ms > self.clock_ms or self._instant_open)
        if to_ms > self.clock_ms:
            self._hours_from_ms = self.clock_ms + 1
        self.clock_ms = to_ms

    def _fire(self, target: Target | None) -> None:
        if isinstance(target, Shop):
            self.work.mark_rules(target, 0)  # once all that is due by now has fired
        elif target is not None and (order := self._due(target)) is not None:
            self._evaluation.evaluate_order(order, self.clock_ms, self._passed_ms())

    def _due(self, target: OrderInMemory) -> Order | None:
        """The order whose timer has fired, if it must be evaluated. A timer may fire too early; it is scheduled again
        then."""
        if target.next_eval_ms <= self.clock_ms or (isinstance(target, Order) and target.changed_facts):
            return self._quiet.decode(target)
        if target.next_eval_ms < NEVER:  # an encoded order stays encoded
            self.timers.schedule(target, target.next_eval_ms)
        else:
            self.ledger.note_finished(target)
        return None
