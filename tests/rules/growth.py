"""Histories that grow: for each kind of rule, what `n` things that it looks at are."""

import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from msgspec import Struct

from rules.calendar.instants import HOUR_MS
from tests.rules.conformance.examples import examples
from tests.rules.history import START_MS, TimedEvent, event, late_ship, placed, rule

Written = Mapping[str, Any]


class Growth(Struct):
    """Rules of which the last is of the kind in question, and the events that bring it the `i`th thing to look at, to
    come `at` a time after the start."""

    name: str
    rules: list[Written]
    thing: Callable[[int, str], list[TimedEvent]]

    def events(self, n: int, step_m: int) -> list[TimedEvent]:
        """`n` things, each so many minutes after the one before."""
        return [each for i in range(n) for each in self.thing(i, f"{i * step_m}m")]


def work(run: Callable[[], object]) -> int:
    """How many lines of this repository's rules are run: a measure that is the same on any machine and under any
    load. What loops in C (a sort, a copy of a list) counts as one."""
    lines = 0

    def trace(frame: FrameType, what: str, arg: object) -> Any:
        nonlocal lines
        if what == "call":
            return trace if "/rules/" in frame.f_code.co_filename or frame.f_code.co_filename[0] == "<" else None
        lines += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines


def _one(kind: str, /, **about: Any) -> Callable[[int, str], list[TimedEvent]]:
    """One event of a kind; `{i}` in what it says stands for its number."""

    def thing(i: int, at: str) -> list[TimedEvent]:
        fields = {name: value.format(i=i) if isinstance(value, str) else value for name, value in about.items()}
        return [event(kind, fields.pop("order", None), at, id=f"{kind}-{i}", **fields)]

    return thing


def _cancelled(i: int, at: str) -> list[TimedEvent]:
    return [placed(str(i), at), event("order.cancelled", str(i), at, by="seller", reason="stock")]


def _task(i: int, at: str) -> list[TimedEvent]:
    return [*_cancelled(i, at), event("task.done", str(i), at, task="notify_buyer", id=f"done-{i}")]


def _emergency(i: int, at: str) -> list[TimedEvent]:
    declared = event("emergency.declared", None, at, scope="flood", id=f"emergency-{i}")
    return [declared, event("task.done", None, at, task="post_notice", id=f"done-{i}")]


def _deposit(i: int, at: str) -> list[TimedEvent]:
    taken = event("deposit.deducted", None, at, amount="10", currency="CNY", id=f"taken-{i}")
    other = event("deposit.deducted", None, at, amount="10", currency="USD", id=f"unpaid-{i}")
    return [taken, other, event("deposit.topped_up", None, at, amount="10", currency="CNY", id=f"paid-{i}")]


def _promotion(i: int, at: str) -> list[TimedEvent]:
    price = event("price.changed", None, at, sku=f"A{i}", price="10", id=f"price-{i}")
    return [price, event("promotion.scheduled", None, at, sku=f"A{i}", price="11", starts_at=START_MS + HOUR_MS * 900)]


def _reused(i: int, at: str) -> list[TimedEvent]:
    return [placed(str(i), at), event("order.shipped", str(i), at, tracking_no=f"N{i // 2}", id=f"shipped-{i}")]


def _reused_by_all(i: int, at: str) -> list[TimedEvent]:
    return [placed(str(i), at), event("order.shipped", str(i), at, tracking_no="N", id=f"shipped-{i}")]


def _stock(i: int, at: str) -> list[TimedEvent]:
    sold = placed(str(i), at, items=[{"sku": f"A{i}", "qty": 2}])
    return [sold, event("stock.level", None, at, sku=f"A{i}", on_hand=1, id=f"stock-{i}")]


def _own(kind: str, stages: tuple[str, ...], **parts: Any) -> Written:
    return rule(kind, f"own_{kind}", stages, **parts)


VIOLATION = {"violation": ["fake_orders"]}
OWED = {"within": "48h", "lasts": "20d", "warn": [{"before": "48h", "severity": "info"}]}
TIERS = [{"name": "first", "at": 3, "lasts": "9d"}, {"name": "second", "at": 30}]
MISSED = _own("ratio", ("crossed",), numerator={"late": "joom.late"}, threshold="1 %")
QUARTERLY = _own(
    "ratio",
    ("crossed",),
    numerator={"not": {"any": ["cancelled", {"overdue": "joom.late"}]}},
    threshold="98 %",
    good=True,
    every="quarter",
    window={"align": "quarter"},
)
PREORDERS = _own("level", ("near", "crossed"), of="preorder_share", above="0.1", near="0.08")
_listing = _one("listing.counts", total=100, preorder=20)
_violation = _one("violation.recorded", kind="fake_orders", sku="A{i}", buyer="b{i}")
_same_violation = _one("violation.recorded", kind="fake_orders", buyer="b{i}")
_late = _one("order.placed", order="{i}")


def growths() -> Iterator[tuple[str, Growth]]:
    """Every kind that has been thought of, by its name in a pack; the conformance suite's examples may have some."""
    for example in examples():
        if example.grows is not None:
            yield example.kind, Growth(example.name, example.rules, example.grows)
    yield "deadline", Growth("orders", [late_ship()], _late)
    silence = _own("silence", ("overdue",), after=["placed", "news"], until=["delivered"], within="48h")
    yield "silence", Growth("orders", [silence], _late)
    yield "ratio", Growth("orders", [late_ship(), MISSED], _late)
    yield "ratio", Growth("computed", [late_ship(), QUARTERLY], _cancelled)
    reasons = {"stock": {"name": "out of stock"}, "quality": {"name": "bad"}}
    by_reason = {"numerator": {"has": "cancelled"}, "threshold": "1 %", "by": "reason", "of": reasons}
    yield "ratio", Growth("reasons", [_own("ratio", ("crossed",), **by_reason)], _cancelled)
    disputes = {"disputes": "not_shipped", "by": "provider", "threshold": "1 %"}

    def dispute(i: int, at: str) -> list[TimedEvent]:
        about = {"provider": f"p{i}", "cause": "not_shipped"}
        return [placed(str(i), at), event("dispute.opened", None, at, **about, id=f"dispute-{i}")]

    def dispute_of_one(i: int, at: str) -> list[TimedEvent]:
        about = {"provider": "p", "cause": "not_shipped"}
        return [placed(str(i), at), event("dispute.opened", None, at, **about, id=f"dispute-{i}")]

    yield "ratio", Growth("providers", [_own("ratio", ("crossed",), **disputes)], dispute)
    yield "ratio", Growth("one provider", [_own("ratio", ("crossed",), **disputes)], dispute_of_one)
    yield "count", Growth("week", [_own("count", ("crossed",), of=VIOLATION, threshold=3, per="week")], _violation)
    buyers = {"of": VIOLATION, "threshold": 3, "per": "week", "distinct": "buyer"}
    yield "count", Growth("buyers", [_own("count", ("crossed",), **buyers)], _violation)
    of_orders = {"of": {"missed": "joom.late"}, "threshold": 1, "per": "order", "lasts": "9d"}
    yield "count", Growth("each order", [late_ship(), _own("count", ("crossed",), **of_orders)], _late)
    sanction = {"of": {"missed": "joom.late"}, "threshold": 3, "sanction": {"name": "stop", "lasts": "24h"}}
    yield "count", Growth("sanctions", [late_ship(), _own("count", ("active",), **sanction)], _late)
    yield "level", Growth("cover", [_own("level", ("crossed",), of="stock_cover", below=3, velocity="7d")], _stock)
    reorder = {"of": "reorder_point", "velocity": "7d", "lead_time": "3d", "safety": "1d"}
    yield "level", Growth("reorder point", [_own("level", ("crossed",), **reorder)], _stock)
    yield (
        "level",
        Growth("rating", [_own("level", ("crossed",), of="rating", below="4.5")], _one("rating.updated", score="4")),
    )
    yield "level", Growth("pre-orders", [PREORDERS], _listing)
    yield "event", Growth("violations", [_own("event", ("crossed",), of=VIOLATION, lasts="9d")], _violation)
    yield "event", Growth("of the shop", [_own("event", ("crossed",), of=VIOLATION, lasts="9d")], _same_violation)
    yield (
        "event",
        Growth("orders", [late_ship(), _own("event", ("crossed",), of={"missed": "joom.late"}, lasts="9d")], _late),
    )
    yield "event", Growth("numbers", [_own("event", ("crossed",), of={"reused": "tracking_no"}, lasts="9d")], _reused)
    yield (
        "event",
        Growth("one number", [_own("event", ("crossed",), of={"reused": "tracking_no"}, lasts="9d")], _reused_by_all),
    )
    above = {"of": {"promotion": "above_price"}, "lasts": "9d"}
    yield "event", Growth("promotions", [_own("event", ("crossed",), **above)], _promotion)
    crossed = {"of": {"crossed": "joom.own_level"}, "lasts": "9d"}
    yield "event", Growth("crossings", [PREORDERS, _own("event", ("crossed",), **crossed)], _listing)
    stages = ("due_soon", "overdue")
    on_orders = {"of": {"orders": {"has": "cancelled"}, "at": "cancelled"}, "tasks": ["notify_buyer"]}
    yield "tasks", Growth("orders", [_own("tasks", stages, **on_orders, **OWED)], _cancelled)
    two = {**on_orders, "tasks": ["notify_buyer", "post_notice"]}
    yield "tasks", Growth("done", [_own("tasks", stages, **two, **OWED)], _task)
    after = {"after": "emergency.declared", "tasks": ["post_notice", "notify_customers"]}
    yield "tasks", Growth("emergencies", [_own("tasks", stages, **after, **OWED)], _emergency)
    yield "tasks", Growth("deposits", [_own("tasks", stages, after="deposit.deducted", **OWED)], _deposit)
    yield "spacing", Growth("promotions", [_own("spacing", stages, price_holds="60d")], _promotion)
    streak = _own("streak", ("near", "crossed", "top"), of="joom.own_ratio", times=2, reached="top")
    yield "streak", Growth("orders", [late_ship(), QUARTERLY, streak], _cancelled)
    lines = {"paralysed": "another line"}
    route = _own("route", ("paralysed",), lines=lines)
    yield "route", Growth("carriers", [route], _one("carrier.state", carrier="C{i}", state="paralysed"))
    feed = {"clause": "own-feed", "of": [VIOLATION], "points": 1, "caps": {"week": 9}}
    ledger = {"ledger": "A", "tiers": TIERS}
    yield (
        "ledger",
        Growth("violations", [_own("ledger", ("active",), **ledger, feeds=[feed], expires="5d")], _violation),
    )
    late_feed = {"clause": "own-feed", "of": [{"missed": "joom.late"}], "points": 1}
    monthly = {**ledger, "feeds": [late_feed], "posts": "day", "clears": "month"}
    yield "ledger", Growth("orders", [late_ship(), _own("ledger", ("active",), **monthly)], _late)
    reported = {**ledger, "feeds": [feed, {"clause": "own-feed", "reported": True}], "clears_after": "20d"}

    def report(i: int, at: str) -> list[TimedEvent]:
        return [*_violation(i, at), event("points.reported", None, at, value=2 * i, id=f"reported-{i}")]

    yield "ledger", Growth("reported", [_own("ledger", ("active",), **reported)], report)
