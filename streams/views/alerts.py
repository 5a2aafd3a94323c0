"""Every alert by its newest record, with its earlier revisions."""

from collections import OrderedDict
from datetime import datetime
from sys import intern
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from rules.calendar.instants import NEVER, to_ms
from rules.messages.cost import SEVERITIES, Rank, rank
from rules.messages.names import encoded, shop_key
from streams.views.acks import Step

RESOLVED_KEPT = 20_000
"""How many resolved alerts are kept, the latest ones; open ones are all kept."""

TRAIL_KEPT = 100
"""How many revisions of one alert are kept."""

GroupKey = tuple[str, str, str]
"""Platform, shop and rule: what alerts are grouped by."""

Place = tuple[bool, tuple[float, ...], str]
"""A place in a list of alerts: the open ones first, then by figures, then by id."""


Sort = Literal["cost", "newest", "oldest", "due"]
"""The order of a list of alerts: the costliest first, those changed last, the oldest, or the next deadline."""


class _Sum(Struct, gc=False):
    amount: str
    currency: str | None = None


class _Penalty(Struct, gc=False):
    amount: str | None = None
    currency: str | None = None
    others: list[_Sum] | None = None
    points: float | None = None
    ledger: str | None = None

    def money(self) -> list[tuple[str, str | None]]:
        own = [] if self.amount is None else [(self.amount, self.currency)]
        return own + [(each.amount, each.currency) for each in self.others or ()]


class _Data(Struct, gc=False):
    alert: str
    revision: int
    rule: str
    clause: str
    state: str
    severity: str
    stage: str
    opened_at: Annotated[datetime, Meta(tz=True)]
    due_at: Annotated[datetime, Meta(tz=True)] | None = None
    judgement: int | None = None
    tier: str | None = None
    until: str | None = None
    penalty: _Penalty | None = None

    def __post_init__(self) -> None:
        """Has what many alerts say be in memory once."""
        self.rule, self.clause = intern(self.rule), intern(self.clause)
        self.state, self.severity, self.stage = intern(self.state), intern(self.severity), intern(self.stage)


class _Head(Struct, gc=False):
    """The fields of an alert's record that it is looked up by; the rest is passed on as it came."""

    time: Annotated[datetime, Meta(tz=True)]
    platform: str
    shop: str
    data: _Data
    order: str | None = None

    def __post_init__(self) -> None:
        self.platform, self.shop = intern(self.platform), intern(self.shop)

    def rank(self) -> Rank:
        data, penalty = self.data, self.data.penalty
        if penalty is None:
            return rank(data.stage, data.severity, (), None)
        return rank(data.stage, data.severity, penalty.money(), penalty.points)


_head = msgspec.json.Decoder(_Head).decode


class _Texts(Struct):
    summary: str
    title: str = ""
    titles: dict[str, str] = {}


class _AlertTexts(Struct):
    data: _Texts


_alert_texts = msgspec.json.Decoder(_AlertTexts).decode


def _searched_text(value: bytes) -> str:
    texts = _alert_texts(value).data
    return "\n".join((texts.summary, texts.title, *texts.titles.values())).lower()


class Held:
    """One alert: the head of its newest record, and all its records as they came, the newest last. What only some are
    asked for is worked out when they are: while a backlog is read nobody looks at most of them."""

    __slots__ = ("_worst", "group", "head", "trail")

    def __init__(self, head: _Head, value: bytes) -> None:
        self.group: GroupKey = (head.platform, head.shop, head.data.rule)
        self.trail: list[bytes] = []
        self.renew(head, value)

    def renew(self, head: _Head, value: bytes) -> None:
        self.head = head
        self._worst: Place | None = None
        self.trail.append(value)
        if len(self.trail) > TRAIL_KEPT:
            del self.trail[0]

    @property
    def at_ms(self) -> int:
        """When its newest record was written (epoch ms)."""
        return to_ms(self.head.time)

    @property
    def opened_ms(self) -> int:
        """When it was opened (epoch ms)."""
        return to_ms(self.head.data.opened_at)

    @property
    def due_ms(self) -> int:
        """When it is due (epoch ms); `NEVER` if it has no deadline."""
        return NEVER if self.head.data.due_at is None else to_ms(self.head.data.due_at)

    @property
    def worst(self) -> Place:
        """Its place where the costliest comes first; kept, as it is looked at often."""
        if self._worst is None:
            self._worst = self._place()
        return self._worst

    @property
    def id(self) -> str:
        return self.head.data.alert

    @property
    def revision(self) -> int:
        return self.head.data.revision

    @property
    def is_open(self) -> bool:
        return self.head.data.state == "open"

    def _place(self) -> Place:
        """Where the costliest come first, of equal ones the newest; of resolved ones the newest."""
        newest = float(-self.at_ms)
        return (False, (*self.head.rank(), newest), self.id) if self.is_open else (True, (newest,), self.id)

    def place(self, sort: Sort = "cost") -> Place:
        """Its place in a list; of those that are equal by `sort` the costliest comes first."""
        if sort == "cost" or not self.is_open:
            return self.worst
        first = {"newest": -self.at_ms, "oldest": self.opened_ms, "due": self.due_ms}[sort]
        return False, (float(first), *self.worst[1]), self.id

    def has(self, text: str) -> bool:
        """Whether a text, in lower case, is part of its names or of what it says."""
        return (
            text in self.id.lower() or text in self.head.data.clause.lower() or text in _searched_text(self.trail[-1])
        )

    def record(self) -> dict[str, Any]:
        """The newest record."""
        found: dict[str, Any] = msgspec.json.decode(self.trail[-1])
        return found

    def records(self) -> list[dict[str, Any]]:
        """All kept records, the oldest first."""
        return [msgspec.json.decode(value) for value in self.trail]

    def steps(self) -> list[Step]:
        """How bad it was at each kept revision, the oldest first."""
        return [_step(_head(value).data) for value in self.trail]

    def step_at(self, at_ms: int) -> Step | None:
        """How bad it was at an instant (epoch ms); None if the record of then isn't there any more."""
        before = None
        for value in self.trail:
            head = _head(value)
            if to_ms(head.time) > at_ms:
                break
            before = _step(head.data)
        return before

    def step(self) -> Step:
        """How bad it is now."""
        return _step(self.head.data)


def _step(data: _Data) -> Step:
    if data.state != "open":
        return Step(data.revision)
    return Step(data.revision, SEVERITIES.get(data.severity, 0), data.stage, data.judgement or 0, data.tier)


class Alerts:
    """All open alerts, and those resolved last."""

    def __init__(self, resolved_kept: int = RESOLVED_KEPT) -> None:
        self.open: dict[str, Held] = {}
        # The latest last. (Finding a plain dict's first key takes long once many before it have been deleted.)
        self.resolved: OrderedDict[str, Held] = OrderedDict()
        #: The open ones by platform and shop, then by rule; nothing in it is empty.
        self.groups: dict[tuple[str, str], dict[str, dict[str, Held]]] = {}
        self._resolved_kept = resolved_kept

    def apply(self, key: bytes, value: bytes | None) -> Held | None:
        """Applies one record of the topic; returns the alert if the record is new.

        Raises msgspec.DecodeError and ValueError for a bad record.
        """
        if value is None:
            alert = key.decode()
            self._close(alert)
            self.resolved.pop(alert, None)
            return None
        head = _head(value)
        held = self.get(head.data.alert)
        if held is None:
            held = Held(head, value)
        elif head.data.revision <= held.revision:
            return None  # written again, as after a replay
        else:
            held.renew(head, value)
        self._sort(head.data.alert, held)
        return held

    def get(self, alert: str) -> Held | None:
        return self.open.get(alert) or self.resolved.get(alert)

    def of_order(self, platform: str, shop: str, order: str) -> list[Held]:
        """An order's alerts, the open ones first, then the costliest."""
        about = f":{shop_key(platform, shop)}:{encoded(order)}:"  # as every alert's id names what it is about
        its_shops = self.groups.get((platform, shop), {}).values()
        looked_at = [*(held for alerts in its_shops for held in alerts.values()), *self.resolved.values()]
        found = [held for held in looked_at if about in held.id and held.record().get("order") == order]
        return sorted(found, key=Held.place)

    def having(self, state: str | None) -> list[Held]:
        """Alerts in a state (any, if None), unordered."""
        found = [] if state == "resolved" else list(self.open.values())
        return found + ([] if state == "open" else list(self.resolved.values()))

    def _sort(self, alert: str, held: Held) -> None:
        if held.is_open:
            self.open[alert] = held
            platform, shop, rule = held.group
            self.groups.setdefault((platform, shop), {}).setdefault(rule, {})[alert] = held
            self.resolved.pop(alert, None)
            return
        self._close(alert)
        self.resolved[alert] = held
        self.resolved.move_to_end(alert)
        if len(self.resolved) > self._resolved_kept:
            self.resolved.popitem(last=False)

    def _close(self, alert: str) -> None:
        held = self.open.pop(alert, None)
        if held is None:
            return
        platform, shop, rule = held.group
        rules = self.groups[platform, shop]
        del rules[rule][alert]
        if not rules[rule]:
            del rules[rule]
        if not rules:
            del self.groups[platform, shop]
