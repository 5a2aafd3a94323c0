"""What is being watched: shops and their orders, with what has been derived from their facts."""

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rules.calendar.days import day_of
from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.order_facts import EVERY_FACT, OrderFacts, future_bits
from rules.facts.shop_facts import ShopFacts
from rules.kinds.findings import Findings
from rules.kinds.happened import OccurrenceIndex
from rules.kinds.nothing import NOTHING
from rules.kinds.occurrences.timeline import Timeline
from rules.kinds.ratio.compiled import CompiledRatio, Part
from rules.kinds.ratio.counters import DayBuckets, RatioCounter
from rules.kinds.ratio.period_results import PeriodResult
from rules.kinds.subjects import AnySubjectEvaluator
from rules.messages.alert_state import Emitted
from rules.messages.bounds import exact
from rules.messages.events import Item
from rules.messages.names import shop_key
from rules.plan.shop_plan import Plan

Sales = dict[str, dict[int, int | Decimal]]
"""Units sold per SKU and local day; goods sold by weight have decimals."""

Sold = tuple[int, tuple[Item, ...]]
"""One order's part in them: its local day, and what was in it."""


class Order:
    """One order's facts, and what they led to.

    `changed_facts`: which of its `watched_facts` (as bits) have changed since it was evaluated. `missed` and `overdue`:
    what the deadline rules (as bits) said, and `next_eval_ms` when one of them may say something else by itself.
    `days`: on which local day it counts in each of the plan's denominators, and `bad` in which ratios (as bits) it is
    bad if it counts. `scheduled_ms`: when its entry in the timer queue is due. `last_ms`: when anything was last heard
    of it.
    """

    __slots__ = (
        "alerts",
        "bad",
        "changed_facts",
        "days",
        "dirty",
        "facts",
        "id",
        "last_ms",
        "missed",
        "next_eval_ms",
        "number",
        "overdue",
        "scheduled_ms",
        "shop",
        "sold",
        "unsaved",
        "watched_facts",
    )

    def __init__(self, order_id: str, shop: "Shop") -> None:
        self.id = order_id
        self.shop = shop
        self.facts = OrderFacts()
        self.alerts: dict[str, Emitted] | None = None
        self.scheduled_ms = NEVER
        self.rebind(shop.plan)
        self.changed_facts = 0  # nothing is known of it yet
        self.last_ms = MIN_MS
        self.dirty = False
        self.unsaved = False

    def rebind(self, plan: Plan) -> None:
        """Has everything that a plan derives from its facts worked out anew."""
        self.changed_facts = EVERY_FACT
        self.missed = self.overdue = 0
        self.watched_facts = plan.watched_facts
        self.next_eval_ms = NEVER
        self.days: tuple[int | None, ...] = plan.no_days
        self.bad = plan.bad_at_first
        self.sold: Sold | None = None
        self.number: tuple[str, int] | None = None

    def part(self, ratio: CompiledRatio) -> Part | None:
        """Where it counts in a ratio."""
        day = self.days[ratio.denominator.n]
        return None if day is None else (day, bool(self.bad & ratio.bit))


class Shop:
    """One shop on one platform; `key` is its `shop_key`, as in Kafka.

    Derived from its orders: `counters` of its ratios and the `totals` they share, `timelines` (when something happened
    to them, by the plan's traces), `numbers` (tracking numbers with when which orders used them), `reuses` (those
    orders but the first of each number), and `sales`, once levels of stock are told (`stocked`). `future_facts`: the
    orders of which something may be known that lies ahead of the next boundary at which a ratio is computed
    (`boundary_ms`, `NEVER` where none is), and that it rests on, with the facts (as bits) that this may be. `findings`:
    what evaluators that go by subject have found, by their place in the plan. `occurrences`: what its own events come
    to, by what is looked for in them. `progress`: how far evaluators have gone through what happened. `began_ms`:
    before that nothing happened to any of them; it may lie before the first fact that still holds. Kept by itself:
    `facts`, and what was `computed` of its ratios at their boundaries. `dirty_rules` has a bit for each evaluator that
    must look again, `next_evals` when each wants to by itself. `instant_open`: more may happen at the clock's instant.
    """

    __slots__ = (
        "alerts",
        "began_ms",
        "boundary_ms",
        "computed",
        "computed_to",
        "counters",
        "dirty",
        "dirty_rules",
        "facts",
        "findings",
        "future_facts",
        "instant_open",
        "key",
        "late_before_ms",
        "name",
        "next_evals",
        "numbers",
        "occurrences",
        "open_alerts",
        "open_by_rule",
        "orders",
        "plan",
        "platform",
        "rebound",
        "recompute",
        "recomputed",
        "restored",
        "retained_from_ms",
        "reuses",
        "sales",
        "scheduled_ms",
        "states",
        "stocked",
        "timelines",
        "totals",
    )

    def __init__(self, platform: str, name: str, plan: Plan) -> None:
        self.platform = platform
        self.name = name
        self.key = shop_key(platform, name)
        self.orders: dict[str, Order] = {}
        self.facts = ShopFacts()
        self.computed: dict[str, dict[int, PeriodResult]] = {}
        self.alerts: dict[str, Emitted] = {}
        self.open_by_rule: dict[str, set[str]] = NOTHING
        self.open_alerts = 0
        self.scheduled_ms = self.began_ms = NEVER
        self.dirty = False
        self.retained_from_ms = MIN_MS
        self.recomputed: list[tuple[str, int]] = []
        self.late_before_ms = MIN_MS
        self.instant_open = False
        self.restored = False
        self.stocked = False
        self.rebind(plan)

    def rebind(self, plan: Plan) -> None:
        """Takes on a plan, with nothing derived yet."""
        self.plan = plan
        self.totals = [DayBuckets() for _ in plan.denominators]
        self.counters = [RatioCounter(ratio, self.totals[ratio.denominator.n]) for ratio in plan.ratios]
        self.timelines = [Timeline() for _ in plan.extractors]
        self.boundary_ms = MIN_MS if plan.computed else NEVER
        self.future_facts: dict[Order, int] = {}
        for order in self.orders.values():
            self.note_future_facts(order)  # nobody may have asked what lies ahead until now
        self.numbers: dict[str, list[tuple[int, str]]] = NOTHING
        self.reuses = Timeline()
        self.occurrences: dict[str, OccurrenceIndex] = NOTHING
        self.sales: Sales = NOTHING
        self.states: list[Any] = [evaluator.new_state() for evaluator in plan.evaluators]
        self.findings: dict[int, Findings] = NOTHING
        #: When each ratio was last computed, by which boundary, and the next.
        self.computed_to: dict[str, tuple[int, int, int]] = {}
        self.recompute: dict[str, int] = {}
        self.rebound = True
        self.dirty_rules = plan.every_evaluator
        self.next_evals = [MIN_MS] * len(plan.evaluators)

    def note_open(self, rule: str, alert: str, is_open: bool) -> None:
        """Keeps which of its own alerts are open, by rule."""
        if is_open:
            self.open_by_rule = self.open_by_rule or {}
            self.open_by_rule.setdefault(rule, set()).add(alert)
        else:
            self.open_by_rule.get(rule, set()).discard(alert)

    def notify_of_entries(self) -> None:
        """Tells the judges that go by subject what of the shop's own facts has come or gone."""
        changed, self.facts.changed_entries = self.facts.changed_entries, []
        for name, entry in changed:
            for source in self.plan.sources_on.get(name, ()):
                for subject, at_ms in source.on_entry(self, name, entry):
                    self._touch(source.readers, subject, (at_ms,))
            for evaluator in self.plan.subscribers.get(name, ()):
                if (findings := self.findings.get(evaluator.n)) is not None:
                    findings.touch(evaluator.touched_by(self, name, entry))

    def _touch(self, readers: Iterable[AnySubjectEvaluator], subject: str, instants: Iterable[int]) -> None:
        """Tells judges that something happened to a subject, or didn't, at these instants (epoch ms)."""
        for evaluator in readers:
            if (findings := self.findings.get(evaluator.n)) is not None:
                findings.touch(evaluator.touched_at(subject, instants))

    def put_instants(self, slot: int, order_id: str, instants: tuple[int, ...]) -> bool:
        """Keeps when something happened to an order, by one of the plan's traces; whether that is news."""
        before = self.timelines[slot].by_order.get(order_id, ())
        if not self.timelines[slot].put(order_id, instants):
            return False
        self._touch(self.plan.timeline_readers[slot], order_id, (*before, *instants))
        return True

    def _touch_sku(self, sku: str) -> None:
        """Tells the judges that go by SKU that its sales have changed."""
        for evaluator in self.plan.by_sku:
            if (findings := self.findings.get(evaluator.n)) is not None:
                findings.touch((sku,))

    def first_at_ms(self) -> int:
        """When anything was first heard of it (epoch ms); `NEVER` where nothing was."""
        orders = min((order.facts.first_at_ms() for order in self.orders.values()), default=NEVER)
        return min(orders, self.facts.first_at_ms())

    def open_orders(self) -> int:
        """Orders neither shipped nor cancelled yet."""
        return sum(
            order.facts.shipped is None and order.facts.cancelled is None and order.facts.placed is not None
            for order in self.orders.values()
        )

    def note_future_facts(self, order: Order) -> None:
        """Notes what of an order lies ahead of the next boundary, if anything does."""
        if order.last_ms > self.boundary_ms:
            self.future_facts[order] = future_bits(order.facts, self.boundary_ms)

    def advance_boundary(self, at_ms: int) -> None:
        """A boundary is past: from now on only what lies ahead of the next matters."""
        following = min(
            [evaluator.computing.boundary_from(at_ms) for evaluator in self.plan.computed if evaluator.computing]
        )
        self.future_facts, self.boundary_ms = self.future_after(following), following

    def future_after(self, boundary_ms: int) -> dict[Order, int]:
        """Those of `future_facts` that lie ahead of this boundary, too, which is `boundary_ms` or a later one."""
        if boundary_ms == self.boundary_ms:
            return self.future_facts
        return {
            order: future_bits(order.facts, boundary_ms) for order in self.future_facts if order.last_ms > boundary_ms
        }

    def start_counting_sales(self) -> None:
        """From now on: levels of stock are told."""
        if not self.stocked:
            self.stocked = True
            for order in self.orders.values():
                self.apply_sales(order, self.plan.sales_zone)

    def sold(self, sku: str | None, days: int, today: int) -> tuple[float, int]:
        """Units of a SKU sold in so many local days, and how many of these it has been on sale. Today is not over yet,
        so it only counts where it makes sales faster."""
        by_day = self.sales.get(sku or "-", {})
        return max((_sold(by_day, days, last) for last in (today - 1, today)), key=_pace)

    def apply_sales(self, order: Order, zone: str) -> bool:
        """Counts an order's items as sold on its day, or takes them back where it was cancelled."""
        facts = order.facts
        if facts.placed is None or facts.terms is None or facts.cancelled is not None:
            return self._set_sales(order, None)
        return self._set_sales(order, (day_of(facts.placed[0], zone), facts.terms.items))

    def remove_sales(self, order: Order) -> None:
        """Takes back what an order that is let go has sold."""
        self._set_sales(order, None)

    def _set_sales(self, order: Order, sold: Sold | None) -> bool:
        if sold == order.sold:
            return False
        self.sales = self.sales or {}
        for day, items, sign in ((*(order.sold or (0, ())), -1), (*(sold or (0, ())), 1)):
            for item in items:
                sku = item.sku or "-"
                by_day = self.sales.setdefault(sku, {})
                by_day[day] = by_day.get(day, 0) + sign * exact(item.qty)
                if not by_day[day]:
                    del by_day[day]
                if not by_day:
                    del self.sales[sku]
                self._touch_sku(sku)
        order.sold = sold
        return True

    def set_tracking_number(self, order: Order) -> bool:
        """Notes the tracking number an order was shipped under; True where others have it too."""
        facts = order.facts
        number = facts.shipment.tracking_no if facts.shipment is not None else None
        used = (number, facts.shipped[0]) if number and facts.shipped is not None else None
        if used == order.number:
            return False
        shared = self.clear_tracking_number(order)
        if used is not None:
            self.numbers = self.numbers or {}
            users, use = self.numbers.setdefault(used[0], []), (used[1], order.id)
            n = bisect_left(users, use)
            users.insert(n, use)
            if len(users) > 1:
                shared = True
                self._reuse(users[n or 1], True)  # all but the first
        order.number = used
        return shared

    def _reuse(self, use: tuple[int, str], is_reused: bool) -> None:
        at_ms, order_id = use
        self.reuses.put(order_id, (at_ms,) if is_reused else ())
        self._touch(self.plan.number_readers, order_id, (at_ms,))

    def reused_ms(self, order: Order) -> int:
        """When the tracking number of an order was last used (epoch ms); `MIN_MS` where no other order has it."""
        users = [] if order.number is None else self.numbers[order.number[0]]
        return users[-1][0] if len(users) > 1 else MIN_MS

    def clear_tracking_number(self, order: Order) -> bool:
        """Forgets the tracking number of an order; True where others had it too."""
        if order.number is None:
            return False
        number, at_ms = order.number
        users = self.numbers[number]
        n = bisect_left(users, (at_ms, order.id))
        if len(users) > 1:
            self._reuse(users[n or 1], False)
        del users[n]
        if not users:
            del self.numbers[order.number[0]]
        order.number = None
        return bool(users)

    def products_of(self, order_id: str) -> dict[str, Any]:
        """What is in an order, as evidence."""
        order = self.orders.get(order_id)
        terms = order.facts.terms if order is not None else None
        items = terms.items if terms is not None else ()
        products = {name for item in items if (name := item.product or item.sku)}
        return {"products": sorted(products)} if products else {}


def _sold(by_day: dict[int, int | Decimal], days: int, last: int) -> tuple[float, int]:
    """Units sold in the days up to `last`, and how many of these it has been on sale: since it first sold in them or
    the month before, for which orders are kept in any case."""
    inside = [units for day, units in by_day.items() if last - days < day <= last]
    if not inside:
        return 0, 0
    first = min(day for day in by_day if day > last - days - 30)
    units = sum(inside)
    return int(units) if units == int(units) else float(units), min(days, last - first + 1)


def _pace(sold: tuple[float, int]) -> float:
    units, days = sold
    return units / days if days else 0.0
