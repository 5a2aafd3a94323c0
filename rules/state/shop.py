"""A shop and its orders, with what is derived from their facts."""

from array import array
from collections.abc import Collection, Iterable, Iterator
from typing import Any, ClassVar, Final, Protocol

from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.order_facts import EVERY_FACT, OrderFacts
from rules.facts.shop_facts import ShopFacts
from rules.kinds.nothing import NOTHING
from rules.kinds.occurrence_index import OccurrenceIndex
from rules.kinds.ratio.counters import DayBuckets, RatioCounter
from rules.kinds.ratio.period_results import PeriodResult, PeriodResults
from rules.kinds.shop_view import IndexedSource
from rules.kinds.subjects import AnySubjectEvaluator
from rules.kinds.timeline import Timeline
from rules.messages.alert_state import Emitted
from rules.messages.names import shop_key
from rules.plan.shop_plan import Plan
from rules.state.emitted_log import EmittedLog
from rules.state.findings import Findings
from rules.state.sales import Sale, Sales, sale_of
from rules.state.tracking_numbers import NumberUse, TrackingNumbers, uses_of


class Order:
    """One order's facts, and what is derived from them.

    `changed_facts`: which of its `watched_facts` (as bits) have changed since it was evaluated. `missed`, `overdue`:
    the deadline rules (as bits) it had missed then, and those still unmet. `next_eval_ms`: when one of them may say
    something else without a new fact. `days`: its local day in each of the plan's populations. `bad`: the ratios (as
    bits) in which it is bad, if it counts. `scheduled_ms`: when its timer fires. `last_ms`: the time of its latest
    fact.
    """

    is_restored: ClassVar = False

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
        "numbers",
        "overdue",
        "scheduled_ms",
        "shop",
        "sold",
        "unsaved",
        "watched_facts",
    )

    def __init__(self, order_id: str, shop: "Shop", facts: OrderFacts | None = None, last_ms: int = MIN_MS) -> None:
        """Nothing is known of a new one; of others, these `facts`, which count as unchanged."""
        self.id = order_id
        self.shop = shop
        self.facts = OrderFacts() if facts is None else facts
        self.alerts: dict[str, Emitted] | None = None
        self.scheduled_ms = NEVER
        self.rebind(shop.plan)
        self.changed_facts = 0
        self.last_ms = last_ms
        self.dirty = False
        self.unsaved = False

    def rebind(self, plan: Plan) -> None:
        """Resets what is derived from a plan; it is derived anew when the order is evaluated."""
        self.changed_facts = EVERY_FACT
        self.missed = self.overdue = 0
        self.watched_facts = plan.masks.watched_facts
        self.next_eval_ms = NEVER
        self.days: tuple[int | None, ...] = plan.no_days
        self.bad = plan.bad_at_first
        self.sold: Sale | None = None
        self.numbers: tuple[NumberUse, ...] = ()

    @property
    def placed_ms(self) -> int:
        """When it was placed (epoch ms); `MIN_MS` if that isn't known."""
        placed = self.facts.placed
        return MIN_MS if placed is None else placed[0]

    @property
    def is_plain(self) -> bool:
        """Whether no more is known of it than of almost every order."""
        return self.facts.plain

    @property
    def is_unshipped(self) -> bool:
        """Whether it was placed, and neither shipped nor cancelled yet."""
        facts = self.facts
        return facts.shipped is None and facts.cancelled is None and facts.placed is not None

    def derive_uses(self) -> None:
        """Works out again what it sold and the numbers it was shipped under, which its shop has counted already."""
        shop, plan = self.shop, self.shop.plan
        if plan.on_sale and shop.sales.counting:
            self.sold = sale_of(self.facts, plan.sales_zone)
        if plan.on_number:
            self.numbers = uses_of(self.facts)

    def decoded(self) -> "Order":
        """Itself; as of an `EncodedOrder`."""
        return self


class OrderInMemory(Protocol):
    """An order in memory, encoded or not, to be looked at. What looks at its facts more than once asks for it
    `decoded`."""

    shop: "Shop"
    scheduled_ms: int

    @property
    def id(self) -> str: ...
    @property
    def facts(self) -> OrderFacts: ...
    @property
    def alerts(self) -> dict[str, Emitted] | None: ...
    @property
    def last_ms(self) -> int: ...
    @property
    def placed_ms(self) -> int: ...
    @property
    def next_eval_ms(self) -> int: ...
    @property
    def days(self) -> tuple[int | None, ...]: ...
    @property
    def bad(self) -> int: ...
    @property
    def overdue(self) -> int: ...
    @property
    def numbers(self) -> tuple[NumberUse, ...]: ...
    @property
    def is_plain(self) -> bool: ...
    @property
    def is_unshipped(self) -> bool: ...
    @property
    def dirty(self) -> bool: ...
    @property
    def unsaved(self) -> bool: ...
    @property
    def is_restored(self) -> bool:
        """Whether it has come back after a restart and nothing is derived from its facts yet."""

    def decoded(self) -> Order:
        """The order with its facts at hand; what is changed of it may not be kept."""


NO_INSTANTS: Final = array("q")
"""Like `NOTHING`."""


class OrdersElsewhere(Protocol):
    """The orders that have left memory (`rules.state.order_ledger`)."""

    def facts(self, shop: "Shop", order_id: str, /) -> OrderFacts | None: ...

    def orders(self, shop: "Shop", others: Collection[str], /) -> Iterator[Order | None]: ...

    def silent_by(self, shop: "Shop", heard_by_ms: int, /) -> Iterator[str | None]: ...


class Shop:
    """One shop on one platform, and what is kept of it. Each slot has one owner, which alone writes it:

    - The engine, what is known: `platform`, `name` and `key` (its `shop_key`, as in Kafka), `orders` (in memory),
      `facts`, `began_ms` (before that nothing happened to any order; it may lie before the first fact that still
      holds), `instant_open` (more may happen at the clock's instant), `retained_from_ms` (orders last heard of before
      may be gone) and `restored` (orders or results have come back after a restart: who knows what was gone).
    - The `ledger`, of orders that have left memory: how many (`evicted`), from when to when something was heard of them
      (`evicted_from_ms` or later, `evicted_to_ms`), when the newest of them were placed (`evicted_placed`), and what
      was emitted of them, which is not open any more (`evicted_alerts`). How many have left or come back since the
      shop's checkpoint (`moved`), and how many entries that has (`checkpoint_size`).
    - The engine, what is to be done: `dirty` (it waits in the work queue), `scheduled_ms` (when its entry in the timer
      queue is due), `dirty_rules` (evaluators to be evaluated, as bits), `next_evals` (when each is evaluated next).
    - The plan's evaluators: `states`, one each, None where it keeps nothing. They are made anew with each `plan`.
    - The ratio kind: `counters`, the `buckets` they share, and `period_results`. They are slots of their own and not
      among the states, because `aggregate` and the engine look at them at each event.
    - `aggregate`: `timelines` (when something happened to the orders, by the plan's extractors), `sales`,
      `tracking_numbers`, and `ratios_to_check` (as bits, those whose counts have changed since it was last checked
      whether that matters).
    - Sources of occurrences: `occurrences`, the index of each by its name.
    - What reconciles: `emitted`, `findings` (of the evaluators that go by subject), `figures_due` (the full hour at
      which the figures of an evaluator's open alerts are compared, epoch ms), and `rebound` (what was emitted is to be
      compared with the plan).
    """

    __slots__ = (
        "began_ms",
        "buckets",
        "checkpoint_size",
        "counters",
        "dirty",
        "dirty_rules",
        "emitted",
        "evicted",
        "evicted_alerts",
        "evicted_from_ms",
        "evicted_placed",
        "evicted_to_ms",
        "facts",
        "figures_due",
        "findings",
        "instant_open",
        "key",
        "ledger",
        "moved",
        "name",
        "next_evals",
        "occurrences",
        "orders",
        "period_results",
        "plan",
        "platform",
        "ratios_to_check",
        "rebound",
        "restored",
        "retained_from_ms",
        "sales",
        "scheduled_ms",
        "states",
        "timelines",
        "tracking_numbers",
    )

    def __init__(self, platform: str, name: str, plan: Plan, ledger: OrdersElsewhere) -> None:
        self.platform = platform
        self.name = name
        self.key = shop_key(platform, name)
        self.orders: dict[str, OrderInMemory] = {}
        self.ledger = ledger
        self.evicted = self.moved = self.checkpoint_size = 0
        self.evicted_from_ms = NEVER
        self.evicted_to_ms = MIN_MS
        self.evicted_placed: array[int] = NO_INSTANTS
        self.evicted_alerts: dict[str, bytes] = NOTHING
        self.facts = ShopFacts()
        self.period_results: PeriodResults[Order] = PeriodResults()
        self.emitted = EmittedLog()
        self.scheduled_ms = self.began_ms = NEVER
        self.dirty = False
        self.retained_from_ms = MIN_MS
        self.instant_open = False
        self.restored = False
        self.sales = Sales()
        self.rebind(plan)

    def rebind(self, plan: Plan, orders: Iterable[Order] = ()) -> None:
        """Takes on another plan, with nothing derived yet; `orders` are all of its orders."""
        self.plan = plan
        self.buckets = [DayBuckets() for _ in plan.denominators]
        self.counters = [RatioCounter(ratio, self.buckets[ratio.denominator.n]) for ratio in plan.ratios]
        self.timelines = [Timeline() for _ in plan.extractors]
        self.tracking_numbers = TrackingNumbers(plan.reused_within_ms)
        self.occurrences: dict[str, OccurrenceIndex] = NOTHING
        self.sales.clear()
        self.states: list[Any] = [evaluator.new_state() for evaluator in plan.evaluators]
        self.findings: dict[int, Findings] = NOTHING
        self.figures_due: dict[int, int] = NOTHING
        self.period_results.bind([self.states[each.n] for each in plan.computed], plan.schedules, orders)
        self.rebound = True
        self.dirty_rules = plan.every_evaluator
        self.ratios_to_check = 0
        self.next_evals = [MIN_MS] * len(plan.evaluators)

    @property
    def computed(self) -> dict[str, dict[int, PeriodResult]]:
        """Its ratios' results by rule and boundary (epoch ms)."""
        return self.period_results.by_rule()

    def holds_until_ms(self, evaluator: int) -> int:
        """Until when (epoch ms) what an evaluator found last holds, by all that has been evaluated."""
        return MIN_MS if self.dirty_rules >> evaluator & 1 else self.next_evals[evaluator]

    def occurrences_of(self, source: IndexedSource) -> OccurrenceIndex:
        """The index of one of the plan's sources on the shop's own events; made when it is first asked for, then kept
        up to date."""
        index = self.occurrences.get(source.name)
        if index is None:
            self.occurrences = self.occurrences or {}
            index = self.occurrences[source.name] = source.new_index(self)
        return index

    def notify_of_entries(self) -> None:
        """Has the sources and the evaluators by subject take note of the shop's own facts that have come or gone."""
        changed, self.facts.changed_entries = self.facts.changed_entries, []
        for name, entry in changed:
            for source in self.plan.sources_on.get(name, ()):
                index = self.occurrences.get(source.name)
                for subject, at_ms in () if index is None else source.on_entry(self, index, name, entry):
                    self._touch(source.readers, subject, (at_ms,))
            for evaluator in self.plan.subscribers.get(name, ()):
                if (findings := self.findings.get(evaluator.n)) is not None:
                    findings.touch(evaluator.touched_by(self, name, entry))

    def _touch(self, readers: Iterable[AnySubjectEvaluator], subject: str, instants: Iterable[int]) -> None:
        """Has evaluators look again at what happened to a subject at these instants (epoch ms)."""
        for evaluator in readers:
            if (findings := self.findings.get(evaluator.n)) is not None:
                findings.touch(evaluator.touched_at(subject, instants))

    def put_instants(self, slot: int, order_id: str, instants: tuple[int, ...]) -> bool:
        """Puts the instants at which something happened to an order into a timeline. Returns whether that has changed
        it."""
        before = self.timelines[slot].by_order.get(order_id, ())
        if not self.timelines[slot].put(order_id, instants):
            return False
        self._touch(self.plan.timeline_readers[slot], order_id, (*before, *instants))
        return True

    def order_facts(self, order_id: str) -> OrderFacts | None:
        """What is known of one of its orders, in memory or not; None if it has no such order."""
        order = self.orders.get(order_id)
        if order is not None:
            return order.facts
        return self.ledger.facts(self, order_id) if self.evicted else None

    def number_uses(self, order_id: str) -> tuple[NumberUse, ...]:
        """The tracking numbers that one of its orders was shipped under."""
        order = self.orders.get(order_id)
        if order is not None:
            return order.numbers
        facts = self.order_facts(order_id)
        return () if facts is None else uses_of(facts)

    def every_order(self) -> Iterator[Order | None]:
        """All its orders; those not in memory without what is derived from their facts. None for each that is passed
        over among those on the disk, so that callers can rest."""
        in_memory = dict(self.orders)
        yield from (order.decoded() for order in in_memory.values())
        if self.evicted:
            yield from self.ledger.orders(self, in_memory)

    def first_at_ms(self) -> int:
        """The time of its first fact (epoch ms); `NEVER` if it has none."""
        orders = min((order.facts.first_at_ms() for order in self.orders.values()), default=NEVER)
        return min(orders, self.facts.first_at_ms())

    def open_orders(self) -> int:
        """Orders neither shipped nor cancelled yet."""
        return sum(order.is_unshipped for order in self.orders.values())

    def start_counting_sales(self, orders: Iterable[Order]) -> None:
        """Counts sales from now on, as a stock level is known; `orders` are all of its orders, if a rule needs them."""
        self.sales.counting = True
        for order in orders:
            self.apply_sales(order)

    def apply_sales(self, order: Order) -> bool:
        """Counts what an order sold. Returns whether that has changed the sales."""
        return self._set_sales(order, sale_of(order.facts, self.plan.sales_zone))

    def remove_sales(self, order: Order) -> None:
        """Removes the sales of an order that has expired."""
        self._set_sales(order, None)

    def _set_sales(self, order: Order, sale: Sale | None) -> bool:
        if sale == order.sold:
            return False
        for sku in self.sales.replace(order.sold, sale):
            for evaluator in self.plan.by_sku:
                if (findings := self.findings.get(evaluator.n)) is not None:
                    findings.touch((sku,))
        order.sold = sale
        return True

    def set_tracking_number(self, order: Order) -> bool:
        """Notes the tracking number that an order was shipped under. Returns whether the reuses of a number have
        changed."""
        return self._set_numbers(order, uses_of(order.facts))

    def clear_tracking_number(self, order: Order) -> None:
        """Forgets the tracking number of an order that has expired."""
        self._set_numbers(order, ())

    def _set_numbers(self, order: Order, uses: tuple[NumberUse, ...]) -> bool:
        if uses == order.numbers:
            return False
        changed = self.tracking_numbers.replace(order.id, order.numbers, uses)
        for at_ms, order_id in changed:
            self._touch(self.plan.number_readers, order_id, (at_ms,))
        order.numbers = uses
        return bool(changed)
