"""A pack with one ratio, and what tests feed it."""

from collections.abc import Mapping
from typing import Any

from tests.rules.history import (
    TimedEvent,
    book,
    cancelled,
    late_ship,
    placed,
    rule,
    run,
    shipped,
)

BAD = {"any": [{"late": "joom.late"}, {"has": "cancelled", "by": ["seller"]}]}


def ratio(**parts: Any) -> Mapping[str, Any]:
    written = {"numerator": BAD, "denominator": "placed", "window": {"length": "30d"}, "threshold": "5%"}
    return rule("ratio", "share", **{**written, **parts})


def share(**parts: Any) -> Any:
    """A rule book in which orders late or cancelled by the seller are bad."""
    zone = parts.pop("zone", "UTC")
    return book(late_ship(), ratio(**parts), zone=zone)


def many(good: int, bad: int, at: str = "0h") -> list[TimedEvent]:
    """Orders placed at one instant; the good ones ship and the seller cancels the bad ones in the same instant."""
    names = [f"{at}-{n}" for n in range(good + bad)]
    ends = [cancelled(name, at, by="seller") for name in names[:bad]] + [shipped(name, at) for name in names[bad:]]
    return [placed(name, at) for name in names] + ends


def emitted(rules: Any, events: list[TimedEvent], until: str | None = None) -> list[Any]:
    return [alert for alert in run(rules, events, until) if alert.data.rule == "joom.share"]
