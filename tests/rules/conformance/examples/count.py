"""So many of something: until a sanction, in a week, of one order."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.deadline import cancels, places, ships
from tests.rules.history import TimedEvent, event, late_ship, placed

VIOLATION = {"violation": ["fake_orders"]}
MISSED = {"missed": "joom.late"}
SANCTION = own(
    "count", ("near", "active"), of=MISSED, threshold=2, near=1, window="20d", sanction={"name": "stop", "lasts": "24h"}
)
WEEK = own("count", ("near", "crossed"), of=VIOLATION, threshold=3, near=2, per="week", distinct="buyer")
EACH = own("count", ("crossed",), of={"judged": "joom.late"}, threshold=2, per="order", lasts="9d")


def violates(i: int, at: str) -> list[TimedEvent]:
    about = {"kind": "fake_orders", "sku": f"A{i}", "buyer": f"b{i}", "count": 1}
    return [event("violation.recorded", None, at, **about, id=f"violation-{i}-{at}")]


EXAMPLES = [
    Example(
        "until a sanction",
        [late_ship(), SANCTION],
        [places, places, ships, cancels],
        [placed("1"), placed("2", "24h")],
        "800h",
    ),
    Example("in a week", [WEEK], [violates], [*violates(0, "1h"), *violates(1, "2h"), *violates(2, "3h")], "99h"),
    Example("of one order", [late_ship(again={"every": "24h", "times": 3}), EACH], [places, ships], [placed()], "500h"),
]
