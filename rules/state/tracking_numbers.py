"""Which orders of a shop were shipped under which tracking number, and which numbers were used before."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.order_facts import OrderFacts
from rules.kinds.nothing import NOTHING
from rules.kinds.timeline import Timeline
from rules.messages.names import parcel_name

TOGETHER_MS: Final = 600_000
"""Orders shipped under one number by one carrier within this time went out in one parcel."""


class NumberUse(NamedTuple):
    """A tracking number that an order was shipped under, when (epoch ms), by which carrier, and together with which
    other order, where that is known."""

    number: str
    at_ms: int
    carrier: str | None
    combined_with: str | None


class Use(NamedTuple):
    """One use of a number: when (epoch ms), by which order, and what else is known of it."""

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
    """A number with several uses, in one or more `runs`: a use that comes long after the one before it is the first of
    a new run. `first`: the uses in the parcel of the last run's first use; `reused`: its others; `reused_before`: the
    same of the runs before it."""

    __slots__ = ("first", "reused", "reused_before", "runs")

    def __init__(self, runs: Iterable[list[Use]]) -> None:
        self.runs = 0
        self.first: list[Use] = []
        self.reused: set[Use] = set()
        self.reused_before: set[Use] = set()
        for run in runs:
            self.begin(run)

    def begin(self, run: list[Use]) -> None:
        """Adds a run that is later than all before."""
        self.runs += 1
        self.reused_before |= self.reused
        self.first, self.reused = [], set(run[1:])
        self._join(run[0])

    def all_reused(self) -> set[Use]:
        """The reuses of all runs."""
        return self.reused | self.reused_before if self.reused_before else self.reused

    def add(self, use: Use) -> set[Use]:
        """Adds a use to the last run that isn't its first. Returns the uses that have become reuses, or are none any
        more."""
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
    """The uses of each tracking number, in time. All but those of the first parcel are `reuses`, as long as each comes
    within a time (ms) of the one before it; after that a number is a new one, as carriers use them again."""

    __slots__ = ("_shared", "_uses", "_within_ms", "reuses")

    def __init__(self, within_ms: int = NEVER) -> None:
        self._within_ms = within_ms
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
        if shared is None or uses[0] is use:
            return self._count_anew(number)
        if uses[-1] is not use:  # one that comes late
            return shared.add(use) if shared.runs == 1 else self._count_anew(number)
        if use.at_ms - uses[-2].at_ms <= self._within_ms:
            return shared.add(use)
        shared.begin([use])
        return set()

    def _remove(self, number: str, use: Use) -> set[Use]:
        uses, shared = self._uses[number], self._shared.get(number)
        n = uses.index(use, bisect_left(uses, _in_time(use), key=_in_time))
        del uses[n]
        if not uses:
            del self._uses[number]
        if shared is None:
            return set()
        is_gap = 0 < n < len(uses) and uses[n].at_ms - uses[n - 1].at_ms > self._within_ms
        if use in shared.all_reused() and len(uses) > 1 and not is_gap:
            shared.reused.discard(use)
            shared.reused_before.discard(use)
            return {use}
        return self._count_anew(number)

    def _count_anew(self, number: str) -> set[Use]:
        shared, uses = self._shared.pop(number, None), self._uses.get(number, ())
        before = set() if shared is None else shared.all_reused()
        if len(uses) < 2:
            return before
        self._shared[number] = SharedNumber(self._runs(uses))
        return before ^ self._shared[number].all_reused()

    def _runs(self, uses: Sequence[Use]) -> Iterator[list[Use]]:
        start = 0
        for n in range(1, len(uses) + 1):
            if n == len(uses) or uses[n].at_ms - uses[n - 1].at_ms > self._within_ms:
                yield [*uses[start:n]]
                start = n

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
        return number in self._shared and use in self._shared[number].all_reused()

    def by_order(self) -> dict[str, tuple[NumberUse, ...]]:
        """The uses of each order."""
        found: dict[str, tuple[NumberUse, ...]] = {}
        for number, uses in self._uses.items():
            for use in uses:
                of_order = NumberUse(number, use.at_ms, use.carrier, use.combined_with)
                found[use.order] = (*found.get(use.order, ()), of_order)
        return found

    def first_used_by(self, order: str, use: NumberUse) -> str:
        """The order that was shipped first under the number of an order, before a use of it."""
        uses, shared = self._uses[use.number], self._shared.get(use.number)
        if shared is None or shared.runs == 1:
            return uses[0].order
        return next(run for run in self._runs(uses) if _by(order, use) in run)[0].order

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
