"""Open alerts grouped by shop and rule: how many, since when, and what they cost together."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from time import monotonic
from typing import Any, Literal

from msgspec import Struct

from rules.calendar.instants import NEVER, from_rfc3339, rfc3339
from rules.messages.cost import SEVERITIES, rough_usd
from streams.views.acks import Ack, Kind
from streams.views.alerts import Alerts, GroupKey, Held, Place
from streams.views.point_caps import NO_CAPS, Capped, CappedSum, Caps

AT_ONCE_S = 0.01
SHARE = 0.05
"""Adding up what takes longer than `AT_ONCE_S` takes at most this share of the worker's time."""

GroupSort = Literal["cost", "count", "oldest", "due"]
"""The order of a list of groups: the costliest first, the largest, the oldest, or those with the next deadline."""


class Group(Struct, kw_only=True):
    """The open alerts of one shop and rule. `muted` ones are counted apart, and in nothing else. `worst` is the one
    that costs most, as in /api/alerts; `order_alerts` are those about single orders, `active` the sanctions in force,
    the last of them `until` then (null: for good, or none). `money` has a sum a currency, the largest first; `points` a
    sum a ledger, of no more than it takes a day, a week and an order. `due_at` is the earliest deadline."""

    platform: str
    shop: str
    rule: str
    clause: str
    count: int
    severities: dict[str, int]
    order_alerts: int
    acknowledged: int
    muted: int
    oldest: str
    due_at: str | None
    active: int
    until: str | None
    money: list[dict[str, str]]
    points: dict[str, float]
    worst: Any


class ShopAlerts(Struct, kw_only=True):
    """A shop's open alerts by severity; `muted` ones are counted apart, and in nothing else. `usd` is about what they
    cost, and `points` how many, over all currencies and ledgers: only to put the worst shop first. `clauses` has the
    worst severity of those about the shop as a whole; a sanction in force is no word on the figure that led to it."""

    critical: int = 0
    warning: int = 0
    info: int = 0
    muted: int = 0
    usd: float = 0.0
    points: float = 0.0
    clauses: dict[str, str] = {}


class GroupSums:
    """Adds up the alerts of one group. What it came to holds until `until_ms`, when a mute or an acknowledgement may
    end."""

    def __init__(self, key: GroupKey, caps: Mapping[Capped, Caps]) -> None:
        self._key, self._caps = key, caps
        self.until_ms = NEVER
        self.again_s = 0.0
        self._of_shop: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.muted = self._of_orders = self._acknowledged = self._active = 0
        self._oldest_ms = self._due_ms = NEVER
        self._until: str | None = ""
        self.money: dict[str, Decimal] = {}
        self._points: dict[str, CappedSum] = {}
        self._worst: Held | None = None

    def add(self, held: Held, acknowledged: Ack | None, muted: Ack | None, count_muted: bool = False) -> None:
        for ack in (acknowledged, muted):
            if ack is not None and ack.until is not None:
                self.until_ms = min(self.until_ms, from_rfc3339(ack.until))
        if muted is not None:
            self.muted += 1
            if not count_muted:
                return
        data = held.head.data
        self.severities[data.severity] += 1
        self._of_orders += held.head.order is not None
        self._acknowledged += acknowledged is not None
        if held.head.order is None and data.stage != "active":
            self._of_shop[data.severity] += 1
        self._oldest_ms = min(self._oldest_ms, held.opened_ms)
        self._due_ms = min(self._due_ms, held.due_ms)
        if data.stage == "active":
            self._active += 1
            if self._until is not None:
                self._until = None if data.until is None else max(self._until, data.until)
        if data.penalty is not None:
            for amount, currency in data.penalty.money():
                add_sum(self.money, currency or "", amount)
            if data.penalty.points:
                self._add_points(held, data.penalty.ledger or "points", Decimal(str(data.penalty.points)))
        if self._worst is None or held.worst < self._worst.worst:
            self._worst = held

    def _add_points(self, held: Held, ledger: str, points: Decimal) -> None:
        """What is judged at its deadline counts on the day of that."""
        if ledger not in self._points:
            self._points[ledger] = CappedSum(self._caps.get((held.head.data.rule, ledger), NO_CAPS))
        at_ms = held.opened_ms if held.due_ms == NEVER else held.due_ms
        self._points[ledger].add(at_ms, held.head.order, points)

    @property
    def by_ledger(self) -> dict[str, Decimal]:
        """The points, of no more than each ledger takes."""
        return {ledger: points.total() for ledger, points in self._points.items()}

    @property
    def count(self) -> int:
        return self.severities.total()

    @property
    def usd(self) -> float:
        return sum(rough_usd(str(amount), currency) for currency, amount in self.money.items())

    @property
    def points(self) -> float:
        return float(sum(self.by_ledger.values()))

    @property
    def clause(self) -> tuple[str, str] | None:
        """The clause and the worst severity of the alerts about the shop as a whole, if there are any."""
        if not self._of_shop or self._worst is None:
            return None
        return self._worst.head.data.clause, max(self._of_shop, key=lambda each: SEVERITIES.get(each, 0))

    def place(self, sort: GroupSort) -> Place:
        """Its place in a list; where it is the same by `sort`, the costliest comes first: sanctions in force, then
        money, then points, then the severity, then the oldest."""
        severity = max((SEVERITIES.get(each, 0) for each in self.severities), default=0)
        cost = (float(not self._active), -self.usd, -self.points, float(-severity), float(self._oldest_ms))
        first = {"cost": cost[0], "count": -self.count, "oldest": cost[-1], "due": self._due_ms}[sort]
        return False, (float(first), *cost), "/".join(self._key)

    def group(self, describe: Callable[[Held], dict[str, Any]]) -> Group:
        """As the API returns it, the worst alert as `describe` returns that; there must be an alert that counts."""
        platform, shop, rule = self._key
        assert self._worst is not None
        return Group(
            platform=platform,
            shop=shop,
            rule=rule,
            clause=self._worst.head.data.clause,
            count=self.count,
            severities=dict(self.severities),
            order_alerts=self._of_orders,
            acknowledged=self._acknowledged,
            muted=self.muted,
            oldest=rfc3339(self._oldest_ms),
            due_at=None if self._due_ms == NEVER else rfc3339(self._due_ms),
            active=self._active,
            until=self._until or None,
            money=money_rows(self.money),
            points=points_by_ledger(self.by_ledger),
            worst=describe(self._worst),
        )


def money_rows(sums: dict[str, Decimal]) -> list[dict[str, str]]:
    """A sum a currency, the largest first."""
    largest_first = sorted(sums.items(), key=lambda each: (-rough_usd(str(each[1]), each[0]), each[0]))
    return [{"amount": f"{amount:f}", "currency": currency} for currency, amount in largest_first]


def points_by_ledger(sums: dict[str, Decimal]) -> dict[str, float]:
    """A sum a ledger."""
    return {ledger: float(points) for ledger, points in sorted(sums.items())}


def add_sum(sums: dict[str, Decimal], name: str, amount: str) -> None:
    """Adds an amount to the sum of a currency or ledger; what is no number is left out."""
    try:
        sums[name] = sums.get(name, Decimal()) + Decimal(amount)
    except InvalidOperation:
        return  # no number


class Groups:
    """The groups of all open alerts. Sums of a whole group are kept until it changes."""

    def __init__(
        self,
        alerts: Alerts,
        ack_of: Callable[[Kind, Held], Ack | None],
        now_ms: Callable[[], int],
        caps: Mapping[Capped, Caps],
    ) -> None:
        self._alerts, self._ack_of, self._now_ms, self._caps = alerts, ack_of, now_ms, caps
        self._kept: dict[GroupKey, GroupSums] = {}
        self._stale: set[GroupKey] = set()

    def changed(self, key: GroupKey, by_person: bool = False) -> None:
        """An alert of a group has changed, or what people say of it, which they want to see at once."""
        platform, shop, rule = key
        if by_person or not self._alerts.groups.get((platform, shop), {}).get(rule):
            self._kept.pop(key, None)
            self._stale.discard(key)
        elif key in self._kept:
            self._stale.add(key)

    def keys(self, fits: Callable[[GroupKey], bool] = lambda key: True) -> list[GroupKey]:
        return [
            key
            for shop, rules in self._alerts.groups.items()
            for rule in rules
            if fits(key := (shop[0], shop[1], rule))
        ]

    def alerts(self, key: GroupKey) -> list[Held]:
        platform, shop, rule = key
        return list(self._alerts.groups.get((platform, shop), {}).get(rule, {}).values())

    def rules(self, shop: tuple[str, str]) -> list[str]:
        """Those with open alerts of a shop."""
        return list(self._alerts.groups.get(shop, ()))

    def size(self, key: GroupKey) -> int:
        platform, shop, rule = key
        return len(self._alerts.groups.get((platform, shop), {}).get(rule, ()))

    def sums(self, key: GroupKey) -> GroupSums:
        """Of all its alerts, the muted ones apart. Those of a large group that changes all the time may be a moment
        old: adding up anew takes at most a share of the worker's time."""
        kept = self._kept.get(key)
        if kept is None or self._now_ms() >= kept.until_ms or (key in self._stale and monotonic() >= kept.again_s):
            self._stale.discard(key)
            began_s = monotonic()
            kept = self._kept[key] = self.sums_of(key)
            took_s = monotonic() - began_s
            kept.again_s = began_s + took_s / SHARE if took_s > AT_ONCE_S else 0.0
        return kept

    def sums_of(self, key: GroupKey) -> GroupSums:
        sums = self.none(key)
        for held in self.alerts(key):
            self.add(sums, held)
        return sums

    def none(self, key: GroupKey) -> GroupSums:
        """The sum of none of its alerts, to be added to."""
        return GroupSums(key, self._caps)

    def add(self, sums: GroupSums, held: Held, count_muted: bool = False) -> None:
        """Adds one alert to a sum."""
        sums.add(held, self._ack_of("acknowledged", held), self._ack_of("muted", held), count_muted)

    def of_shop(self, platform: str, shop: str) -> ShopAlerts:
        counts, clauses = Counter[str](), dict[str, str]()
        usd = points = 0.0
        for rule in self.rules((platform, shop)):
            sums = self.sums((platform, shop, rule))
            counts.update(sums.severities)
            counts["muted"] += sums.muted
            usd, points = usd + sums.usd, points + sums.points
            if sums.clause is not None:
                clause, severity = sums.clause
                if SEVERITIES.get(severity, 0) > SEVERITIES.get(clauses.get(clause, ""), 0):
                    clauses[clause] = severity
        known = {name: counts[name] for name in ("critical", "warning", "info", "muted")}
        return ShopAlerts(**known, usd=usd, points=points, clauses=clauses)
