"""Penalty points from what happened, from ratios, and as the platform shows them."""

from tests.rules.conformance.example import Example, Written, own
from tests.rules.conformance.examples.count import VIOLATION, violates
from tests.rules.conformance.examples.deadline import cancels, places, ships
from tests.rules.conformance.examples.ratio import WEEKLY, seller_cancels
from tests.rules.history import TimedEvent, event, late_ship, placed

TIERS = [{"name": "first", "at": 3, "lasts": "9d"}, {"name": "second", "at": 30}]


def ledger(*feeds: Written, **parts: object) -> Written:
    written = [{"clause": "own-feed", **feed} for feed in feeds]
    return own("ledger", ("near", "active"), ledger="A", feeds=written, near=1, tiers=TIERS, **parts)


OF_VIOLATIONS = {"of": [VIOLATION], "points": 1, "caps": {"week": 9}}


def reported(value: str, at: str) -> TimedEvent:
    return event("points.reported", None, at, value=value)


def reports(i: int, at: str) -> list[TimedEvent]:
    return [reported(("1", "3", "30")[i], at)]


EXAMPLES = [
    Example(
        "violations",
        [ledger(OF_VIOLATIONS, expires="5d")],
        [violates],
        [*violates(0, "1h"), *violates(1, "2h"), *violates(2, "3h")],
        "300h",
    ),
    Example(
        "late orders",
        [late_ship(), ledger({"of": [{"missed": "joom.late"}], "points": 2}, posts="day", clears="month")],
        [places, ships, cancels],
        [placed("1"), placed("2", "48h")],
        "800h",
    ),
    Example(
        "each week's ratio",
        [
            WEEKLY,
            ledger(
                {"computed": "joom.own_ratio", "points_of": {"failing": 2, "severe": 3}},
                posts="week",
                clears_after="20d",
            ),
        ],
        [places, places, cancels],
        [placed(str(n), "1h") for n in range(8)]
        + seller_cancels("a", "2h")
        + [placed("b", "100h"), *seller_cancels("c", "101h")],
        "900h",
    ),
    Example(
        "reported",
        [ledger(OF_VIOLATIONS, {"reported": True}, clears_after="20d")],
        [violates, reports],
        [*violates(0, "1h"), reported("2", "2h"), reported("3", "3h")],
        "700h",
    ),
]
