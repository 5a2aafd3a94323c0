"""What is known of one order: a handful of facts, each with the stamp of the event that states it.

Almost every order is a plain one: placed, shipped in one parcel, collected, scanned and delivered. Of it only these
facts are kept. Of others (several parcels, lines, an order put back) `DetailedFacts` keep the statements, and the same
facts follow from that.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from decimal import Decimal
from operator import attrgetter
from typing import ClassVar, Final

from msgspec import Struct

from rules.calendar.instants import MIN_MS, NEVER
from rules.codegen import Written, function
from rules.facts.statements import DueBy, Stamp, Statements
from rules.messages.events import Item


class Terms(Struct, array_like=True, gc=False):
    """What was agreed when the order was placed. `amount` is a decimal in `currency`, kept as text."""

    amount: str | None = None
    currency: str | None = None
    mode: str | None = None
    ship_by_ms: DueBy | None = None
    handling_h: float | None = None
    logistics: str | None = None
    sensitive: bool = False
    predeclared: bool = False
    items: tuple[Item, ...] = ()


class Shipment(Struct, array_like=True, gc=False):
    """How an order was shipped. Before it is, only the number that news of its parcel named."""

    carrier: str | None = None
    tracking_no: str | None = None
    logistics: str | None = None
    label: str | None = None


class OrderFacts(Struct, array_like=True, gc=False):
    """The facts of one order; `None` is "not known". Kept on the wire as an array whose length tells whether it is
    of a plain order, so no fields may be added.

    `moved_before` are earlier moves of the deadline. Where there were none it has, as bits (`Flag`), what else was
    stated and can only matter once the order is no longer a plain one: so that costs a plain order no byte.
    """

    plain: ClassVar[bool] = True
    statements: ClassVar[Statements] = ()
    sent_back: ClassVar[Stamp | None] = None
    part_cancelled: ClassVar[Stamp | None] = None
    voided: ClassVar[Stamp | None] = None
    parcels: ClassVar[tuple["OrderFacts", ...]] = ()
    parcel: ClassVar[str | None] = None
    combined_with: ClassVar[str | None] = None
    odd: ClassVar[tuple[str, ...]] = ()

    placed: Stamp | None = None
    terms: Terms | None = None
    shipped: Stamp | None = None
    shipment: Shipment | None = None
    collected: Stamp | None = None
    scanned: Stamp | None = None
    news: Stamp | None = None
    delivered: Stamp | None = None
    cancelled: Stamp | None = None
    cancelled_by: str | None = None
    cancelled_for: str | None = None
    deadline_moved: Stamp | None = None
    moved_to_ms: DueBy | None = None
    pickup_failed: Stamp | None = None
    returned: Stamp | None = None
    refunded: Stamp | None = None
    moved_before: tuple[tuple[Stamp, DueBy], ...] | int = ()

    def as_of(self, at_ms: int) -> "OrderFacts":
        """The facts as of a moment. (Of `news` only the latest stamp is kept, so results at boundaries never look at
        it.)"""
        kept = copy(self)
        for name, stamp in zip(FACT_NAMES, every_stamp(self), strict=True):
            if stamp is not None and stamp[0] > at_ms:
                setattr(kept, name, None)
        if kept.placed is None:
            kept.terms = None
        if kept.shipped is None:
            kept.shipment = None
        if kept.cancelled is None:
            kept.cancelled_by = kept.cancelled_for = None
        if kept.deadline_moved is None:
            kept.moved_to_ms = None
            for stamp, to in self.moves_before():
                if stamp[0] <= at_ms:
                    kept.deadline_moved, kept.moved_to_ms = stamp, to
        return kept

    def moves_before(self) -> tuple[tuple[Stamp, DueBy], ...]:
        """Moves of the deadline before the last one."""
        return () if isinstance(self.moved_before, int) else self.moved_before

    def is_over(self) -> bool:
        """Whether the order is delivered, cancelled, returned or refunded, after which few rules wait for anything."""
        return any((self.delivered, self.cancelled, self.returned, self.refunded))

    def skus(self) -> list[str]:
        """The SKUs ordered, each once."""
        return sorted({item.sku for item in self.terms.items if item.sku}) if self.terms is not None else []

    def first_at_ms(self) -> int:
        """The time of the first fact (epoch ms); `NEVER` if there is none."""
        return self.span_ms()[0]

    def last_at_ms(self) -> int:
        """The time of the latest fact (epoch ms); `MIN_MS` if there is none."""
        return self.span_ms()[1]

    def span_ms(self) -> tuple[int, int]:
        """Both in one pass, since a restart asks it of every order."""
        stamps = [*filter(None, every_stamp(self))]
        if self.moved_before and self.moved_before.__class__ is tuple:
            stamps += [stamp for stamp, _ in self.moves_before()]
        if len(stamps) == 1:
            return stamps[0][0], stamps[0][0]
        return (min(stamps)[0], max(stamps)[0]) if stamps else (NEVER, MIN_MS)


class Flag:
    """Bits of what else was stated of a plain order."""

    PICKUPS_UNNAMED = 1
    TRACKING_UNNAMED = 2
    """Pickups and tracking that named no parcel are about all of them, should there be others."""
    PAID = 4
    NOT_SENSITIVE = 8
    NOT_PREDECLARED = 16
    COMPLETE = 32
    """Said outright, not only by saying nothing else."""


class DetailedFacts(OrderFacts, gc=False):
    """The facts of an order with more than the plain case: they follow from the `statements` (`rules.facts.derive`).

    `parcels`: the order as if it had only that one, for each parcel that counts (and then `parcel` is what it is
    called, `combined_with` the other order in it). `left_out`: parcels and news that don't count, with the reason;
    `odd`: what was stated and doesn't fit. `lines`: how much of each was ordered, cancelled and shipped.
    `part_refunds`: when, and how much. `unpaid`: its clock hasn't started.
    """

    plain: ClassVar[bool] = False

    statements: Statements = ()  # type: ignore[misc]
    sent_back: Stamp | None = None  # type: ignore[misc]
    part_cancelled: Stamp | None = None  # type: ignore[misc]
    part_cancelled_by: str | None = None
    part_cancelled_for: str | None = None
    voided: Stamp | None = None  # type: ignore[misc]
    unpaid: bool = False
    parcels: tuple[OrderFacts, ...] = ()  # type: ignore[misc]
    parcel: str | None = None  # type: ignore[misc]
    combined_with: str | None = None  # type: ignore[misc]
    left_out: tuple[tuple[str, str], ...] = ()
    odd: tuple[str, ...] = ()  # type: ignore[misc]
    lines: tuple[tuple[str, int | Decimal, int | Decimal, int | Decimal], ...] = ()
    part_refunds: tuple[tuple[int, str | None], ...] = ()

    def span_ms(self) -> tuple[int, int]:
        instants = [each.at_ms for each in self.statements]
        return min(instants, default=NEVER), max(instants, default=MIN_MS)


FACT_NAMES: Final = (
    "placed",
    "shipped",
    "collected",
    "scanned",
    "news",
    "delivered",
    "cancelled",
    "deadline_moved",
    "pickup_failed",
    "returned",
    "refunded",
    "sent_back",
    "part_cancelled",
)
"""The facts that packs may name in `from`, `until`, `after`, `has` and `anchor`."""

FACT_BIT: Final = {name: 1 << n for n, name in enumerate(FACT_NAMES)}

EVERY_FACT: Final = (1 << len(FACT_NAMES)) - 1


def bits_of(facts: Iterable[str]) -> int:
    """The bits of several facts."""
    return sum(FACT_BIT[fact] for fact in set(facts))


def stamps_of(facts: Sequence[str]) -> Callable[[OrderFacts], tuple[Stamp | None, ...]]:
    """A function that reads several facts at once."""
    get = attrgetter(*facts)
    return (lambda order: (get(order),)) if len(facts) == 1 else get


def all_had_come(facts: int) -> Callable[[OrderFacts, int], bool]:
    """Whether no fact among these (as bits) lies after a moment (epoch ms)."""
    ahead = [_lies_ahead(fact) for fact in _named(facts)]
    plain = f"not ({' or '.join(ahead)})"
    had_come: Callable[[OrderFacts, int], bool] = function(
        "facts, at_ms", Written(f"({plain}) if facts.plain else facts.last_at_ms() <= at_ms")
    )
    return had_come


def any_had_come(facts: int) -> Callable[[OrderFacts, int], bool]:
    """Whether any of these facts (as bits) had happened by a moment (epoch ms)."""
    come = [f"facts.{fact} is not None and facts.{fact}[0] <= at_ms" for fact in _named(facts)]
    if facts & FACT_BIT["deadline_moved"]:
        come.append("len(facts.moves_before()) > 0 and facts.moves_before()[0][0][0] <= at_ms")
    had_come: Callable[[OrderFacts, int], bool] = function(
        "facts, at_ms", Written(f"({' or '.join(come)}) if facts.plain else facts.first_at_ms() <= at_ms")
    )
    return had_come


def _named(bits: int) -> list[str]:
    return [fact for fact in FACT_NAMES if FACT_BIT[fact] & bits]


def _lies_ahead(fact: str) -> str:
    return f"facts.{fact} is not None and facts.{fact}[0] > at_ms"


def _ahead() -> Callable[[OrderFacts, int], int]:
    bits = " | ".join(f"({bit} if {_lies_ahead(fact)} else 0)" for fact, bit in FACT_BIT.items())
    detailed = f"{EVERY_FACT} if facts.last_at_ms() > at_ms else 0"
    ahead: Callable[[OrderFacts, int], int] = function(
        "facts, at_ms", Written(f"({bits}) if facts.plain else ({detailed})")
    )
    return ahead


future_bits: Final = _ahead()
"""`(facts, at_ms)`: which facts (as bits) lie after a moment (epoch ms)."""


FIRST_HOLDS: Final = frozenset(FACT_NAMES) - {"news", "deadline_moved"}
"""Facts of which the earliest statement holds, so that a later one changes nothing in the plain case."""


def every_stamp(facts: OrderFacts) -> tuple[Stamp | None, ...]:
    """All facts, in the order of `FACT_NAMES`. Written out, since an `attrgetter` takes three times as long, and each
    alert and each order that is loaded asks for them."""
    return (
        facts.placed,
        facts.shipped,
        facts.collected,
        facts.scanned,
        facts.news,
        facts.delivered,
        facts.cancelled,
        facts.deadline_moved,
        facts.pickup_failed,
        facts.returned,
        facts.refunded,
        facts.sent_back,
        facts.part_cancelled,
    )
