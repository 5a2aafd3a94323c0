"""Orders in a third of the memory: facts as bytes, and one object for what is alike in many orders."""

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from rules.calendar.instants import NEVER
from rules.facts.order_facts import EVERY_FACT, OrderFacts
from rules.facts.stored import decode_facts, encode_plain
from rules.state.shop import Order, Shop
from rules.state.tracking_numbers import NumberUse, uses_of


class Derived(NamedTuple):
    """What is derived from an order's facts, as `Order` says."""

    days: tuple[int | None, ...]
    bad: int
    missed: int
    overdue: int
    watched_facts: int
    is_unshipped: bool


class EncodedOrder:
    """An order with plain facts, no alerts, and nothing to be done now. It lies among the shop's orders in place of the
    `Order` that it was made of. `rules.engine.quiet_orders` says which orders are encoded, and gives an order back
    before anything of it changes."""

    __slots__ = ("_derived", "_raw", "id", "next_eval_ms", "scheduled_ms", "shop")

    alerts: Final = None
    dirty: Final = False
    unsaved: Final = False
    is_plain: Final = True
    is_restored: Final = False

    def __init__(self, order: Order, stored: bytes = b"") -> None:
        """`stored`: the order's facts as they are stored, where they are at hand."""
        self.id = order.id
        self.shop: Shop = order.shop
        self.scheduled_ms, self.next_eval_ms = order.scheduled_ms, order.next_eval_ms
        self._raw = _TIMES.pack(order.last_ms, order.placed_ms) + encode_plain(order.facts, stored)
        self._derived = _derived(
            order.days, order.bad, order.missed, order.overdue, order.watched_facts, order.is_unshipped
        )

    @property
    def facts(self) -> OrderFacts:
        """Its facts, decoded anew each time."""
        return decode_facts(self._raw[_TIMES.size :])

    @property
    def last_ms(self) -> int:
        last_ms: int = _TIMES.unpack_from(self._raw)[0]
        return last_ms

    @property
    def placed_ms(self) -> int:
        placed_ms: int = _TIMES.unpack_from(self._raw)[1]
        return placed_ms

    @property
    def days(self) -> tuple[int | None, ...]:
        return self._derived.days

    @property
    def bad(self) -> int:
        return self._derived.bad

    @property
    def overdue(self) -> int:
        return self._derived.overdue

    @property
    def is_unshipped(self) -> bool:
        return self._derived.is_unshipped

    @property
    def numbers(self) -> tuple[NumberUse, ...]:
        return uses_of(self.facts) if self.shop.plan.on_number else ()

    def decoded(self) -> Order:
        """The order as it was; what is changed of it isn't kept."""
        order = Order(self.id, self.shop, self.facts, self.last_ms)
        order.scheduled_ms, order.next_eval_ms = self.scheduled_ms, self.next_eval_ms
        order.days, order.bad, order.missed, order.overdue, order.watched_facts, _ = self._derived
        order.derive_uses()
        return order


class RestoredOrder:
    """An order that has come back after a restart and wasn't evaluated since. It lies among the shop's orders until it
    is its turn, or until news of it comes: a restart holds bytes, and objects of few orders at a time."""

    __slots__ = ("dirty", "id", "last_ms", "raw", "shop")

    alerts: Final = None
    unsaved: Final = False
    is_restored: Final = True
    next_eval_ms: Final = NEVER
    bad: Final = 0
    overdue: Final = 0
    numbers: Final = ()
    scheduled_ms = NEVER

    def __init__(self, order_id: str, shop: Shop, raw: bytes, last_ms: int) -> None:
        """`raw`: its facts as they are stored (`rules.facts.stored`). `last_ms`: the time of the latest (epoch ms)."""
        self.id, self.shop = order_id, shop
        self.raw, self.last_ms = raw, last_ms
        self.dirty = False

    @property
    def facts(self) -> OrderFacts:
        """Its facts, decoded anew each time."""
        return decode_facts(self.raw)

    @property
    def is_plain(self) -> bool:
        return self.facts.plain

    @property
    def days(self) -> tuple[int | None, ...]:
        return self.shop.plan.no_days

    @property
    def placed_ms(self) -> int:
        return self.decoded().placed_ms

    @property
    def is_unshipped(self) -> bool:
        return self.decoded().is_unshipped

    def decoded(self) -> Order:
        """The order with nothing derived yet."""
        order = Order(self.id, self.shop, decode_facts(self.raw), self.last_ms)
        order.changed_facts = EVERY_FACT
        return order


_TIMES: Final = Struct("<qq")
"""Last news and placing, before the facts: they are asked for of all orders of a shop."""


_derived: Final = lru_cache(maxsize=10_000)(Derived)
"""The same object for all orders of which the same is derived, which saves memory; it is made only once."""
