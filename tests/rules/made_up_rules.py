"""Deadlines, conditions, ratios and orders' facts at random: what packs could say, beyond what the built-in ones do."""

from typing import Any

from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from rules.facts.merge import merge
from rules.facts.order_facts import OrderFacts
from rules.plan.rule_book import RuleBook
from tests.rules.histories import Cycle
from tests.rules.history import (
    START_MS,
    TimedEvent,
    book,
    cancelled,
    collected,
    event,
    moved,
    ms,
    placed,
    refunded,
    rule,
    scanned,
    shipped,
)
from tests.rules.shop_histories import instants

# -- facts ----------------------------------------------------------------------------------------------------


@st.composite
def order_events(
    draw: st.DrawFn, times: st.SearchStrategy[str] = instants, order: str = "1", platform: str = "joom"
) -> TimedEvent:
    """One event of an order, with all that conditions and deadlines look at."""
    at, one_of = draw(times), lambda *choices: draw(st.sampled_from(choices))
    where: dict[str, Any] = {"platform": platform}
    match one_of("placed", "placed", "moved", "shipped", "cancelled", "collected", "scanned", "failed", "refunded"):
        case "placed":
            terms = {
                "mode": one_of(None, "spot", "presale", "stepped"),
                "handling_h": one_of(None, None, 24, 1.5),
                "ship_by": one_of(None, None, ms("84h"), ms("120h")),
                "logistics": one_of(None, "platform", "own"),
                "sensitive": one_of(None, True),
                "predeclared": one_of(None, True),
            }
            return placed(order, at, **where, **{name: value for name, value in terms.items() if value is not None})
        case "moved":
            return moved(order, at, **where, to=draw(instants))
        case "shipped":
            parcel = {"tracking_no": one_of(None, "N1"), "logistics": one_of(None, "own"), "label": one_of(None, "own")}
            return shipped(order, at, **where, **parcel)
        case "cancelled":
            return cancelled(order, at, **where, by=one_of("buyer", "seller"), reason=one_of(None, "stock"))
        case "collected":
            return collected(order, at, **where)
        case "scanned":
            return scanned(order, at, one_of("info_received", "in_transit", "delivered", "returned"), **where)
        case "failed":
            return event("pickup.failed", order, at, **where)
    return refunded(order, at, **where)


def merged(events: list[TimedEvent]) -> OrderFacts:
    facts = OrderFacts()
    for happened, at_ms in events:
        facts, _ = merge(facts, happened, (at_ms, happened.source, happened.id))
    return facts


order_facts = st.lists(order_events(), max_size=6).map(merged)


@st.composite
def order_lives(draw: st.DrawFn, platform: str = "joom") -> list[Cycle]:
    """A few orders of one shop, told of as it happens: commit cycles some hours apart, with an event or two in each, of
    the hours just past or just ahead."""
    cycles: list[Cycle] = [([placed("1", "0h", platform=platform)], START_MS)]
    hour = 0
    for order in draw(st.lists(st.sampled_from(["1", "1", "2", "3"]), min_size=4, max_size=10)):
        hour += draw(st.sampled_from([1, 5, 12, 12, 24, 25, 47, 73]))
        around = st.sampled_from([0, 0, 0, 1, 12, -2]).map(lambda before, now=hour: f"{max(now - before, 0)}h")
        events = draw(st.lists(order_events(around, order, platform), max_size=2, unique_by=lambda each: each[0].id))
        cycles.append((events, START_MS + hour * HOUR_MS))
    return cycles


# -- conditions -----------------------------------------------------------------------------------------------

DEADLINES = ("joom.late", "joom.slow", "joom.twice")
"""The deadline rules of every made-up book."""

_of_facts = st.sampled_from(
    [
        *("placed", "shipped", "collected", "scanned", "delivered", "cancelled", "returned", "refunded"),
        {"has": "cancelled", "by": ["seller"]},
        {"has": "cancelled", "by": ["buyer", "system"], "reason": ["stock", "late_ship"]},
        {"term": "predeclared"},
        {"term": "sensitive", "is": False},
        {"term": "mode", "is": ["presale", "spot"]},
        {"parcel": "tracked"},
        {"parcel": "tracked", "is": False},
        {"parcel": "logistics", "is": "own"},
        {"parcel": "label", "is": "own"},
    ]
)
_of_deadlines = st.builds(
    lambda form, name: {form: name}, st.sampled_from(["late", "overdue"]), st.sampled_from(DEADLINES)
)


def _nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda part: (
            st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts})
            | st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts})
            | part.map(lambda each: {"not": each})
        ),
        max_leaves=5,
    )


fact_conditions = _nested(_of_facts)
"""As a pack writes them: conditions that look at an order's facts alone."""

conditions = _nested(_of_facts | _of_deadlines)
"""And at how deadlines were judged."""

# -- deadlines ------------------------------------------------------------------------------------------------

_late = st.fixed_dictionaries(
    {"within": st.sampled_from(["24h", "72h", "1bd", "2bd"]), "ship_by": st.booleans(), "handling": st.booleans()},
    optional={
        "modes": st.just({"presale": "120h", "stepped": "36h"}),
        "where": fact_conditions,
        "warn": st.just([{"before": "24h", "severity": "info"}, {"before": "6h", "severity": "warning"}]),
        "again": st.just({"every": "24h", "times": 3}),
        "versions": st.just(
            [{"set": {"within": "12h"}, "source": "test", "confidence": "ours", "effective_from": "2026-01-04"}]
        ),
    },
)
_slow = st.sampled_from(
    [
        {"from": "shipped", "until": ["collected", "scanned"], "within": "48h"},
        {"from": {"due": "joom.late"}, "until": ["shipped", "cancelled"], "within": "24h"},
        {"from": "cancelled", "until": ["refunded"], "within": "1bd", "calendar": "ID"},
        {"from": "placed", "until": ["delivered"], "within": "2bd", "ends": "day"},
        {
            "from": "placed",
            "until": ["collected"],
            "within": "1bd",
            "ends": "day",
            "cutoff": "14:00",
            "week": "mon-sat",
        },
        {"from": "shipped", "until": ["scanned"], "within": "1bd", "cutoff": "09:30"},
    ]
)


@st.composite
def deadlines(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The rules `DEADLINES`: one with a time of its own for some orders, one that may begin at its end, and another."""
    late = draw(_late)
    return [
        rule("deadline", "late", **{"from": "placed", "until": ["shipped", "cancelled"], **late}),
        rule("deadline", "slow", **draw(_slow)),
        rule(
            "deadline",
            "twice",
            **{"from": "placed", "until": ["delivered"], "within": "96h", "ship_by": draw(st.booleans())},
        ),
    ]


@st.composite
def silences(draw: st.DrawFn) -> dict[str, Any]:
    after = draw(st.sampled_from([["news"], ["collected", "news"], ["shipped", "collected", "scanned"]]))
    where = draw(st.none() | fact_conditions)
    return rule(
        "silence",
        "silent",
        after=after,
        until=["delivered", "cancelled"],
        within=draw(st.sampled_from(["24h", "96h"])),
        **({} if where is None else {"where": where}),
    )


# -- ratios ---------------------------------------------------------------------------------------------------

_anchors = st.sampled_from(
    [
        "placed",
        "shipped",
        {"due": "joom.late"},
        ["shipped", "cancelled"],
        ["shipped", {"due": "joom.twice"}, "refunded"],
    ]
)
_windows = st.sampled_from(
    [
        {"length": "1d"},
        {"length": "3d", "lag": "1d"},
        {"length": "7d", "lag": "3d"},
        {"length": "30d"},
        {"align": "week"},
        {"align": "week", "lag": "36h"},
        {"align": "month", "lag": "2d"},
    ]
)
_tiers = st.sampled_from(
    [
        [{"name": "low", "share": "20%"}, {"name": "high", "share": "60%"}],
        [{"name": "low", "count": 1, "sanction": {"name": "block", "lasts": "2d"}}],
        [
            {"name": "low", "share": "10%", "sanction": {"name": "slow", "lasts": "3d"}},
            {"name": "high", "share": "40%", "count": 2, "sanction": {"name": "block", "lasts": "7d"}},
        ],
    ]
)


@st.composite
def ratios(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A ratio over `DEADLINES`."""
    good = draw(st.booleans())
    parts: dict[str, Any] = {
        "numerator": draw(conditions),
        "denominator": draw(st.just("placed") | conditions),
        "anchor": draw(_anchors),
        "window": draw(_windows),
        "good": good,
        "inclusive": draw(st.booleans()),
        "at_least": draw(st.sampled_from([1, 1, 2])),
    }
    every = draw(st.none() | st.sampled_from(["day", "week", "month"]))
    if every is not None:
        parts["every"] = every
    if good or draw(st.booleans()):
        parts |= {"threshold": "80%", "near": "90%"} if good else {"threshold": "40%", "near": "20%"}
        stages = ["near", "crossed"]
    else:
        parts["tiers"] = draw(_tiers)
        stages = [tier["name"] for tier in parts["tiers"]]
        if every is not None and "align" not in parts["window"]:
            stages = ["near", *stages]
    return rule("ratio", name, tuple(stages), **parts)


@st.composite
def books(draw: st.DrawFn) -> RuleBook:
    """Deadlines and two ratios, for a platform `joom`."""
    zone = draw(st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]))
    rules = [*draw(deadlines()), draw(ratios("one")), draw(ratios("other"))]
    return book(*rules, zone=zone, calendar="CN")
