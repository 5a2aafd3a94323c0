"""What the alerts of one rule add to a ledger together: the ledger takes no more of them a day, a week and an order
than its caps allow."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct

from rules.calendar.days import day_of, week_of
from rules.kinds.ledger.spec import Cap, LedgerSpec
from rules.plan.rule_book import RuleBook

Capped = tuple[str, str]
"""A rule's id and the ledger that takes points for what it finds."""


class Caps(Struct, frozen=True):
    """The most points a local day, calendar week and order, and the zone of the days. Unlimited without any."""

    most: Mapping[Cap, Decimal] = {}
    zone: str = "UTC"


NO_CAPS = Caps()
UNCAPPED: Mapping[Capped, Caps] = MappingProxyType({})


def caps_of(book: RuleBook) -> dict[Capped, Caps]:
    """The caps of all rules on single orders that ledgers take points for, as the packs have them for all shops."""
    found: dict[Capped, Caps] = {}
    for pack in book.packs:
        for rule in pack.rules:
            if not isinstance(rule, LedgerSpec):
                continue
            for feed in rule.feeds:
                for of in feed.of if feed.caps else ():
                    for source in of.timers() | of.rules():
                        found[source, rule.ledger] = Caps(feed.caps, pack.zone)
    return found


class CappedSum:
    """Points of one rule in one ledger, each of an order at an instant (epoch ms)."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._points: defaultdict[tuple[int, str | None], Decimal] = defaultdict(Decimal)
        self._total: Decimal | None = None

    def add(self, at_ms: int, order: str | None, points: Decimal) -> None:
        most = self._caps.most
        day = day_of(at_ms, self._caps.zone) if "day" in most or "week" in most else 0
        self._points[day, order if "order" in most else None] += points
        self._total = None

    def total(self) -> Decimal:
        """What the ledger takes of them: of each order, of each day and of each week no more than its cap."""
        if self._total is None:
            self._total = self._added_up()
        return self._total

    def _added_up(self) -> Decimal:
        most, days, weeks = self._caps.most, defaultdict[int, Decimal](Decimal), defaultdict[int, Decimal](Decimal)
        for (day, order), points in self._points.items():
            days[day] += min(points, most["order"]) if order is not None and "order" in most else points
        for day, points in days.items():
            weeks[week_of(day)[0] if "week" in most else 0] += min(points, most.get("day", points))
        return sum((min(points, most.get("week", points)) for points in weeks.values()), Decimal())
