"""Histories in brief: events at hours after a start, the packs to judge them by, and what is said of them."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from rules.calendar.durations import Duration
from rules.calendar.instants import HOUR_MS, from_rfc3339
from rules.dsl.model import Pack
from rules.dsl.reader import pack_of
from rules.dsl.yaml_source import Source
from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.alerts import Alert
from rules.messages.events import AnyEvent, decode
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standing

START = "2026-01-01T00:00:00Z"
START_MS = from_rfc3339(START)

ROOT = Path(__file__).parents[2]

TimedEvent = tuple[AnyEvent, int]
"""An event and its time, as `decode` gives them."""


def ms(at: str) -> int:
    """`72h` after the start, or an instant in full."""
    return from_rfc3339(at) if "T" in at else START_MS + Duration.parse(at)


def hours(at_ms: int) -> str:
    return f"{(at_ms - START_MS) / HOUR_MS:g}h"


def event(
    kind: str,
    /,
    order: str | None = None,
    at: str = "0h",
    *,
    shop: str = "s1",
    platform: str = "joom",
    id: str = "",
    **data: Any,
) -> TimedEvent:
    """An event as if it had come in: its id follows from what it says, so saying it again repeats it."""
    written = {"type": kind, "source": "test", "time": ms(at), "platform": platform, "shop": shop, "data": data}
    if order is not None:
        written["order"] = order
    written["id"] = id or f"{kind}:{order}:{at}:{':'.join(map(str, data.values()))}"
    return decode(orjson.dumps(written))


def placed(order: str = "1", at: str = "0h", **more: Any) -> TimedEvent:
    return event("order.placed", order, at, **more)


def moved(order: str = "1", at: str = "0h", *, to: str, **more: Any) -> TimedEvent:
    """The platform moves the order's deadline."""
    return event("order.deadline_changed", order, at, ship_by=to if "-" in to and "T" not in to else ms(to), **more)


def shipped(order: str = "1", at: str = "0h", **more: Any) -> TimedEvent:
    return event("order.shipped", order, at, **more)


def cancelled(order: str = "1", at: str = "0h", **more: Any) -> TimedEvent:
    return event("order.cancelled", order, at, **more)


def refunded(order: str = "1", at: str = "0h", **more: Any) -> TimedEvent:
    return event("order.refunded", order, at, **more)


def collected(order: str = "1", at: str = "0h", **more: Any) -> TimedEvent:
    return event("pickup.collected", order, at, **more)


def scanned(order: str = "1", at: str = "0h", status: str = "in_transit", **more: Any) -> TimedEvent:
    return event("tracking.updated", order, at, status=status, **more)


def tick(at: str) -> TimedEvent:
    """Nothing happens, but time goes on."""
    return decode(orjson.dumps({"type": "clock.tick", "time": ms(at)}))


STAGES = {"deadline": "overdue", "silence": "overdue", "ratio": "crossed", "count": "active", "level": "crossed"}


def rule(kind: str, name: str, /, stages: tuple[str, ...] | None = None, **parts: Any) -> dict[str, Any]:
    """A rule as a pack writes it, with what every rule must say filled in, for its usual stages or for others."""
    summary = {stage: f"it is {stage}" for stage in ((STAGES[kind],) if stages is None else stages)}
    if stages is None and parts.get("near") is not None:
        summary["near"] = "nearly"
    severity = {stage: "warning" if stage == "near" else "critical" for stage in summary}
    if "warn" in parts:
        summary["due_soon"] = "soon"
    general = {"id": f"joom.{name}", "clause": f"own-{name}", "kind": kind, "source": "test", "confidence": "ours"}
    return {**general, "severity": severity, "summary": summary, **parts}


def late_ship(**parts: Any) -> dict[str, Any]:
    """To be shipped or cancelled within 72 hours."""
    written = {"from": "placed", "until": ["shipped", "cancelled"], "within": "72h"}
    return rule("deadline", "late", **{**written, **parts})


def pack(*rules: Mapping[str, Any], zone: str = "UTC", platform: str = "joom", **others: Any) -> Pack:
    return pack_of(Plain({"platform": platform, "zone": zone, "rules": rules, **others}))


class Plain(Source):
    """A pack's values that never were text: reading YAML takes longer than most tests."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.file, self._lines, self.origins = "test.yaml", {}, {}
        self.value = orjson.loads(orjson.dumps(value))


def book(*rules: Mapping[str, Any], **others: Any) -> RuleBook:
    return RuleBook([pack(*rules, **others)])


@cache
def _source(path: str) -> Source:
    return Source((ROOT / path).read_text(), path)


def pack_file(path: str) -> Pack:
    """A pack of the repository. Its YAML, which takes longest, is read once."""
    return pack_of(_source(path))


def every_pack() -> RuleBook:
    """A book of the packs that come with shipclock."""
    return RuleBook(pack_file(str(file.relative_to(ROOT))) for file in sorted((ROOT / "rules/packs").glob("*.yaml")))


def run(rules: RuleBook, events: Iterable[TimedEvent], until: str | None = None) -> list[Alert]:
    """Every alert that a history brings, events in order of arrival."""
    return list(replay(Engine(rules, stepping=True), events, None if until is None else ms(until)))


def emitted_of(name: str, rules: RuleBook, events: Iterable[TimedEvent], until: str | None = None) -> list[Alert]:
    """What a history brings of one rule."""
    return [alert for alert in run(rules, events, until) if alert.data.rule == f"joom.{name}"]


def stood(rules: RuleBook, events: Iterable[TimedEvent], at: str, **where: str) -> dict[str, Any]:
    """The shop's standing at a moment."""
    engine = Engine(rules, stepping=True)
    for _ in replay(engine, events, ms(at)):
        pass
    return standing(engine.shop(where.get("platform", "joom"), where.get("shop", "s1")), engine.clock_ms)


def drained(engine: Engine) -> list[Alert]:
    """The alerts since the last time."""
    return engine.drain().alerts


def brief(alerts: Iterable[Alert]) -> list[str]:
    """`72h opened overdue deadline_passed`: when, what changed, which stage (with its judgement) and why."""
    return [
        f"{hours(from_rfc3339(alert.time))} {alert.type.removeprefix('alert.')} {alert.data.stage}"
        f"{f' {alert.data.judgement}' if alert.data.judgement else ''} {alert.data.reason}"
        for alert in alerts
    ]


def by_order(alerts: Iterable[Alert]) -> list[tuple[str, str]]:
    """The same with the order each is about; `-` for a shop's own."""
    alerts = list(alerts)
    orders = [alert.order if isinstance(alert.order, str) else "-" for alert in alerts]
    return list(zip(orders, brief(alerts), strict=True))
