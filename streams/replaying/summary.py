"""What a replay brought, in numbers: alerts by clause and stage, what is open, the costliest first, the shops with
most, and the money at stake."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from rules.calendar.instants import rfc3339
from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from rules.messages.cost import Rank, money_of, rank_of
from rules.messages.names import shop_key
from rules.messages.text import visible
from rules.reports.standing import standings
from streams.replaying.columns import aligned

SHOPS_SHOWN = GROUPS_SHOWN = 10

Place = tuple[str, str, str]
"""Clause, rule and stage."""


def summary(alerts: Iterable[Alert], engine: Engine) -> list[str]:
    """Takes all alerts of a replay by `engine`, and then says where it stands."""
    changes: Counter[tuple[Place, str]] = Counter()
    per_shop: Counter[str] = Counter()
    is_open: dict[str, Alert] = {}
    for alert in alerts:
        data = alert.data
        changes[_place(alert), alert.type] += 1
        if alert.type == "alert.opened":
            per_shop[shop_key(alert.platform, alert.shop)] += 1
        if data.state == "open":
            is_open[data.alert] = alert
        else:
            is_open.pop(data.alert, None)
    if not changes:
        return ["no alerts"]
    return [
        f"{changes.total()} alert records, {len(is_open)} alerts open at {rfc3339(engine.clock_ms)}",
        "",
        *_by_stage(changes, Counter(map(_place, is_open.values()))),
        "",
        *_by_group(is_open.values()),
        "",
        *_by_shop(per_shop, engine),
        "",
        *_exposure(engine),
    ]


def _place(alert: Alert) -> Place:
    return alert.data.clause, alert.data.rule, alert.data.stage


def _by_group(is_open: Iterable[Alert]) -> list[str]:
    """Open alerts by shop and rule."""
    groups: dict[tuple[str, str], list[Alert]] = {}
    for alert in is_open:
        groups.setdefault((shop_key(alert.platform, alert.shop), alert.data.rule), []).append(alert)
    costliest = sorted(groups.items(), key=lambda group: (_cost(group[1]), group[0]))[:GROUPS_SHOWN]
    rows = [(visible(shop), rule, str(len(alerts)), *_money_and_points(alerts)) for (shop, rule), alerts in costliest]
    head = (f"open now, the costliest first ({len(rows)} of {len(groups)})", "rule", "open", "money", "points")
    return aligned(head, rows, right=frozenset({2, 3, 4}))


def _cost(alerts: list[Alert]) -> Rank:
    """A group's place: sanctions in force, then money, points and severity, of all its alerts together."""
    ranks = [rank_of(alert) for alert in alerts]
    active, money, points, severity = zip(*ranks, strict=True)
    return min(active), sum(money), sum(points), min(severity)


def _money_and_points(alerts: list[Alert]) -> tuple[str, str]:
    sums: dict[str, Decimal] = {}
    for amount, currency in [each for alert in alerts for each in money_of(alert)]:
        sums[currency or ""] = sums.get(currency or "", Decimal()) + Decimal(amount)
    points = sum(alert.data.penalty.points or 0 for alert in alerts if alert.data.penalty is not None)
    money = " + ".join(f"{amount:,} {visible(currency)}".rstrip() for currency, amount in sorted(sums.items()))
    return money or "-", f"{points:.10g}" if points else "-"


def _by_stage(changes: Counter[tuple[Place, str]], is_open: Counter[Place]) -> list[str]:
    places = sorted({place for place, _ in changes}, key=_in_turn)
    rows = [
        (
            *place,
            *(str(changes[place, f"alert.{change}"]) for change in ("opened", "updated", "resolved")),
            str(is_open[place]),
        )
        for place in places
    ]
    head = ("clause", "rule", "stage", "opened", "updated", "resolved", "open now")
    return aligned(head, rows, right=frozenset({3, 4, 5, 6}))


def _in_turn(place: Place) -> tuple[str, int, Place]:
    """`joom-3` comes before `joom-10`."""
    prefix, _, number = place[0].rpartition("-")
    return prefix, int(number) if number.isdecimal() else 0, place


def _by_shop(opened: Counter[str], engine: Engine) -> list[str]:
    open_now = {shop.key: shop.emitted.open_total for shop in engine.shops.values()}
    most = sorted(opened.items(), key=lambda each: (-each[1], each[0]))[:SHOPS_SHOWN]
    rows = [(visible(shop), str(count), str(open_now[shop])) for shop, count in most]
    head = (f"shops with most alerts ({len(rows)} of {len(engine.shops)})", "opened", "open now")
    return aligned(head, rows, right=frozenset({1, 2}))


def _exposure(engine: Engine) -> Iterator[str]:
    """The shops' exposures added up, each currency on its own."""
    sums: dict[str, Decimal] = {}
    for standing in standings(engine):
        at_stake = standing["exposure"]
        for each in [at_stake, *at_stake.get("others", [])] if at_stake else []:
            sums[each["currency"]] = sums.get(each["currency"], Decimal()) + Decimal(each["amount"])
    if not sums:
        yield "exposure: none"
    for currency, amount in sorted(sums.items()):
        yield f"exposure: {amount:,} {visible(currency)}".rstrip()
