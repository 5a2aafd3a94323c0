"""A figure that falls below, or rises above, a value."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.count import VIOLATION, violates
from tests.rules.history import TimedEvent, event, placed

RATING = own("level", ("near", "crossed"), of="rating", below="4.5", near="4.7")
PREORDERS = own("level", ("near", "crossed"), of="preorder_share", above="0.1", near="0.08")
COVER = own("level", ("near", "crossed"), of="stock_cover", below=3, near=7, velocity="7d")
REORDER = own("level", ("crossed",), of="reorder_point", velocity="7d", lead_time="3d", safety="1d")
LEDGER = own(
    "ledger",
    (),
    ledger="A",
    feeds=[{"clause": "own-feed", "of": [VIOLATION], "points": 1}],
    expires="5d",
)
POINTS = own(
    "level",
    ("low", "high"),
    of="points",
    ledger="joom.own_ledger",
    tiers=[{"name": "low", "at": 1}, {"name": "high", "at": 3}],
)


def rated(score: str, at: str) -> TimedEvent:
    return event("rating.updated", None, at, score=score)


def rates(i: int, at: str) -> list[TimedEvent]:
    return [rated(("4.9", "4.6", "4.2")[i], at)]


def listed(preorder: int, at: str) -> TimedEvent:
    return event("listing.counts", None, at, total=100, preorder=preorder)


def lists(i: int, at: str) -> list[TimedEvent]:
    return [listed((5, 9, 20)[i], at)]


def sold(sku: str, at: str) -> TimedEvent:
    return placed(f"{sku}-{at}", at, items=[{"sku": sku, "qty": 2}])


def sells(i: int, at: str) -> list[TimedEvent]:
    return [sold(f"A{i}", at)]


def stocked(sku: str, on_hand: int, at: str) -> TimedEvent:
    return event("stock.level", None, at, sku=sku, on_hand=on_hand)


def stocks(i: int, at: str) -> list[TimedEvent]:
    return [stocked(f"A{i}", (0, 3, 40)[i], at), stocked("A0", 8, at)]


EXAMPLES = [
    Example("rating", [RATING], [rates], [rated("4.6", "1h"), rated("4.4", "2h"), rated("4.8", "3h")], "5h"),
    Example("pre-orders", [PREORDERS], [lists], [listed(9, "1h"), listed(20, "2h"), listed(5, "3h")], "5h"),
    Example(
        "cover",
        [COVER],
        [sells, stocks],
        [sold("A", "0h"), stocked("A", 10, "1h"), stocked("A", 1, "2h"), stocked("A", 99, "3h")],
        "5h",
    ),
    Example(
        "reorder point",
        [REORDER],
        [sells, stocks],
        [sold("A", "0h"), stocked("A", 1, "1h"), stocked("A", 99, "3h")],
        "5h",
    ),
    Example(
        "points", [LEDGER, POINTS], [violates], [*violates(0, "1h"), *violates(1, "2h"), *violates(2, "3h")], "300h"
    ),
]
