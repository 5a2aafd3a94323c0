"""What is told each time it happens."""

from tests.rules.conformance.example import Example, Written, own
from tests.rules.conformance.examples.count import VIOLATION, violates
from tests.rules.conformance.examples.deadline import cancels, places, ships
from tests.rules.conformance.examples.level import PREORDERS, listed, lists
from tests.rules.history import TimedEvent, event, late_ship, ms, placed, shipped


def shown(**of: object) -> Written:
    return own("event", ("crossed",), of=of, lasts="9d")


SANCTION = own("event", ("active",), of=VIOLATION, sanction={"name": "stop", "lasts": "24h"})
FOR_GOOD = own("event", ("active",), of=VIOLATION, sanction={"name": "stop"})


def reuses(i: int, at: str) -> list[TimedEvent]:
    return [placed(str(i), at), shipped(str(i), at, tracking_no="N")]


def promotes(i: int, at: str) -> list[TimedEvent]:
    return [event("promotion.scheduled", None, at, sku=f"A{i}", price="11", starts_at=ms("928h"))]


def prices(i: int, at: str) -> list[TimedEvent]:
    return [event("price.changed", None, at, sku=f"A{i}", price=str(10 + i))]


EXAMPLES = [
    Example("violations", [shown(**VIOLATION)], [violates], violates(0, "1h"), "300h"),
    Example("a sanction", [SANCTION], [violates], violates(0, "1h"), "30h"),
    Example("for good", [FOR_GOOD], [violates], violates(0, "1h"), "30h"),
    Example("late orders", [late_ship(), shown(missed="joom.late")], [places, ships], [placed()], "300h"),
    Example(
        "cancelled orders",
        [shown(orders={"has": "cancelled", "by": ["seller"]}, at="cancelled")],
        [places, cancels],
        [placed("1"), *cancels(1, "1h")],
        "300h",
    ),
    Example("numbers", [shown(reused="tracking_no")], [reuses, places], [*reuses(0, "1h"), *reuses(1, "2h")], "300h"),
    Example(
        "promotions",
        [shown(promotion="above_price")],
        [prices, promotes],
        [*prices(0, "1h"), *promotes(0, "2h")],
        "300h",
    ),
    Example("crossings", [PREORDERS, shown(crossed="joom.own_level")], [lists], [listed(20, "1h")], "300h"),
]
