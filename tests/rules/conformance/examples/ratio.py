"""Bad orders of all orders: live, computed each week, split by reason or provider."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.deadline import cancels, places, ships
from tests.rules.history import TimedEvent, cancelled, event, late_ship, placed, shipped

WEEK = {"length": "7d"}
CANCELLED = {"has": "cancelled", "by": ["seller"]}
LIVE = own(
    "ratio",
    ("near", "crossed"),
    numerator={"any": [CANCELLED, {"late": "joom.late"}]},
    near="20%",
    threshold="50%",
    window=WEEK,
)
TIERS = [
    {"name": "failing", "share": "10%"},
    {"name": "severe", "share": "30%", "sanction": {"name": "stop", "lasts": "3d"}},
]
WEEKLY = own("ratio", ("near", "failing", "severe"), numerator=CANCELLED, tiers=TIERS, every="week", window=WEEK)
REASONS = {"stock": {"name": "out of stock"}, "quality": {"name": "bad"}}
BY_REASON = own(
    "ratio", ("crossed",), numerator={"has": "cancelled"}, threshold="1 %", by="reason", of=REASONS, window=WEEK
)
BY_PROVIDER = own("ratio", ("crossed",), disputes="not_shipped", by="provider", threshold="1 %", window=WEEK)
MONTHLY = own(
    "ratio", ("crossed",), numerator="shipped", good=True, threshold="60 %", every="month", window={"align": "month"}
)


def seller_cancels(order: str, at: str) -> list[TimedEvent]:
    return [placed(order, at), cancelled(order, at, by="seller", reason="stock")]


def disputes(i: int, at: str) -> list[TimedEvent]:
    return [event("dispute.opened", None, at, provider=f"p{i % 2}", cause="not_shipped", id=f"dispute-{i}-{at}")]


EXAMPLES = [
    Example(
        "live",
        [late_ship(), LIVE],
        [places, places, ships, cancels],
        [
            placed("1"),
            placed("2"),
            placed("3"),
            cancelled("1", "1h", by="seller"),
            cancelled("2", "2h", by="seller"),
            shipped("3", "3h"),
        ],
        "300h",
    ),
    Example(
        "each week",
        [WEEKLY],
        [places, places, ships, cancels],
        [placed(str(n), "1h") for n in range(8)]
        + seller_cancels("a", "2h")
        + [placed("b", "100h"), *seller_cancels("c", "101h")],
        "600h",
    ),
    Example(
        "each month",
        [MONTHLY],
        [places, places, ships, cancels],
        [placed("1"), placed("2"), shipped("1", "5h"), placed("3", "750h"), shipped("3", "751h")],
        "2026-04-01T00:00:00Z",
    ),
    Example("by reason", [BY_REASON], [places, cancels], seller_cancels("1", "0h"), "300h"),
    Example("by provider", [BY_PROVIDER], [places, disputes], [placed(), *disputes(0, "1h")], "300h"),
]
