"""Where counts, events and ledgers take what they count: `of: {missed: joom.late_ship}`, `{violation: [fake_orders]}`.

Some happenings are an order's (a deadline missed, a cancellation): their instants are worked out with each judgement
of the order and kept beside it. Others are the shop's own events.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from rules.conditions import Condition, compile_condition, facts_named, rules_named
from rules.facts import FACT_NAMES, OrderFacts, bits_of
from rules.instants import DAWN, NEVER, rfc3339
from rules.kinds.timer import Timer
from rules.shopfacts import Entry, in_order, starts_ms

if TYPE_CHECKING:
    from rules.watch import Shop

Instants = Callable[[OrderFacts, int, int], tuple[int, ...]]
"""`(facts, missed, passed_ms)`: the instants (epoch ms) at which something happened to an order."""


class Trace(Struct, frozen=True):
    """What happened to orders; to be asked again when one of `facts` has changed or one of the deadline rules `bits`
    has judged."""

    instants: Instants
    facts: int = 0
    bits: int = 0


class Of(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Exactly one of: orders that `missed` a deadline rule, each time one was `judged` late, `orders` that meet a
    condition (at their fact `at`), shipments whose tracking number was `reused`, `violation`s of these kinds (only
    severe ones, or only others), promotions dearer than the `promotion` price before, crossings of a level or count
    (`crossed`)."""

    missed: str | None = None
    judged: str | None = None
    orders: Condition | None = None
    at: str | None = None
    reused: Literal["tracking_no"] | None = None
    violation: tuple[str, ...] | None = None
    severe: bool | None = None
    promotion: Literal["above_price"] | None = None
    crossed: str | None = None

    def complaints(self) -> Iterator[str]:
        forms = ("missed", "judged", "orders", "reused", "violation", "promotion", "crossed")
        if sum(getattr(self, form) is not None for form in forms) != 1:
            yield f"`of` takes exactly one of {', '.join(forms)}"
        if (self.orders is None) != (self.at is None):
            yield "`orders` goes with `at`, the fact whose instant counts"
        if self.at is not None and self.at not in FACT_NAMES:
            yield f"{self.at} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
        if self.severe is not None and self.violation is None:
            yield "`severe` goes with `violation`"
        if self.orders is not None and rules_named(self.orders):
            yield "`orders` looks at an order's facts, not at other rules"

    def timers(self) -> set[str]:
        """Ids of the deadline rules it rests on."""
        return {rule for rule in (self.missed, self.judged) if rule is not None}

    def rules(self) -> set[str]:
        """Ids of the other rules it rests on."""
        return set() if self.crossed is None else {self.crossed}

    def facts(self) -> set[str]:
        """Facts of an order it looks at by itself."""
        if self.reused is not None:
            return {"shipped"}
        return set() if self.orders is None or self.at is None else {self.at} | facts_named(self.orders)

    def events(self) -> set[str]:
        """Types of the shop's events it looks at."""
        if self.violation is not None:
            return {"violation.recorded"}
        return {"price.changed", "promotion.scheduled"} if self.promotion is not None else set()


class Happening(Struct, frozen=True):
    """One thing that happened: when, what it is about (an order, a SKU, `-`), how often, and who was concerned."""

    at_ms: int
    subject: str = "-"
    event: str = ""
    source: str = ""
    times: int = 1
    severe: bool = False
    order: str | None = None
    buyer: str | None = None
    kind: str | None = None
    tracking_no: str | None = None
    first_used_by: str | None = None

    def place(self) -> tuple[int, str, str, str]:
        """Its place in time."""
        return self.at_ms, self.subject, self.source, self.event

    def shown(self) -> dict[str, Any]:
        """As evidence."""
        shown: dict[str, Any] = {"at": rfc3339(self.at_ms)}
        for name in ("order", "kind", "buyer", "tracking_no", "first_used_by", "source", "event"):
            if value := getattr(self, name):
                shown[name] = value
        if self.subject not in ("-", self.order):
            shown["sku"] = self.subject
        return shown | ({"count": self.times} if self.times != 1 else {}) | ({"severe": True} if self.severe else {})


class Source:
    """An `of`, ready to be asked. `slot` is where a shop keeps its orders' instants; None where it asks none."""

    __slots__ = ("crossed", "of", "slot")

    def __init__(self, of: Of, slot: int | None, crossed: Any) -> None:
        self.of = of
        self.slot = slot
        self.crossed = crossed

    def happenings(self, shop: "Shop", since_ms: int = DAWN) -> list[Happening]:
        """All that is known of from a moment on, the oldest first; some may lie ahead of the clock."""
        return sorted(self._found(shop, since_ms), key=Happening.place)

    def of_orders(self, shop: "Shop", since_ms: int) -> list[tuple[int, str]]:
        """Where the shop keeps its orders' instants: when it happened from a moment on, and to which, oldest first."""
        assert self.slot is not None
        found: list[tuple[int, str]] = shop.marks[self.slot].since(since_ms)
        return found

    def instants(self, shop: "Shop") -> Mapping[str, Sequence[int]]:
        """When it happened, by what it is about: the same in brief."""
        if self.slot is not None:
            kept: Mapping[str, Sequence[int]] = shop.marks[self.slot].by_order
            return kept
        found: dict[str, list[int]] = {}
        for each in self.happenings(shop):
            found.setdefault(each.subject, []).append(each.at_ms)
        return found

    def next_after(self, shop: "Shop", at_ms: int) -> int:
        """When it happens next, as far as is known of what lies ahead (epoch ms); `NEVER` where nothing is."""
        if self.slot is not None:
            known: int = shop.marks[self.slot].next_after(at_ms)
            return known
        return min([each.at_ms for each in self._of_shop(shop) if each.at_ms > at_ms], default=NEVER)

    def about(self, shop: "Shop", subject: str) -> list[Happening]:
        """What happened to one subject, the oldest first."""
        if self.slot is not None:
            instants = shop.marks[self.slot].by_order.get(subject, ())
            return [self._to_order(shop, at_ms, subject) for at_ms in instants]
        return [each for each in self.happenings(shop) if each.subject == subject]

    def _to_order(self, shop: "Shop", at_ms: int, order: str) -> Happening:
        return Happening(at_ms, order, *_event(shop, order, self.of.at), order=order)

    def _found(self, shop: "Shop", since_ms: int) -> Iterator[Happening]:
        if self.slot is not None:
            yield from (self._to_order(shop, *each) for each in self.of_orders(shop, since_ms))
        else:
            yield from (each for each in self._of_shop(shop) if each.at_ms >= since_ms)

    def _of_shop(self, shop: "Shop") -> Iterator[Happening]:
        if self.crossed is not None:
            yield from self.crossed.crossings(shop)
        elif self.of.reused is not None:
            yield from _reused(shop)
        elif self.of.violation is not None:
            yield from _violations(shop, self.of.violation, self.of.severe)
        else:
            yield from _above_price(shop)


def _reused(shop: "Shop") -> Iterator[Happening]:
    for number, orders in shop.numbers.items():
        if len(orders) == 1:
            continue
        first, *others = sorted((at_ms, order) for order, at_ms in orders.items())
        for at_ms, order in others:
            said = _event(shop, order, "shipped")
            yield Happening(at_ms, order, *said, order=order, tracking_no=number, first_used_by=first[1])


def _event(shop: "Shop", order: str, fact: str | None) -> tuple[str, str]:
    """`(event id, source)` of the event that stated a fact of an order; blanks, where a deadline passed instead."""
    if fact is None:
        return "", ""
    _, source, event = getattr(shop.orders[order].facts, fact)
    return event, source


def _violations(shop: "Shop", kinds: tuple[str, ...], severe: bool | None) -> Iterator[Happening]:
    for entry in shop.facts.of("violation.recorded"):
        data = entry.data
        if data.kind in kinds and severe in (None, data.severe):
            yield _of_entry(entry, entry.order or data.sku, data.count, data.severe, data.buyer, data.kind)


def _above_price(shop: "Shop") -> Iterator[Happening]:
    """Promotions dearer than what, as known when they were scheduled, the price will be when they start."""
    prices = in_order(shop.facts.of("price.changed"))
    for entry in shop.facts.of("promotion.scheduled"):
        starts, price = starts_ms(entry), entry.data.price
        known = [each for each in prices if each.data.sku == entry.data.sku and each.at_ms <= entry.at_ms]
        before = [each.data.price for each in known if starts_ms(each) <= starts]
        if before and before[-1] is not None and price is not None and price > before[-1]:
            yield _of_entry(entry, entry.data.sku)


def _of_entry(
    entry: Entry,
    subject: str | None,
    times: int = 1,
    severe: bool = False,
    buyer: str | None = None,
    kind: str | None = None,
) -> Happening:
    return Happening(
        entry.at_ms, subject or "-", entry.id, entry.source, max(times, 0), severe, entry.order, buyer, kind
    )


def trace_of(of: Of, timers: Mapping[str, Sequence[Timer]]) -> Trace | None:
    """How its instants follow from an order; None where it takes them from elsewhere."""
    if of.missed is not None:
        judging = timers[of.missed]
        return Trace(_missed(judging), bits=_bits(judging))
    if of.judged is not None:
        judging = timers[of.judged]
        return Trace(_judged(judging), bits=_bits(judging))
    if of.orders is not None and of.at is not None:
        return Trace(_meeting(compile_condition(of.orders, {}), of.at), facts=bits_of(of.facts()))
    return None


def _bits(timers: Sequence[Timer]) -> int:
    return sum(timer.bit for timer in timers)


def _missed(timers: Sequence[Timer]) -> Instants:
    bits = _bits(timers)

    def instants(facts: OrderFacts, missed: int, passed_ms: int) -> tuple[int, ...]:
        if not missed & bits:
            return ()
        return tuple(due for timer in timers if missed & timer.bit and (due := timer.due(facts)) is not None)

    return instants


def _judged(timers: Sequence[Timer]) -> Instants:
    bits = _bits(timers)
    return lambda facts, missed, passed_ms: (
        tuple(at for timer in timers for at in timer.judgements(facts, passed_ms)) if missed & bits else ()
    )


def _meeting(test: Callable[[OrderFacts, int, int], bool], at: str) -> Instants:
    def instants(facts: OrderFacts, missed: int, passed_ms: int) -> tuple[int, ...]:
        mark = getattr(facts, at)
        return (mark[0],) if mark is not None and test(facts, 0, 0) else ()

    return instants
