"""A carrier's trouble."""

from tests.rules.conformance.example import Example, own
from tests.rules.history import TimedEvent, event

LINES = {"saturated": "a backup line", "paralysed": "another warehouse"}
ROUTE = own("route", ("saturated", "paralysed"), lines=LINES)


def is_in(state: str, at: str, carrier: str = "C") -> TimedEvent:
    return event("carrier.state", None, at, carrier=carrier, state=state)


def reports(i: int, at: str) -> list[TimedEvent]:
    return [is_in(("normal", "saturated", "paralysed")[i], at)]


def reports_of_another(i: int, at: str) -> list[TimedEvent]:
    return [is_in(("normal", "saturated", "extreme")[i], at, "D")]


EXAMPLES = [
    Example(
        "carriers",
        [ROUTE],
        [reports, reports_of_another],
        [is_in("saturated", "1h"), is_in("paralysed", "2h"), is_in("normal", "3h")],
        "5h",
    )
]
