"""The shops and orders of an engine, and how events reach them: an event is merged into the facts of its order or shop,
and what depends on a changed fact is marked. Nothing is evaluated here."""

from collections.abc import Generator
from copy import copy
from itertools import islice
from sys import intern

from rules.calendar.instants import MIN_MS
from rules.engine.ceilings import UNBOUNDED, Ceilings, no_room
from rules.engine.quiet_orders import QuietOrders
from rules.engine.timer_queue import TimerQueue
from rules.engine.too_old import check_age, check_known, check_merged
from rules.engine.work_queue import WorkQueue
from rules.facts.merge import MERGE, MORE, merge_details
from rules.facts.order_facts import EVERY_FACT, OrderFacts
from rules.facts.shop_facts import KINDS, PROFILE_KINDS
from rules.facts.statements import Stamp
from rules.messages.bad_events import BadEvent, KeptWithout
from rules.messages.bounds import check_names
from rules.messages.envelope import Event
from rules.messages.events import AnyEvent, ClockTick, OrderShipped
from rules.messages.shop_events import ShopEvent
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import Plan
from rules.state.aggregate import replace_facts
from rules.state.changes import Changes
from rules.state.encoded_order import RestoredOrder
from rules.state.order_ledger import OrderLedger
from rules.state.shop import Order, OrderInMemory, Shop

LOADED_AT_ONCE = 1_000
"""Orders of a shop that are loaded before other work goes on: some 50 ms."""


class Intake:
    """What an engine knows. The engine adds time: it moves `clock_ms`, fires timers and evaluates. It derives from this
    class instead of holding one, so that its callers merge an event with one call."""

    def __init__(self, book: RuleBook, ceilings: Ceilings = UNBOUNDED) -> None:
        self.book = book
        self.ceilings = ceilings
        self.clock_ms = MIN_MS
        self.shops: dict[tuple[str, str], Shop] = {}
        self.order_count = 0
        self.ledger = OrderLedger()
        self.work = WorkQueue()
        self.timers = TimerQueue()
        self._quiet = QuietOrders(self.work, self.ledger)
        self._changes = Changes()
        #: Shops that wait until all their orders are loaded, for another plan or to count their sales.
        self._loading: dict[Shop, Generator[None]] = {}

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
        """A shop's order of that name, which is decoded, or loaded if it has left memory; None if there is none."""
        order = shop.orders.get(order_id)
        if order is not None:
            return self._quiet.decode(order)
        return self.ledger.load(shop, order_id, self.clock_ms) if shop.evicted else None

    def load_all(self, shop: Shop) -> list[Order]:
        """All of a shop's orders from which anything is derived: loads those that have left memory, and decodes the
        others."""
        self.ledger.load_all(shop, self.clock_ms)
        return [self._quiet.decode(order) for order in list(shop.orders.values()) if not order.is_restored]

    def add(self, order: Order) -> None:
        """Adds a new order to its shop."""
        order.shop.orders[order.id] = order
        self.order_count += 1
        self.ledger.decoded.add(order)

    def add_restored(self, order: RestoredOrder) -> None:
        """Adds an order that has come back after a restart to its shop."""
        order.shop.orders[order.id] = order
        self.order_count += 1
        self.work.mark_order(order)

    def drop(self, order: OrderInMemory) -> None:
        """Removes an order from its shop."""
        del order.shop.orders[order.id]
        if isinstance(order, Order):
            self.ledger.decoded.discard(order)
        self.order_count -= 1
        self.ledger.note_dropped(order)

    def drain(self) -> Changes:
        """Returns what has changed since the last call."""
        return self._changes.drain()

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
        try:
            merge = MERGE[type(event)]
        except KeyError:
            self._merge_shop(shop, event, at_ms)
            return None
        stamp = at_ms, intern(event.source), event.id
        order = shop.orders.get(event.order)  # type: ignore[attr-defined]
        is_new = False
        if type(order) is not Order:
            order, is_new = self._order_of(shop, event, at_ms, order)
        facts, odd, computed = order.facts, None, shop.plan.computed
        before = copy(facts) if computed and at_ms <= shop.period_results.late_before_ms else None
        changed_facts = merge(facts, event, stamp) if facts.plain else MORE
        if changed_facts < 0:
            if not is_new:
                check_known(order, at_ms, self.clock_ms)
            changed_facts, odd = self._merge_details(order, event, stamp)
        if is_new:
            self.add(order)  # only now: the merge may have raised
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
            if computed and (at_ms > shop.period_results.boundary_ms or before is not None):
                self._note_for_results(order, changed_facts, at_ms, before)
        return odd

    def _order_of(self, shop: Shop, event: Event, at_ms: int, encoded: OrderInMemory | None) -> tuple[Order, bool]:
        """The order of an event, decoded if it is `encoded`, else loaded; or a new one (True), which isn't kept yet.
        Raises BadEvent if the event can't begin one."""
        if encoded is not None:
            return self._quiet.decode(encoded), False
        order_id: str = event.order  # type: ignore[attr-defined]
        if shop.evicted and (order := self.ledger.load(shop, order_id, self.clock_ms)) is not None:
            return order, False
        if self.order_count >= self.ceilings.orders:
            raise no_room("orders", self.order_count)
        check_names(event, "order")
        check_age(shop.plan, at_ms, self.clock_ms)
        return Order(order_id, shop), True

    def _note_for_results(self, order: Order, changed_facts: int, at_ms: int, before: OrderFacts | None) -> None:
        """Notes a fact that lies after the next boundary of a periodic ratio, or comes too late for those `before` had
        the facts."""
        shop, results = order.shop, order.shop.period_results
        if at_ms > results.boundary_ms and changed_facts & shop.plan.computed_from:
            results.note_future(order, changed_facts)
        if before is not None:
            self._compute_again(shop, at_ms, order, before)

    def _merge_details(self, order: Order, event: Event, stamp: Stamp) -> tuple[int, BadEvent | None]:
        """Merges what makes an order more than a plain one; any fact may be another then. Returns also what doesn't fit
        the order since then."""
        facts = merge_details(order.facts, event, stamp)
        if facts is None:
            return 0, None
        odd = [each for each in facts.odd if each not in order.facts.odd]
        if type(event) is OrderShipped and event.data.combined_with == order.id:
            odd.append("data.combined_with: it names the order itself")
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
            if kind.name in PROFILE_KINDS:
                self._move_results(shop)
            self.on_shop_facts(shop, kind.name)

    def on_shop_facts(self, shop: Shop, kind: str) -> None:
        """Marks the rules that watch a type of the shop's own events. A profile may change which rules the shop has."""
        shop.notify_of_entries()
        if kind in PROFILE_KINDS or (kind == "stock.level" and not shop.sales.counting):
            self._rebind_or_count_sales(shop)
        if bits := shop.plan.on_event.get(kind, 0):
            self.work.mark_rules(shop, bits)

    def _rebind_or_count_sales(self, shop: Shop) -> None:
        """Binds a shop to the plan for its site and programme, if that has changed, and starts counting its sales, if a
        stock level is known: once all its orders that this needs are loaded. A plan that it has again after it waited
        for another is bound anew, as its results were moved."""
        plan = self._plan_of(shop)
        is_new = plan is not shop.plan or shop.period_results.moved is not None
        counts_sales = not shop.sales.counting and bool(shop.facts.of("stock.level"))
        if not (is_new or (counts_sales and plan.on_sale)):
            self._stop_loading(shop)
        elif not self._load_some(shop):
            return
        if is_new:
            self._rebind(shop, plan)
        if counts_sales:
            self._start_counting_sales(shop)

    def _plan_of(self, shop: Shop) -> Plan:
        """The plan for a shop's site and programme, to which it may not be bound yet."""
        return self.book.plan_of(shop.platform, shop.name, shop.facts)

    def _rebind(self, shop: Shop, plan: Plan) -> None:
        orders = self.load_all(shop)
        shop.rebind(plan, orders)
        for order in orders:
            order.rebind(plan)
            self.work.mark_order(order)
        self.work.mark_rules(shop, plan.every_evaluator)

    def _start_counting_sales(self, shop: Shop) -> None:
        shop.start_counting_sales(self.load_all(shop) if shop.plan.on_sale else ())
        self.work.mark_rules(shop, shop.plan.on_event.get("stock.level", 0))

    def _load_some(self, shop: Shop) -> bool:
        """Loads some of a shop's orders. True once all are loaded; until then its rules go on as they were."""
        loading = self._loading.pop(shop, None) or self.ledger.load_each(shop, self.clock_ms)
        if len(list(islice(loading, LOADED_AT_ONCE))) < LOADED_AT_ONCE:
            return True
        self._loading[shop] = loading
        return False

    def _stop_loading(self, shop: Shop) -> None:
        """Loads no more of a shop's orders, if it waited for them: what it needed them for was taken back, as where a
        changelog has another profile behind the one from which it came."""
        if (loading := self._loading.pop(shop, None)) is not None:
            loading.close()

    @property
    def is_loading(self) -> bool:
        """Whether a shop waits for its orders."""
        return bool(self._loading)

    def load_more(self) -> None:
        """Goes on loading the orders of one shop that waits for them."""
        self._rebind_or_count_sales(next(iter(self._loading)))

    def _move_results(self, shop: Shop) -> None:
        """Moves the results of a shop that is to get another plan. They are saved together with the profile that says
        so and not once all orders are loaded: after a restart in between it has that plan from the start."""
        plan = self._plan_of(shop)
        if plan is not shop.plan or shop.period_results.moved is not None:
            shop.period_results.move(plan.schedule_of)
            self._changes.note_results(shop)

    def _compute_again(self, shop: Shop, from_ms: int, order: Order, before: OrderFacts) -> None:
        """A fact has come late of an order with these facts `before` it: has what was computed at boundaries since then
        (epoch ms) computed again."""
        shop.period_results.evidence_arrived(from_ms, order, before)
        self.ledger.distrust_checkpoint(shop)
        for evaluator in shop.plan.computed:
            self.work.mark_rules(shop, 1 << evaluator.n)
