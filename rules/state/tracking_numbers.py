"""Which orders of a shop were shipped under which tracking number, and which numbers were used before."""

from bisect import bisect_left, insort
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


class SharedNumber:
    """A number with several uses: those in the parcel of the first use, and the others (`reused`)."""

    __slots__ = ("first", "reused")

    def __init__(self, uses: list[Use]) -> None:
        self.first: list[Use] = []
        self.reused = set(uses[1:])
        self._join(uses[0])

    def add(self, use: Use) -> set[Use]:
        """Adds a use that is later than the first. Returns the uses that have become reuses, or are none any more."""
        if any(use.is_one_parcel_with(each) for each in self.first):
            return self._join(use)
        self.reused.add(use)
        return {use}

    def _join(self, use: Use) -> set[Use]:
        """Adds a use to the first parcel, and the reuses that are in one parcel with it; returns those."""
        joined: set[Use] = set()
        found = [use]
        while found:
            self.first += found
            found = [each for each in self.reused if any(each.is_one_parcel_with(other) for other in found)]
            self.reused.difference_update(found)
            joined.update(found)
        return joined


class TrackingNumbers:
    """The uses of each tracking number, in time. All but those of the first parcel are `reuses`."""

    __slots__ = ("_shared", "_uses", "reuses")

    def __init__(self) -> None:
        self._uses: dict[str, list[Use]] = NOTHING
        self._shared: dict[str, SharedNumber] = NOTHING
        self.reuses = Timeline()

    def replace(self, order: str, before: tuple[NumberUse, ...], after: tuple[NumberUse, ...]) -> list[tuple[int, str]]:
        """An order was shipped under other numbers, or at another time, than before. Returns the uses (when, by which
        order) that have become reuses by that, or are none any more."""
        if not self._uses:
            self._uses, self._shared = {}, {}
        changed: list[tuple[int, str]] = []
        for number in dict.fromkeys(use.number for use in (*before, *after)):
            moved: set[Use] = set()
            for use in before:
                if use.number == number and use not in after:
                    moved ^= self._remove(number, _by(order, use))
            for use in after:
                if use.number == number and use not in before:
                    moved ^= self._add(number, _by(order, use))
            changed += self._note(number, moved)
        return changed

    def _add(self, number: str, use: Use) -> set[Use]:
        """Returns the uses that have become reuses, or are none any more; so does `_remove`."""
        uses = self._uses.setdefault(number, [])
        insort(uses, use, key=_in_time)
        shared = self._shared.get(number)
        return self._count_anew(number) if shared is None or uses[0] is use else shared.add(use)

    def _remove(self, number: str, use: Use) -> set[Use]:
        uses, shared = self._uses[number], self._shared.get(number)
        del uses[uses.index(use, bisect_left(uses, _in_time(use), key=_in_time))]
        if not uses:
            del self._uses[number]
        if shared is None:
            return set()
        if use in shared.reused and len(uses) > 1:
            shared.reused.remove(use)
            return {use}
        return self._count_anew(number)

    def _count_anew(self, number: str) -> set[Use]:
        shared, uses = self._shared.pop(number, None), self._uses.get(number, ())
        before = set() if shared is None else shared.reused
        if len(uses) < 2:
            return before
        self._shared[number] = SharedNumber([*uses])
        return before ^ self._shared[number].reused

    def _note(self, number: str, moved: set[Use]) -> list[tuple[int, str]]:
        in_time = sorted(moved, key=_in_time)
        for use in in_time:
            instants = list(self.reuses.by_order.get(use.order, ()))
            if self._is_reuse(number, use):
                insort(instants, use.at_ms)
            else:
                instants.remove(use.at_ms)
            self.reuses.put(use.order, tuple(instants))
        return [(use.at_ms, use.order) for use in in_time]

    def _is_reuse(self, number: str, use: Use) -> bool:
        return number in self._shared and use in self._shared[number].reused

    def first_used_by(self, number: str) -> str:
        """The order that was shipped under a number first."""
        return self._uses[number][0].order

    def is_reuse(self, order: str, use: NumberUse) -> bool:
        """Whether an order's number had been used before."""
        return self._is_reuse(use.number, _by(order, use))

    def reused_ms(self, uses: tuple[NumberUse, ...]) -> int:
        """When one of an order's numbers was last used (epoch ms); `MIN_MS` if no other order has one of them."""
        shared = [several for use in uses if len(several := self._uses[use.number]) > 1]
        return max((several[-1].at_ms for several in shared), default=MIN_MS)


def _in_time(use: Use) -> tuple[int, str]:
    return use.at_ms, use.order


def _by(order: str, use: NumberUse) -> Use:
    return Use(use.at_ms, order, use.carrier, use.combined_with)


def uses_of(facts: OrderFacts) -> tuple[NumberUse, ...]:
    """The numbers that an order was shipped under, and when: one for each parcel that counts."""
    found = [_use_of(view) for view in (facts.parcels or (facts,))]
    return tuple(dict.fromkeys(use for use in found if use is not None))


def _use_of(view: Any) -> NumberUse | None:
    shipment, shipped = view.shipment, view.shipped
    if shipment is None or shipped is None or not shipment.tracking_no:
        return None
    return NumberUse(parcel_name(shipment.tracking_no), shipped[0], shipment.carrier, view.combined_with)
