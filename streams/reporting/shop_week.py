"""What a week was for one shop, from its daily values and the records of its alerts. Nothing is guessed: what isn't
known is None."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from msgspec import UNSET, Struct

from rules.calendar.days import start_of_day
from rules.calendar.instants import from_rfc3339
from rules.messages.alerts import Alert
from rules.messages.cost import money_of, rough_usd
from rules.messages.daily_values import DailyValues, PointsOfDay, RatioOfDay
from streams.reporting.week import Week

WORST_RULES = 5

AVOIDED = frozenset({"fulfilled", "fell_back", "evidence_arrived", "deadline_moved", "cancelled", "no_longer_applies"})
"""Reasons for which an alert ends before its penalty is taken."""

LOST = "period_ended"
"""The reason for which one ends because what it counted is settled: its penalty was taken."""

Figure = TypeVar("Figure")

Money = dict[str, Decimal]
"""Sums by currency, which are never added together."""


class RatioOfWeek(Struct, kw_only=True):
    """What a ratio was when the week began (at the end of the day before) and when it ended; None where no worker ran
    then, or the rule didn't apply."""

    rule: str
    start: RatioOfDay | None
    end: RatioOfDay | None


class PointsOfWeek(Struct, kw_only=True):
    """The same of a ledger of points."""

    rule: str
    start: PointsOfDay | None
    end: PointsOfDay | None


class RuleOfWeek(Struct, kw_only=True):
    """How many alerts of one rule were opened and resolved in the week."""

    rule: str
    titles: dict[str, str]
    opened: int
    resolved: int


class ShopWeek(Struct, kw_only=True):
    """`days` is of how many of the week's seven something is known; alerts and missed deadlines are counted on these.
    `late_orders` are those of which a deadline passed unmet, `still_late` how many of them still waited when it
    ended. `lost` is what the penalties come to that were settled in the week, `avoided` that of alerts that
    ended before; both as far as Kafka still has the alerts. `at_stake` is the exposure when the week ended."""

    platform: str
    shop: str
    zone: str
    days: int
    opened: int
    resolved: int
    deadlines_missed: int
    open_alerts: dict[str, int]
    late_orders: int
    still_late: int
    lost: Money
    avoided: Money
    at_stake: Money
    ratios: list[RatioOfWeek]
    points: list[PointsOfWeek]
    worst: list[RuleOfWeek]

    def place(self) -> tuple[float, float, int, int, str, str]:
        """Its place in the report: what lost most first, then what is at stake, then what has most alerts open."""
        critical = self.open_alerts.get("critical", 0)
        return -usd(self.lost), -usd(self.at_stake), -critical, -self.deadlines_missed, self.platform, self.shop


def usd(money: Money) -> float:
    return sum(rough_usd(str(amount), currency) for currency, amount in money.items())


def shop_week(week: Week, days: Mapping[str, DailyValues], trails: Iterable[list[Alert]]) -> ShopWeek | None:
    """`days` are a shop's records by local day, that of the day before the week among them; `trails` the records of
    each of its alerts, the oldest first. None where nothing is known of the week's days."""
    inside = [days[day] for day in sorted(days) if week.has(day)]
    if not inside:
        return None
    last = inside[-1]
    first_of_week = start_of_day(week.monday.toordinal(), last.zone)
    after_week = start_of_day(week.monday.toordinal() + 7, last.zone)
    before = days.get((week.monday - timedelta(days=1)).isoformat())
    found = ShopWeek(
        platform=last.platform,
        shop=last.shop,
        zone=last.zone,
        days=len(inside),
        opened=sum(day.alerts.opened for day in inside),
        resolved=sum(day.alerts.resolved for day in inside),
        deadlines_missed=sum(day.alerts.deadlines_missed for day in inside),
        open_alerts=last.open_alerts,
        late_orders=0,
        still_late=0,
        lost={},
        avoided={},
        at_stake={each["currency"]: Decimal(each["amount"]) for each in last.exposure},
        ratios=[
            RatioOfWeek(rule=rule, start=start, end=end)
            for rule, start, end in _both({} if before is None else before.ratios, last.ratios)
        ],
        points=[
            PointsOfWeek(rule=rule, start=start, end=end)
            for rule, start, end in _both({} if before is None else before.ledgers, last.ledgers)
        ],
        worst=[],
    )
    _add_alerts(found, trails, first_of_week, after_week)
    return found


def _both(start: Mapping[str, Figure], end: Mapping[str, Figure]) -> list[tuple[str, Figure | None, Figure | None]]:
    return [(rule, start.get(rule), end.get(rule)) for rule in dict.fromkeys((*end, *start))]


def _add_alerts(found: ShopWeek, trails: Iterable[list[Alert]], from_ms: int, to_ms: int) -> None:
    opened, resolved, titles = Counter[str](), Counter[str](), dict[str, dict[str, str]]()
    late, still_late = set[str](), set[str]()
    for trail in trails:
        newest, data = trail[-1], trail[-1].data
        at_ms = from_rfc3339(newest.time)
        ended_ms = at_ms if data.state == "resolved" else None
        if from_ms <= from_rfc3339(data.opened_at) < to_ms:
            opened[data.rule] += 1
        ends_in_week = ended_ms is not None and from_ms <= ended_ms < to_ms
        resolved[data.rule] += ends_in_week
        titles[data.rule] = data.titles or {"en": data.title or data.rule}
        if ends_in_week and data.reason == LOST:
            _add(found.lost, trail)
        elif ends_in_week and data.reason in AVOIDED:
            _add(found.avoided, trail)
        missed = newest.order is not UNSET and data.due_at is not None and data.stage == "overdue"
        if missed and from_ms <= from_rfc3339(str(data.due_at)) < to_ms:
            late.add(str(newest.order))
            if ended_ms is None or ended_ms >= to_ms:
                still_late.add(str(newest.order))
    found.late_orders, found.still_late = len(late), len(still_late)
    rules = sorted(opened | resolved, key=lambda rule: (-opened[rule], -resolved[rule], rule))
    found.worst = [
        RuleOfWeek(rule=rule, titles=titles[rule], opened=opened[rule], resolved=resolved[rule])
        for rule in rules[:WORST_RULES]
        if opened[rule] or resolved[rule]
    ]


def _add(money: Money, trail: list[Alert]) -> None:
    """Adds what an alert's newest record with a penalty says."""
    sums = next((sums for record in reversed(trail) if (sums := money_of(record))), [])
    for amount, currency in sums:
        money[currency or ""] = money.get(currency or "", Decimal()) + Decimal(amount)
