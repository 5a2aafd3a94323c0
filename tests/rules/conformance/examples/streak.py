"""A ratio kept up for several quarters in a row."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.deadline import cancels, places, ships
from tests.rules.history import TimedEvent, cancelled, late_ship, placed, shipped

QUARTERLY = own(
    "ratio",
    ("crossed",),
    numerator={"not": {"any": ["cancelled", {"overdue": "joom.late"}]}},
    threshold="98 %",
    good=True,
    every="quarter",
    window={"align": "quarter"},
)
STREAK = own("streak", ("near", "crossed", "top"), of="joom.own_ratio", times=2, reached="top")


def kept(order: str, day: str) -> list[TimedEvent]:
    return [placed(order, f"{day}T01:00:00Z"), shipped(order, f"{day}T05:00:00Z")]


LOST = [placed("3", "2026-07-01T01:00:00Z"), cancelled("3", "2026-07-01T05:00:00Z", by="seller")]

EXAMPLES = [
    Example(
        "quarters",
        [late_ship(), QUARTERLY, STREAK],
        [places, ships, cancels],
        [*kept("1", "2026-01-02"), *kept("2", "2026-04-02"), *LOST],
        "2026-10-05T00:00:00Z",
    )
]
