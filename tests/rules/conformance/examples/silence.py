"""News of an order that must keep coming."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.deadline import WARN, places
from tests.rules.history import TimedEvent, placed, scanned

QUIET = own("silence", ("overdue",), after=["placed", "news"], until=["delivered"], within="48h", warn=WARN)


def moves_on(i: int, at: str) -> list[TimedEvent]:
    return [scanned(str(i), at)]


def arrives(i: int, at: str) -> list[TimedEvent]:
    return [scanned(str(i), at, "delivered")]


EXAMPLES = [
    Example(
        "tracking",
        [QUIET],
        [places, moves_on, moves_on, arrives],
        [placed(), scanned(at="60h", status="delivered")],
        "99h",
    )
]
