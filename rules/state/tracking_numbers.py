"""Which orders of a shop were shipped under which tracking number, and which numbers were used before."""

from bisect import bisect_left

from rules.calendar.instants import MIN_MS
from rules.facts.order_facts import OrderFacts
from rules.kinds.nothing import NOTHING
from rules.kinds.occurrences.timeline import Timeline

NumberUse = tuple[str, int]
"""The tracking number one order was shipped under, and when (epoch ms)."""

Use = tuple[int, str]
"""One use of a number: when (epoch ms), and by which order."""


class TrackingNumbers:
    """The uses of each tracking number, in time. All but the first are `reuses`."""

    __slots__ = ("_uses", "reuses")

    def __init__(self) -> None:
        self._uses: dict[str, list[Use]] = NOTHING
        self.reuses = Timeline()

    def replace(self, order: str, before: NumberUse | None, after: NumberUse | None) -> list[Use]:
        """An order was shipped under another number, or at another time, than before. Returns the uses that have become
        reuses by that, or are none any more."""
        removed = [] if before is None else self._remove(before[0], (before[1], order))
        return removed if after is None else removed + self._add(after[0], (after[1], order))

    def _add(self, number: str, use: Use) -> list[Use]:
        self._uses = self._uses or {}
        uses = self._uses.setdefault(number, [])
        n = bisect_left(uses, use)
        uses.insert(n, use)
        if len(uses) == 1:
            return []
        at_ms, order = uses[n or 1]  # a new first makes the one that was first a reuse
        self.reuses.put(order, (at_ms,))
        return [(at_ms, order)]

    def _remove(self, number: str, use: Use) -> list[Use]:
        uses = self._uses[number]
        if len(uses) == 1:
            del self._uses[number]
            return []
        n = bisect_left(uses, use)
        at_ms, order = uses[n or 1]
        self.reuses.put(order, ())
        del uses[n]
        return [(at_ms, order)]

    def first_used_by(self, number: str) -> str:
        """The order that was shipped under a number first."""
        return self._uses[number][0][1]

    def reused_ms(self, use: NumberUse | None) -> int:
        """When an order's number was last used (epoch ms); `MIN_MS` if no other order has it."""
        uses = [] if use is None else self._uses[use[0]]
        return uses[-1][0] if len(uses) > 1 else MIN_MS


def use_of(facts: OrderFacts) -> NumberUse | None:
    """The number that an order was shipped under, and when."""
    number = facts.shipment.tracking_no if facts.shipment is not None else None
    return (number, facts.shipped[0]) if number and facts.shipped is not None else None
