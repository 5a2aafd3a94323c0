"""Deadlines of single orders."""

from tests.rules.conformance.example import Example
from tests.rules.history import TimedEvent, cancelled, late_ship, moved, placed, shipped

WARN = [{"before": "24h", "severity": "info"}]
LIFE = [placed("1"), shipped("1", "60h"), placed("2"), shipped("2", "80h")]


def places(i: int, at: str) -> list[TimedEvent]:
    return [placed(str(i), at)]


def ships(i: int, at: str) -> list[TimedEvent]:
    return [shipped(str(i), at)]


def cancels(i: int, at: str) -> list[TimedEvent]:
    return [cancelled(str(i), at, by="seller", reason="stock")]


def moves(i: int, at: str) -> list[TimedEvent]:
    return [moved(str(i), at, to="100h")]


EXAMPLES = [
    Example("warned", [late_ship(warn=WARN, ship_by=True)], [places, ships, cancels, moves], LIFE, "100h"),
    Example(
        "judged again",
        [late_ship(again={"every": "24h", "times": 3})],
        [places, places, ships, cancels],
        [placed(), shipped(at="130h")],
        "200h",
    ),
    Example(
        "from another",
        [late_ship(), late_ship(id="joom.closure", **{"from": {"due": "joom.late"}})],
        [places, places, ships],
        [placed(), shipped(at="150h")],
        "200h",
    ),
]
