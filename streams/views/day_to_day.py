"""How figures stand against those of the day before, from daily values: money at stake, open alerts, ratios, points."""

from collections.abc import Container, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from rules.kinds.ratio.spec import RatioSpec
from rules.messages.cost import SEVERITIES
from rules.messages.daily_values import DailyValues
from rules.plan.rule_book import RuleBook
from streams.views.groups import add_sum
from streams.views.shops import ShopKey

DAYS_KEPT: Final = 2
"""Of each shop, its newest: the one that goes on, and the one before."""


class MoneyMoved(Struct, kw_only=True):
    """Money at stake in one currency, in all shops."""

    currency: str
    before: str
    now: str


class CountMoved(Struct, kw_only=True):
    before: int
    now: int


class FigureMoved(Struct, kw_only=True):
    """A ratio's share, or points: `now`, on the day that goes on, and at the end of the day `before`. `threshold` is
    where the next step lies now; `crossed` says that one lies between the two, `worse` that it moved towards it
    or further past it."""

    platform: str
    shop: str
    rule: str
    unit: Literal["share", "points"]
    before: float
    now: float
    threshold: float
    crossed: bool
    worse: bool

    def place(self) -> tuple[bool, float, str, str, str]:
        """Its place in a list: what crossed its threshold first, then by how much of it the figure moved."""
        moved = abs(self.now - self.before) / (self.threshold or 1.0)
        return not self.crossed, -moved, self.platform, self.shop, self.rule


class _Figure(NamedTuple):
    """A rule's figure of a day. `period` is that of a ratio whose periods are the calendar's."""

    unit: Literal["share", "points"]
    value: float | None
    threshold: float | None
    period: str | None


class DayToDay:
    """Takes daily values in any order, of several of a shop and day the last; compares each shop's newest day with the
    one before it. Shops of which one of the two is missing, or whose newest day is older than `since`, are left out."""

    def __init__(self, since: date) -> None:
        self._since = since.isoformat()
        self._days: dict[ShopKey, dict[str, DailyValues]] = {}

    def add(self, values: DailyValues) -> None:
        days = self._days.setdefault(ShopKey(values.platform, values.shop), {})
        days[values.day] = values
        if len(days) > DAYS_KEPT:
            del days[min(days)]

    def pairs(self) -> list[tuple[DailyValues, DailyValues]]:
        """Each shop's day before and its newest."""
        found = []
        for days in self._days.values():
            newest = max(days)
            before = days.get((date.fromisoformat(newest) - timedelta(days=1)).isoformat())
            if before is not None and newest >= self._since:
                found.append((before, days[newest]))
        return found


def money_moved(pairs: list[tuple[DailyValues, DailyValues]]) -> list[MoneyMoved]:
    """By currency, those of which there is or was any."""
    before, now = dict[str, Decimal](), dict[str, Decimal]()
    for pair in pairs:
        for sums, values in zip((before, now), pair, strict=True):
            for each in values.exposure:
                add_sum(sums, each["currency"], each["amount"])
    nothing = Decimal()
    return [
        MoneyMoved(currency=each, before=str(before.get(each, nothing)), now=str(now.get(each, nothing)))
        for each in sorted(before.keys() | now.keys())
    ]


def alerts_moved(pairs: list[tuple[DailyValues, DailyValues]]) -> dict[str, CountMoved]:
    """How many alerts are and were open, by severity."""
    return {
        severity: CountMoved(
            before=sum(before.open_alerts.get(severity, 0) for before, _ in pairs),
            now=sum(now.open_alerts.get(severity, 0) for _, now in pairs),
        )
        for severity in sorted(SEVERITIES, key=SEVERITIES.__getitem__, reverse=True)
    }


def good_ratios(book: RuleBook) -> frozenset[str]:
    """The rules whose ratio must not fall, since it counts what went well."""
    return frozenset(rule.id for pack in book.packs for rule in pack.rules if isinstance(rule, RatioSpec) and rule.good)


def figures_moved(pairs: list[tuple[DailyValues, DailyValues]], good: Container[str]) -> list[FigureMoved]:
    """The ratios and points that moved, in the order of `FigureMoved.place`. Of the `good` rules more is better."""
    return sorted((each for pair in pairs for each in _moved(*pair, good)), key=FigureMoved.place)


def _moved(before: DailyValues, now: DailyValues, good: Container[str]) -> Iterator[FigureMoved]:
    """Of one shop. A ratio whose calendar period has just begun hasn't moved: it counts other orders."""
    old = _figures(before)
    for rule, new in _figures(now).items():
        was = old.get(rule)
        if was is None or was.value is None or new.value is None or was.period != new.period:
            continue
        # The next step that was ahead on each day: of several steps, yesterday's may have been passed since.
        steps = [step for step in (new.threshold, was.threshold) if step is not None]
        if steps and _shown(new) != _shown(was):
            yield FigureMoved(
                platform=now.platform,
                shop=now.shop,
                rule=rule,
                unit=new.unit,
                before=was.value,
                now=new.value,
                threshold=steps[0],
                crossed=any((was.value < step) != (new.value < step) for step in steps),
                worse=(new.value > was.value) != (rule in good),
            )


def _figures(values: DailyValues) -> dict[str, _Figure]:
    ratios = {rule: _Figure("share", each.value, each.threshold, each.period) for rule, each in values.ratios.items()}
    ledgers = {rule: _Figure("points", each.points, each.limit, None) for rule, each in values.ledgers.items()}
    return ratios | ledgers


def _shown(figure: _Figure) -> float:
    """As pages show it: a tenth of a percent, or of a point."""
    return round(figure.value or 0.0, 3 if figure.unit == "share" else 1)
