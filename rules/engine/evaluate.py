"""Evaluates orders and shops that are due or have changed, and has what they desire reconciled."""

from collections.abc import Sequence

from rules.calendar.instants import MIN_MS, NEVER
from rules.emit.reconcile import Reconciler
from rules.engine.timer_queue import TimerQueue
from rules.engine.work_queue import WorkQueue
from rules.facts.order_facts import OrderFacts
from rules.kinds.deadline.timer import OVERDUE, Timer
from rules.messages.alert_state import Desired
from rules.state.aggregate import apply_order, check_ratios, positions, wake_ratios
from rules.state.changes import Changes
from rules.state.order_ledger import OrderLedger
from rules.state.shop import Order, Shop


class RuleEvaluation:
    """Evaluates orders, and of the shops' rules no more than `evaluations_left`: a rule counts as one, or as many as
    the keys it looks at."""

    def __init__(
        self, reconciler: Reconciler, work: WorkQueue, timers: TimerQueue, ledger: OrderLedger, changes: Changes
    ) -> None:
        self.evaluations_left = NEVER
        self._reconciler = reconciler
        self._work = work
        self._timers = timers
        self._ledger = ledger
        self._changes = changes

    def evaluate_order(self, order: Order, at_ms: int, passed_ms: int) -> None:
        """Evaluates an order's deadline rules, and counts the order anew where its changed facts matter."""
        facts, shop = order.facts, order.shop
        plan = shop.plan
        changed_facts, order.changed_facts = order.changed_facts, 0
        is_plain, has_alerts, masks = facts.plain, order.alerts is not None, plan.masks
        next_evals: Sequence[int] = plan.first_deadlines(facts, 0, 0) if is_plain else plan.all_at_once
        next_eval_ms = min(next_evals)
        missed = overdue = 0
        wanted: Sequence[tuple[Timer, Desired]] = ()
        if next_eval_ms <= passed_ms:
            next_evals, missed, overdue, wanted = _evaluate_timers(plan.timers, facts, next_evals, at_ms, passed_ms)
            next_eval_ms = min(next_evals)
        if wanted or has_alerts:
            if not has_alerts:
                self._ledger.decoded.discard(order)  # one with alerts is never encoded
            has_alerts = True
            retry_ms = self._reconciler.reconcile_order(order, wanted, at_ms)
            if retry_ms < next_eval_ms:
                next_eval_ms = retry_ms
        order.next_eval_ms = next_eval_ms
        changed = (missed ^ order.missed) | (overdue ^ order.overdue)
        if changed:
            order.missed, order.overdue = missed, overdue
        if changed_facts or changed or missed & masks.extractor_rules:
            dirty_rules = apply_order(order, changed_facts, changed, passed_ms)
            if dirty_rules or (shop.ratios_to_check and not shop.dirty):
                self._work.mark_rules(shop, dirty_rules)
        if is_plain:
            order.watched_facts = masks.mask(next_evals, order.bad, has_alerts or missed != 0)
        if next_eval_ms < order.scheduled_ms:
            self._timers.schedule(order, next_eval_ms)
        elif order.scheduled_ms == NEVER:
            self._ledger.note_finished(order)

    def evaluate_shops(self, at_ms: int, since_ms: int, instant_open: bool) -> bool:
        """Evaluates the marked shops; figures are compared if a full hour lies between `since_ms` and `at_ms`. Returns
        False if some are left."""
        if at_ms == MIN_MS:
            return True  # no time yet, so no window to look at; they stay marked
        work = self._work
        for _ in range(len(work.shops)):
            if self.evaluations_left <= 0:
                break
            shop = work.take_shop()
            if shop is None:
                continue
            shop.instant_open = instant_open
            if not self._evaluate_shop(shop, at_ms, since_ms):
                work.mark_rules(shop, 0)
        return not work.shops

    def _evaluate_shop(self, shop: Shop, at_ms: int, since_ms: int) -> bool:
        """Evaluates a shop's dirty rules, each after those it depends on. Returns False if some are left.

        What a restart or another plan left to do comes first, and what follows from the results last: a boundary is
        past, and results saved, only once all rules have been evaluated at it.
        """
        next_evals = shop.next_evals
        if shop.restored:  # orders may have expired before the restart
            shop.restored = False
            shop.retained_from_ms = max(shop.retained_from_ms, at_ms - shop.plan.retain_ms)
        if shop.rebound:
            shop.rebound = False
            self._timers.schedule_shop(shop, self._reconciler.end_what_no_longer_applies(shop, at_ms))
        woken: list[tuple[int, int]] = []
        if shop.ratios_to_check:
            woken = wake_ratios(shop, at_ms - 1 if shop.instant_open else at_ms)
            for n in positions(check_ratios(shop)):
                next_evals[n] = min(next_evals[n], self._reconciler.compare_figures(shop, n, since_ms))
        shop.dirty_rules |= sum([1 << n for n, next_ms in enumerate(next_evals) if next_ms <= at_ms])
        for n, next_ms in woken:  # after that: a window that slides at an instant slides once the instant is over
            next_evals[n] = min(next_evals[n], next_ms)
        while dirty_rules := shop.dirty_rules:
            if self.evaluations_left <= 0:
                return False
            evaluator = shop.plan.evaluators[(dirty_rules & -dirty_rules).bit_length() - 1]
            shop.dirty_rules = dirty_rules & (dirty_rules - 1)
            found = self._reconciler.reconcile_shop(shop, evaluator, at_ms, since_ms, self.evaluations_left)
            self.evaluations_left -= found.checked
            if found.changed:
                shop.dirty_rules |= evaluator.dependents  # they lie behind it
            if found.next_ms is None:
                shop.dirty_rules |= 1 << evaluator.n
                return False
            next_evals[evaluator.n] = found.next_ms
        if at_ms > shop.period_results.boundary_ms:
            shop.period_results.advance(at_ms)
        if shop.period_results.unsaved:
            self._changes.note_results(shop)
        if next_evals:
            self._timers.schedule_shop(shop, min(next_evals))
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
