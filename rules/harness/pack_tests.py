"""Packs' own tests: events at given times, and exactly the alerts that they must bring."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from rules.calendar.durations import Duration
from rules.calendar.instants import from_rfc3339
from rules.dsl.model import Pack, PackTest
from rules.harness.driver import RANGE, Driver
from rules.messages.alerts import Alert, subject_and_episode
from rules.messages.names import shop_key
from rules.reports.standing import standing

_ALERT_FIELDS = frozenset(
    [
        "at",
        "rule",
        "order",
        "change",
        "stage",
        "severity",
        "reason",
        "judgement",
        "due_at",
        "until",
        "tier",
        "subject",
        "episode",
        "threshold",
        "points",
        "amount",
        "currency",
        "numerator",
        "denominator",
        "value",
        "headroom",
        "summary",
    ]
)


class Outcome(Struct):
    """How a pack test went: `failures` is empty if it passed; `alerts` are those of the rules that it is about."""

    pack_test: PackTest
    failures: list[str]
    alerts: list[Alert]


def run(pack_test: PackTest, pack: Pack) -> Outcome:
    """Runs one pack test against its own pack alone."""
    try:
        driver = Driver(pack, shop=pack_test.shop, start=pack_test.start)
        driver.feed(*pack_test.events)
        start_ms = driver.start_ms
        wanted = [_expected(each, start_ms) for each in pack_test.expect]
        driver.advance(start_ms + pack_test.until)
    except (ValueError, orjson.JSONEncodeError) as error:
        return Outcome(pack_test, [f"can't be run: {error}"], [])
    alerts = [alert for alert in driver.alerts() if not pack_test.rules or alert.data.rule in pack_test.rules]
    if not any(each.get("reason") == "figures_moved" for each in wanted):  # a test that names one names them all
        alerts = [alert for alert in alerts if alert.data.reason != "figures_moved"]
    failures = list(_failures(wanted, alerts, start_ms))
    for shop in driver.engine.shops.values():
        if pack_test.standing:
            failures += _differences(pack_test.standing, standing(shop, driver.engine.clock_ms), "standing")
    return Outcome(pack_test, failures, alerts)


def _differences(wanted: Any, found: Any, at: str) -> Iterator[str]:
    """Where `found` differs from `wanted`; mappings may have more keys."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            yield from _differences(value, found.get(name), f"{at}.{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for n, (value, instead) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(value, instead, f"{at}[{n}]")
    elif wanted != found:
        yield f"{at} should be {wanted!r}, is {found!r}"


def _expected(written: Mapping[str, Any], start_ms: int) -> dict[str, Any]:
    if odd := set(written) - _ALERT_FIELDS:
        raise ValueError(f"{', '.join(sorted(odd))} is nothing an alert is compared by")
    expected = dict(written)
    expected["at"] = start_ms + Duration.parse(str(expected["at"]))
    return expected


def _failures(wanted: list[dict[str, Any]], alerts: list[Alert], start_ms: int) -> Iterator[str]:
    """How the alerts differ from those wanted: those that differ in a field, then those missing, then those too
    many."""
    spread = list(_spread(wanted))
    for expected, alert in zip(spread, alerts, strict=False):
        got = _shown(alert)
        differing = {name: (value, got.get(name)) for name, value in expected.items() if got.get(name) != value}
        for name, (value, instead) in differing.items():
            should_be, is_now = _hours(name, value, start_ms), _hours(name, instead, start_ms)
            yield f"{alert.data.alert}: {name} should be {should_be}, is {is_now}"
    for expected in spread[len(alerts) :]:
        yield f"missing: {expected['rule']} at {_hours('at', expected['at'], start_ms)}"
    for alert in alerts[len(spread) :]:
        at = _hours("at", from_rfc3339(alert.time), start_ms)
        yield f"not expected: {alert.type} {alert.data.stage} of {alert.data.alert} at {at}"


def _spread(wanted: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for expected in wanted:
        orders = RANGE.fullmatch(str(expected.get("order", "")))
        if orders is None:
            yield expected
            continue
        for order in range(int(orders[1]), int(orders[2]) + 1):
            yield expected | {"order": str(order)}


def _shown(alert: Alert) -> dict[str, Any]:
    data = alert.data
    penalty = msgspec.to_builtins(data.penalty) if data.penalty else {}
    subject, episode = subject_and_episode(data.alert, data.rule, shop_key(alert.platform, alert.shop))
    return {
        "at": from_rfc3339(alert.time),
        "order": None if alert.order is msgspec.UNSET else alert.order,
        "change": alert.type.removeprefix("alert."),
        "judgement": data.judgement or None,
        "tier": data.tier or None,
        "subject": subject,
        "episode": episode,
        "due_at": data.due_at,
        "until": data.until or None,
        "points": penalty.get("points"),
        "amount": penalty.get("amount"),
        "currency": penalty.get("currency"),
        "numerator": data.evidence.get("numerator"),
        "denominator": data.evidence.get("denominator"),
        **{
            name: getattr(data, name)
            for name in ("rule", "stage", "severity", "reason", "value", "threshold", "headroom", "summary")
        },
    }


def _hours(name: str, value: Any, start_ms: int) -> str:
    return f"{(value - start_ms) / 3_600_000:g}h" if name == "at" and value is not None else repr(value)


def uncovered(pack: Pack, outcomes: list[Outcome]) -> list[str]:
    """Rules and stages that no test opens, or that every test of theirs opens; rules that no test resolves; rules
    without stages whose figures no test looks at (`standing`)."""
    reached = [
        {(alert.data.rule, alert.data.stage) for alert in each.alerts if alert.type != "alert.resolved"}
        for each in outcomes
    ]
    resolved = {alert.data.rule for each in outcomes for alert in each.alerts if alert.data.state == "resolved"}
    holes = []
    for rule in pack.rules:
        about = [seen for seen, each in zip(reached, outcomes, strict=True) if rule.id in each.pack_test.rules]
        for stage in rule.stages():
            if not any((rule.id, stage) in seen for seen in reached):
                holes.append(f"{rule.id}: no test reaches {stage}")
            elif all((rule.id, stage) in seen for seen in about):
                holes.append(f"{rule.id}: no test (that names it in `rules`) stays clear of {stage}")
        if rule.stages() and rule.id not in resolved and not rule.never_ends():
            holes.append(f"{rule.id}: no test resolves it")
        part, key = rule.shown_at()
        if not rule.stages() and not any(key in each.pack_test.standing.get(part, {}) for each in outcomes):
            holes.append(f"{rule.id}: no test looks at its figures (`standing`)")
    return holes
