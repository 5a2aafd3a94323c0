"""What a day begins with: what costs most, what has changed since yesterday, and what to do about it.

Nothing is worked out here that groups, standings and the ship-next lists don't say: it is chosen, added up by shop, and
put in order.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from rules.calendar.instants import DAY_MS
from rules.messages.cost import SEVERITIES, rough_usd
from streams.views.alerts import GroupKey, Held
from streams.views.groups import Group, Groups, ShopAlerts, add_sum, money_rows, points_by_ledger
from streams.views.shops import ShopKey, Shops

SINCE_MS: Final = DAY_MS
"""How far back "since yesterday" goes."""

WorkList = Literal["ship", "carrier"]

LISTS: Final[dict[str, WorkList]] = {
    "ship_first": "ship",
    "ship_oldest_first": "ship",
    "hand_over_to_carrier": "carrier",
    "ask_carrier": "carrier",
}
"""The list that somebody works through who does what an alert asks for."""


# -- what costs most -------------------------------------------------------------------------------------------


class ShopCost(Struct, kw_only=True):
    """What a shop's open alerts come to (`money` and `points` are the sums of its groups, `alerts` as in /api/shops),
    and of its standing the sanctions in force, the ledgers, and the money at stake (`exposure`), as of `at`. `watched`
    is false where no rule watches it, and nothing is known."""

    platform: str
    shop: str
    at: str | None
    watched: bool
    alerts: ShopAlerts
    money: list[dict[str, str]]
    points: dict[str, float]
    sanctions: list[dict[str, Any]]
    ledgers: dict[str, Any]
    exposure: dict[str, Any] | None

    @property
    def costs(self) -> bool:
        """Whether it costs anything or something is wrong."""
        counts = self.alerts
        near = any(_is_near(each) for each in self.ledgers.values())
        return bool(self.sanctions or self.exposure or self.money or counts.critical or counts.warning or near)

    def place(self) -> tuple[Any, ...]:
        """Its place in a list, the costliest first: sanctions in force, money, points, then alerts."""
        counts = self.alerts
        usd = max(counts.usd, rough_sum(self.exposure))
        return not self.sanctions, -usd, -counts.points, -counts.critical, -counts.warning, self.platform, self.shop


class _Standing(Struct):
    at: str | None = None
    watched: bool = True
    sanctions: list[dict[str, Any]] = []
    ledgers: dict[str, Any] = {}
    exposure: dict[str, Any] | None = None


_standing = msgspec.json.Decoder(_Standing).decode


def _is_near(ledger: dict[str, Any]) -> bool:
    """Whether points of a ledger lead to a sanction at its next evaluation."""
    forecast = ledger.get("forecast") or {}
    return bool(forecast.get("tier")) and bool(ledger.get("points") or forecast.get("points"))


def rough_sum(exposure: dict[str, Any] | None) -> float:
    """About what a sum of a standing is worth, with those in other currencies."""
    if exposure is None:
        return 0.0
    return sum(
        rough_usd(each.get("amount", ""), each.get("currency")) for each in (exposure, *exposure.get("others", ()))
    )


def shop_cost(shops: Shops, groups: Groups, key: ShopKey) -> ShopCost:
    """What one shop costs."""
    raw = shops.raw(key)
    standing = _Standing() if raw is None else _standing(raw)
    money, points = dict[str, Decimal](), dict[str, Decimal]()
    for rule in groups.rules(key):
        sums = groups.sums((*key, rule))
        for currency, amount in sums.money.items():
            add_sum(money, currency, str(amount))
        for ledger, amount in sums.by_ledger.items():
            add_sum(points, ledger, str(amount))
    return ShopCost(
        platform=key.platform,
        shop=key.shop,
        at=standing.at,
        watched=standing.watched,
        alerts=groups.of_shop(*key),
        money=money_rows(money),
        points=points_by_ledger(points),
        sanctions=standing.sanctions,
        ledgers=standing.ledgers,
        exposure=standing.exposure,
    )


# -- what has changed ------------------------------------------------------------------------------------------


class GroupChange(Struct, kw_only=True):
    """How many alerts of one shop and rule were opened, got worse and were resolved. What was opened and resolved since
    is in both."""

    platform: str
    shop: str
    rule: str
    opened: int
    worse: int
    resolved: int


class Changes:
    """Counts what has changed since an instant (epoch ms). Of an alert whose earlier records are gone from Kafka nobody
    knows whether it got worse: it isn't counted as such."""

    def __init__(self, since_ms: int) -> None:
        self._since_ms = since_ms
        self._of = defaultdict[GroupKey, Counter[str]](Counter)

    def add(self, held: Held) -> None:
        if held.at_ms < self._since_ms:
            return  # not even its newest record
        if held.opened_ms >= self._since_ms:
            self._count(held, "opened")
        elif held.is_open and self._got_worse(held):
            self._count(held, "worse")
        if not held.is_open:
            self._count(held, "resolved")

    def _got_worse(self, held: Held) -> bool:
        before = held.step_at(self._since_ms)
        return before is not None and held.step().is_worse_than(before)

    def _count(self, held: Held, what: str) -> None:
        self._of[held.group][what] += 1

    def totals(self) -> dict[str, int]:
        whole = sum(self._of.values(), Counter[str]())
        return {name: whole[name] for name in ("opened", "worse", "resolved")}

    def groups(self, groups: Groups) -> list[GroupChange]:
        """By group, those that still have open alerts first, the costliest of them; then those with most changes."""

        def place(key: GroupKey) -> Any:
            open_now = groups.size(key) > 0
            counts = self._of[key]
            return not open_now, groups.sums(key).place("cost") if open_now else (), -counts.total(), key

        return [
            GroupChange(
                platform=key[0],
                shop=key[1],
                rule=key[2],
                opened=self._of[key]["opened"],
                worse=self._of[key]["worse"],
                resolved=self._of[key]["resolved"],
            )
            for key in sorted(self._of, key=place)
        ]


# -- what to do ------------------------------------------------------------------------------------------------


class Saves(Struct, kw_only=True):
    """What shipping all of a shop's orders that wait saves: how many `orders` save anything, the clauses they keep from
    a worse step or bring back from one, money and points."""

    orders: int
    clauses: list[str]
    money: list[dict[str, str]]
    points: dict[str, float]


class Task(Struct, kw_only=True):
    """One thing to do, for a shop: what all alerts ask for that have the same list to work through (`work_list`, with
    how many wait in it), else those of one rule. `money`, `points`, `active` sanctions and `due_at` (the earliest
    deadline) are the sums of its `rules`' groups, the costliest first; `worst` is the alert that costs most. `saves` is
    null where nobody knows what doing it saves. `link` is a path of the console: to the order, the list, or the
    group."""

    platform: str
    shop: str
    actions: list[dict[str, str]]
    rules: list[str]
    severity: str
    alerts: int
    work_list: WorkList | None
    waiting: int | None
    order: str | None
    active: int
    until: str | None
    money: list[dict[str, str]]
    points: dict[str, float]
    saves: Saves | None
    due_at: str | None
    worst: Any
    link: str

    def place(self) -> tuple[Any, ...]:
        """As groups are sorted: sanctions in force, money, points, severity, the number of alerts."""
        usd = sum(rough_usd(each["amount"], each["currency"]) for each in self.money)
        points = sum(self.points.values())
        return not self.active, -usd, -points, -SEVERITIES.get(self.severity, 0), -self.alerts, self.shop, self.rules


def tasks(groups: Iterable[Group], shops: Shops) -> list[Task]:
    """What these groups ask for, the costliest first. Groups of alerts that ask for nothing are left out."""
    together: dict[tuple[Any, ...], list[Group]] = {}
    for group in groups:
        asked = [action["do"] for action in _actions(group)]
        if asked:
            listed = next((LISTS[do] for do in asked if do in LISTS), None)
            key = (group.platform, group.shop, listed, None if listed else group.rule)
            together.setdefault(key, []).append(group)
    found = [_task(shops, key[2], some) for key, some in together.items()]
    return sorted(found, key=Task.place)


def _actions(group: Group) -> list[dict[str, str]]:
    found: list[dict[str, str]] = group.worst["data"]["actions"]
    return found


def _task(shops: Shops, listed: WorkList | None, groups: list[Group]) -> Task:
    first = groups[0]
    shop = ShopKey(first.platform, first.shop)
    money, points = dict[str, Decimal](), dict[str, Decimal]()
    for group in groups:
        for each in group.money:
            add_sum(money, each["currency"], each["amount"])
        for ledger, amount in group.points.items():
            add_sum(points, ledger, str(amount))
    waiting = None if listed is None else shops.waiting(shop, listed == "carrier")
    if not waiting:
        listed = waiting = None  # what made the figures is past, and nothing is left to work through
    actions: dict[Any, dict[str, str]] = {}  # of several for one list the first says it
    for each in (action for group in groups for action in _actions(group)):
        actions.setdefault((each["to"], LISTS.get(each["do"], each["do"])), each)
    sanctions = [group.until for group in groups if group.active]
    is_one = len(groups) == first.count == 1 and waiting in (None, 1)
    order = first.worst.get("order") if is_one else None
    return Task(
        platform=shop.platform,
        shop=shop.shop,
        actions=list(actions.values()),
        rules=[group.rule for group in groups],
        severity=max((each for group in groups for each in group.severities), key=lambda each: SEVERITIES.get(each, 0)),
        alerts=sum(group.count for group in groups),
        work_list=listed,
        waiting=waiting,
        order=order,
        active=sum(group.active for group in groups),
        until=None if None in sanctions else max((each or "" for each in sanctions), default=None),
        money=money_rows(money),
        points=points_by_ledger(points),
        saves=_saves(shops, shop) if listed == "ship" else None,
        due_at=min((group.due_at for group in groups if group.due_at is not None), default=None),
        worst=first.worst,
        link=_link(shop, listed, order, first.rule),
    )


class _WithSaves(Struct):
    due_saves: Saves | None = None


_with_saves = msgspec.json.Decoder(_WithSaves).decode


def _saves(shops: Shops, shop: ShopKey) -> Saves | None:
    raw = shops.raw(shop)
    return None if raw is None else _with_saves(raw).due_saves


def _link(shop: ShopKey, listed: WorkList | None, order: str | None, rule: str) -> str:
    if order is not None:
        return f"/#/orders/{'/'.join(quote(part, '') for part in (*shop, order))}"
    asked = {"platform": shop.platform, "shop": shop.shop}
    if listed is not None:
        return f"/#/picks?{urlencode(asked | ({'for': 'carrier'} if listed == 'carrier' else {}))}"
    return f"/#/alerts?{urlencode(asked | {'q': rule})}"


def worst_keys(groups: Groups, keys: Iterable[GroupKey], most: int) -> Iterator[GroupKey]:
    """The costliest groups that have alerts which aren't muted."""
    sums = [(groups.sums(key), key) for key in keys]
    ranked = sorted((each.place("cost"), key) for each, key in sums if each.count)
    yield from (key for _, key in ranked[:most])
