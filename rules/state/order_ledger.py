"""The ledger of orders: which are in memory, and which lie in the store alone.

An order leaves memory once nothing of it is open: no timer waits for it, no alert of it is open, it waits for no
shipment, and nothing has been heard of it for a while. What it was counted in stays. It is loaded when news of it comes
or somebody asks; what is derived from its facts is then worked out again, not counted again.
`tests/rules/engine/test_eviction.py` holds that nothing differs by it.
"""

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from rules.calendar.instants import DAY_MS, MIN_MS, NEVER
from rules.facts.order_facts import OrderFacts
from rules.facts.stored import decode_facts
from rules.messages.alert_state import Emitted, emitted_from
from rules.messages.alerts import Alert
from rules.state import checkpoint
from rules.state.aggregate import derive_again, keep_evidence
from rules.state.decoded_orders import DecodedOrders
from rules.state.evicted_orders import CountedOrders, EvictedOrders
from rules.state.eviction_queue import EvictionQueue
from rules.state.shop import Order, OrderInMemory, Shop

SILENT_MS: Final = 3 * DAY_MS
"""How long nothing must have been heard of an order before it leaves memory: scans come day by day."""

RECHECK_MS: Final = DAY_MS
"""How long until an order is looked at again for which no timer waits, and which can't leave memory yet."""

NEWEST_KEPT: Final = 42
"""Of how many of a shop's newest orders that have left memory it is kept when they were placed; whether a shop has
fallen silent rests on no more (`rules.reports.last_news`)."""


class Worth(NamedTuple):
    """For how many orders that have left or come back a checkpoint is taken: so many, and one for each `share` entries
    that are gone through or written for it."""

    orders: int
    share: int


class OrderStore(CountedOrders, Protocol):
    """Where orders' facts lie as they were last saved, as `rules.facts.stored` encodes them, and shops' checkpoints. An
    order lies among those that its shop's checkpoint counts from then on until it comes back."""

    @property
    def takes_more(self) -> bool:
        """Whether orders may leave memory now."""

    def get(self, platform: str, shop: str, order: str) -> bytes | None:
        """One order's facts; None where it has none."""

    def of_shop(self, platform: str, shop: str) -> Iterable[tuple[str, bytes]]:
        """The facts of all of a shop's orders, by order; also where orders come and go while they are gone through. One
        that changes meanwhile may come as it was, or twice."""

    def came_back(self, platform: str, shop: str, order: str) -> bytes | None:
        """Notes that an order has come back to memory, with the facts that its shop's checkpoint counts. Returns where
        it lay among those that one counts; None if it didn't."""

    def checkpoint(self, platform: str, shop: str, counted: bytes, in_memory: Collection[str]) -> None:
        """Saves a shop's checkpoint, which counts all of its orders but those in memory. A restart finds all of this or
        nothing."""

    def distrust_checkpoint(self, platform: str, shop: str) -> None:
        """Has a restart take no notice of a shop's checkpoint, unless another follows."""


class OrderLedger:
    """The orders of one engine that have left memory, and those that may. `store` is None where none leave.
    `counted_ms`: where the clock was set back, what it was before (epoch ms): orders that had left were counted by
    that, so they are derived by that when they come back."""

    __slots__ = ("_evicted", "_loading", "_queue", "_walks", "counted_ms", "decoded", "has_checkpoints", "store")

    def __init__(self) -> None:
        self.store: OrderStore | None = None
        self.counted_ms = MIN_MS
        #: Whether checkpoints of its shops were restored or taken.
        self.has_checkpoints = False
        self._evicted = EvictedOrders()
        self._queue = EvictionQueue()
        self._loading: set[Shop] = set()
        #: How often the orders of a shop are being gone through in the store.
        self._walks: Counter[Shop] = Counter()
        #: The orders in memory that may be encoded (`rules.engine.quiet_orders`).
        self.decoded = DecodedOrders()

    def __len__(self) -> int:
        """How many orders have left memory."""
        return len(self._evicted)

    # -- leaving memory ---------------------------------------------------------------------------------------

    def note_finished(self, order: OrderInMemory) -> None:
        """No timer waits for an order any more: it may leave once it has been silent long enough."""
        if self.store is not None:
            self._queue.add(order, order.last_ms + SILENT_MS)

    def evict(self, at_ms: int, limit: int) -> int:
        """Has orders leave memory that have been silent long enough at a moment (epoch ms), of at most `limit` that are
        looked at. Returns how many have left."""
        if not self.takes_more:
            return 0  # they are looked at once it does
        left = 0
        for shop, order_id in self._queue.take(at_ms, limit):
            order = shop.orders.get(order_id)
            if order is None or not _is_idle(order):
                continue  # when it is again, it is noted again
            may_leave_ms = self._may_leave_ms(order, at_ms)
            if may_leave_ms > at_ms:
                self._queue.add(order, may_leave_ms)
            else:
                self._evict(order)
                left += 1
        return left

    def evict_one(self, order: Order, at_ms: int) -> bool:
        """Has one order leave memory, if it may at a moment (epoch ms)."""
        if not _is_idle(order) or self._may_leave_ms(order, at_ms) > at_ms or not self.takes_more:
            return False
        self._evict(order)
        return True

    def evict_early(self, order: Order) -> bool:
        """Has one order leave memory though it hasn't been silent for long, if nothing of it is open, and it was placed
        and has been delivered or has ended otherwise: then hardly any news of it will come. The store must take
        more."""
        facts, shop = order.facts, order.shop
        if facts.placed is None or not facts.is_over() or shop.plan.looks_back_ms or shop in self._loading:
            return False
        if not (_is_idle(order) and _is_over(order)):
            return False
        self._evict(order)
        return True

    @property
    def takes_more(self) -> bool:
        """Whether orders may leave memory now."""
        return self.store is not None and self.store.takes_more

    def _may_leave_ms(self, order: OrderInMemory, at_ms: int) -> int:
        """From when on an idle order may leave memory (epoch ms); it may be looked at again at the earliest then. An
        encoded one isn't decoded for it, unless sanctions look back at it."""
        from_ms = order.last_ms + SILENT_MS
        if from_ms <= at_ms and (looks_back_ms := order.shop.plan.looks_back_ms):
            from_ms = max(from_ms, _changed_ms(order, at_ms) + looks_back_ms)
        if from_ms > at_ms:
            return from_ms
        return from_ms if _is_over(order) and order.shop not in self._loading else at_ms + RECHECK_MS

    def _evict(self, order: OrderInMemory) -> None:
        shop, last_ms, placed_ms = order.shop, order.last_ms, order.placed_ms
        del shop.orders[order.id]
        if isinstance(order, Order):
            self.decoded.discard(order)
        self._evicted.add((shop.key, order.id))
        shop.evicted += 1
        shop.moved += 1
        if last_ms > shop.evicted_to_ms:
            shop.evicted_to_ms = last_ms
        known_ms = order.facts.last_at_ms() if placed_ms == MIN_MS else placed_ms
        if known_ms < shop.evicted_from_ms:
            shop.evicted_from_ms = known_ms
        if placed_ms != MIN_MS:
            newest = shop.evicted_placed = shop.evicted_placed or array("q")
            insort(newest, placed_ms)
            if len(newest) > NEWEST_KEPT:
                del newest[0]
        if order.alerts is not None:
            shop.evicted_alerts = shop.evicted_alerts or {}
            shop.evicted_alerts[order.id] = _encode_alerts(order.alerts)
        if order.bad:
            keep_evidence(order.decoded())

    # -- coming back ------------------------------------------------------------------------------------------

    def load(self, shop: Shop, order_id: str, at_ms: int) -> Order | None:
        """Takes one order back into memory; None if it hasn't left. `at_ms` is the clock's moment."""
        raw = self._raw(shop, order_id)
        return None if raw is None else self._load(shop, order_id, decode_facts(raw), at_ms)

    def load_all(self, shop: Shop, at_ms: int) -> None:
        """Takes all of a shop's orders back."""
        for _ in self.load_each(shop, at_ms):
            pass

    def load_each(self, shop: Shop, at_ms: int) -> Generator[None]:
        """The same, yielding after each order that is looked at. None of them leaves memory meanwhile."""
        is_first = shop not in self._loading
        self._loading.add(shop)
        try:
            for order_id, facts in self._of_shop(shop, shop.orders):
                if facts is not None:
                    self._load(shop, order_id, facts, at_ms)
                yield
            shop.evicted_from_ms = NEVER
        finally:
            if is_first:
                self._loading.discard(shop)

    def silent_by(self, shop: Shop, heard_by_ms: int) -> Iterator[str | None]:
        """Goes through a shop's orders in the store: the ids of those that have left memory and were last heard of by a
        moment (epoch ms), and None for each of the others. Any may be loaded, leave memory or be dropped meanwhile."""
        if heard_by_ms < shop.evicted_from_ms:
            return
        unseen_from_ms = shop.evicted_from_ms
        shop.evicted_from_ms = NEVER  # those that leave meanwhile, or stay, lower it
        try:
            for order_id, facts in self._of_shop(shop, shop.orders):
                last_ms = NEVER if facts is None else facts.last_at_ms()
                shop.evicted_from_ms = min(shop.evicted_from_ms, last_ms if last_ms > heard_by_ms else NEVER)
                yield order_id if last_ms <= heard_by_ms else None
            unseen_from_ms = NEVER
        finally:  # where the look is given up, the others are yet to be seen
            shop.evicted_from_ms = min(shop.evicted_from_ms, unseen_from_ms)

    def _load(self, shop: Shop, order_id: str, facts: OrderFacts, at_ms: int) -> Order:
        assert self.store is not None
        place = self.store.came_back(shop.platform, shop.name, order_id)
        self._evicted.take_back((shop.key, order_id), place)
        return self._take_back(shop, order_id, facts, at_ms)

    def _take_back(self, shop: Shop, order_id: str, facts: OrderFacts, at_ms: int) -> Order:
        order = _as_order(shop, order_id, facts)
        shop.orders[order_id] = order
        shop.evicted -= 1
        shop.moved += 1
        if facts.placed is not None and facts.placed[0] in shop.evicted_placed:
            shop.evicted_placed.remove(facts.placed[0])
        alerts = shop.evicted_alerts.pop(order_id, None)
        if alerts is not None:
            order.alerts = _decode_alerts(alerts)
        derive_again(order, max(at_ms, self.counted_ms))
        self.note_finished(order)
        self.decoded.add(order)
        return order

    def note_dropped(self, order: OrderInMemory) -> None:
        """An order in memory was dropped; the store may still have it."""
        self._evicted.note_dropped((order.shop.key, order.id))

    # -- checkpoints ------------------------------------------------------------------------------------------

    def is_checkpoint_due(self, shop: Shop, worth: Worth) -> bool:
        """Whether enough orders have left or come back since a shop's checkpoint for another to be worth it."""
        return shop.moved >= max(worth.orders, (len(shop.orders) + shop.checkpoint_size) // worth.share)

    def checkpoint(self, shop: Shop, at_ms: int) -> bool:
        """Has a shop's checkpoint saved, `at_ms` being the clock's moment; False where that can't be now."""
        store, is_unfilled = self.store, shop.key in self._evicted.unfilled
        if store is None or not store.takes_more or is_unfilled or shop in self._loading or self._walks[shop]:
            return False
        found = checkpoint.take(shop, max(at_ms, self.counted_ms))
        if found is None:
            return False
        store.checkpoint(shop.platform, shop.name, checkpoint.encode(found), shop.orders)
        self.has_checkpoints = True
        shop.moved, shop.checkpoint_size = 0, found.size
        return True

    def distrust_checkpoint(self, shop: Shop) -> None:
        """What a shop's checkpoint says was computed is to be computed again, from all orders: until the next one a
        restart reads them."""
        if self.store is not None and shop.evicted:
            self.store.distrust_checkpoint(shop.platform, shop.name)

    def restore(self, shop: Shop, counted_ms: int, came_back: Mapping[str, bytes]) -> None:
        """Takes on the orders that a shop's restored checkpoint counts. `came_back`: those that had come back since,
        with the facts that it counts; they are in memory then."""
        self.has_checkpoints = True
        self.counted_ms = max(self.counted_ms, counted_ms)
        self._evicted.restore(shop.platform, shop.name, shop.evicted)
        for order_id, raw in came_back.items():
            self._evicted.note_back((shop.key, order_id))
            self._take_back(shop, order_id, decode_facts(raw), MIN_MS)

    def fill(self, most: int) -> bool:
        """Makes it known of some of the orders that restored checkpoints count that they have left memory, without
        asking the store each time. True once all are known. (Where the disk takes nothing, all may be in memory by now,
        and the store be gone.)"""
        if self.store is not None and self.store.takes_more:
            self._evicted.fill(self.store, most)
        return not self._evicted.unfilled

    # -- questions --------------------------------------------------------------------------------------------

    def restore_alert(self, shop: Shop, order_id: str, alert: Alert) -> bool:
        """Restores what was last emitted of an order that has left memory: False, and nothing is changed, if it must
        come back for that, or nothing was ever emitted of it."""
        held = shop.evicted_alerts.get(order_id)
        if held is None or alert.data.state == "open":
            return False
        known, name = _decode_alerts(held), alert.data.alert
        if name not in known or known[name].revision != alert.data.revision:
            shop.evicted_alerts[order_id] = _encode_alerts(known | {name: emitted_from(alert)})
        return True

    def facts(self, shop: Shop, order_id: str) -> OrderFacts | None:
        """What is known of an order that has left memory; None if it hasn't."""
        raw = self._raw(shop, order_id)
        return None if raw is None else decode_facts(raw)

    def orders(self, shop: Shop, others: Collection[str]) -> Iterator[Order | None]:
        """A shop's orders that had left memory when these `others` were in it, without what is derived from their
        facts; None for each of the others. Any may be loaded while they are gone through."""
        found = self._of_shop(shop, others)
        return (None if facts is None else _as_order(shop, order_id, facts) for order_id, facts in found)

    def _raw(self, shop: Shop, order_id: str) -> bytes | None:
        if self.store is None or not self._may_have_left(shop, order_id):
            return None
        return self.store.get(shop.platform, shop.name, order_id)

    def _may_have_left(self, shop: Shop, order_id: str) -> bool:
        key, evicted = (shop.key, order_id), self._evicted
        return key in evicted or (bool(evicted.unfilled) and evicted.may_have(key))

    def _of_shop(self, shop: Shop, others: Collection[str]) -> Iterator[tuple[str, OrderFacts | None]]:
        """A shop's orders in the store, with the facts of those that had left memory when these `others` were in it."""
        if self.store is None or not shop.evicted:
            return
        self._walks[shop] += 1
        try:
            for order_id, raw in self.store.of_shop(shop.platform, shop.name):
                wanted = order_id not in others and (self._may_have_left(shop, order_id) or order_id in shop.orders)
                yield order_id, decode_facts(raw) if wanted else None
        finally:
            self._walks[shop] -= 1
            if not self._walks[shop]:
                del self._walks[shop]


def _as_order(shop: Shop, order_id: str, facts: OrderFacts) -> Order:
    order = Order(order_id, shop)
    order.facts, order.last_ms = facts, facts.last_at_ms()
    return order


def _is_idle(order: OrderInMemory) -> bool:
    """Whether no timer waits for an order, and nothing of it is to be evaluated."""
    return order.next_eval_ms == order.scheduled_ms == NEVER and not order.dirty


def _is_over(order: OrderInMemory) -> bool:
    """Whether nothing of an idle order is open: it is saved, no alert is open, no period to come is ahead of it, and it
    doesn't wait to be shipped."""
    alerts = order.alerts
    return (
        not (order.unsaved or order.overdue or order.is_unshipped or order.last_ms == MIN_MS)
        and (alerts is None or not any(each.open for each in alerts.values()))
        and order.shop.period_results.boundary_ms > MIN_MS  # the past ones are computed
        and order not in order.shop.period_results.future_facts
    )


def _changed_ms(order: OrderInMemory, at_ms: int) -> int:
    """When something last happened to an order on which a sanction may rest, by a moment (epoch ms): a deadline that it
    missed may have passed after the last news."""
    facts = order.facts
    due = [due for timer in order.shop.plan.timers for due in timer.due_instants(facts) if due <= at_ms]
    return max([order.last_ms, *due])


_encode_alerts = msgspec.msgpack.Encoder().encode
_decode_alerts = msgspec.msgpack.Decoder(dict[str, Emitted]).decode
