"""Which orders of a shop were shipped under which tracking number, and which numbers were used before."""

from bisect import insort
from typing import Any, Final, NamedTuple

from rules.calendar.instants import MIN_MS
from rules.facts.order_facts import OrderFacts
from rules.kinds.nothing import NOTHING
from rules.kinds.occurrences.timeline import Timeline
from rules.messages.names import parcel_name

TOGETHER_MS: Final = 600_000
"""Orders shipped under one number by one carrier within this time went out in one parcel."""


class NumberUse(NamedTuple):
    """A tracking number that an order was shipped under, when (epoch ms), by which carrier, and together with which
    other order, where that was said."""

    number: str
    at_ms: int
    carrier: str | None
    combined_with: str | None


class Use(NamedTuple):
    """One use of a number: when (epoch ms), by which order, and what else was said of it."""

    at_ms: int
    order: str
    carrier: str | None
    combined_with: str | None

    def is_one_parcel_with(self, other: "Use") -> bool:
        if self.order in (other.order, other.combined_with) or self.combined_with == other.order:
            return True
        one_carrier = self.carrier is not None and self.carrier == other.carrier
        return one_carrier and abs(self.at_ms - other.at_ms) <= TOGETHER_MS


class TrackingNumbers:
    """The uses of each tracking number, in time. All but those of the first parcel are `reuses`."""

    __slots__ = ("_uses", "reuses")

    def __init__(self) -> None:
        self._uses: dict[str, list[Use]] = NOTHING
        self.reuses = Timeline()

    def replace(self, order: str, before: tuple[NumberUse, ...], after: tuple[NumberUse, ...]) -> list[tuple[int, str]]:
        """An order was shipped under other numbers, or at another time, than before. Returns the uses (when, by which
        order) that have become reuses by that, or are none any more."""
        self._uses = self._uses or {}
        moved: list[tuple[int, str]] = []
        for number in dict.fromkeys(use.number for use in (*before, *after)):
            uses = self._uses.setdefault(number, [])
            reused = _reuses(uses)
            uses[:] = [use for use in uses if use.order != order]
            for use in after:
                if use.number == number:
                    insort(uses, Use(use.at_ms, order, use.carrier, use.combined_with), key=_in_time)
            moved += self._note({*reused}, {*_reuses(uses)})
            if not uses:
                del self._uses[number]
        return moved

    def _note(self, before: set[Use], after: set[Use]) -> list[tuple[int, str]]:
        for order in dict.fromkeys(use.order for use in sorted(before ^ after, key=_in_time)):
            instants = list(self.reuses.by_order.get(order, ()))
            for use in before - after:
                if use.order == order and use.at_ms in instants:
                    instants.remove(use.at_ms)
            instants += [use.at_ms for use in after - before if use.order == order]
            self.reuses.put(order, tuple(sorted(instants)))
        return [(use.at_ms, use.order) for use in sorted(before ^ after, key=_in_time)]

    def first_used_by(self, number: str) -> str:
        """The order that was shipped under a number first."""
        return self._uses[number][0].order

    def is_reuse(self, order: str, use: NumberUse) -> bool:
        """Whether an order's number had been used before."""
        return any(each.order == order and each.at_ms == use.at_ms for each in _reuses(self._uses[use.number]))

    def reused_ms(self, uses: tuple[NumberUse, ...]) -> int:
        """When one of an order's numbers was last used (epoch ms); `MIN_MS` if no other order has one of them."""
        shared = [several for use in uses if len(several := self._uses[use.number]) > 1]
        return max((several[-1].at_ms for several in shared), default=MIN_MS)


def _in_time(use: Use) -> tuple[int, str]:
    return use.at_ms, use.order


def _reuses(uses: list[Use]) -> list[Use]:
    """Of the uses of a number, in time, those in another parcel than the first."""
    if len(uses) < 2:
        return []
    first, others = [uses[0]], uses[1:]
    while together := [use for use in others if any(use.is_one_parcel_with(each) for each in first)]:
        first += together
        others = [use for use in others if use not in together]
    return others


def uses_of(facts: OrderFacts) -> tuple[NumberUse, ...]:
    """The numbers that an order was shipped under, and when: one for each parcel that counts."""
    found = [_use_of(view) for view in (facts.parcels or (facts,))]
    return tuple(dict.fromkeys(use for use in found if use is not None))


def _use_of(view: Any) -> NumberUse | None:
    shipment, shipped = view.shipment, view.shipped
    if shipment is None or shipped is None or not shipment.tracking_no:
        return None
    return NumberUse(parcel_name(shipment.tracking_no), shipped[0], shipment.carrier, view.combined_with)
