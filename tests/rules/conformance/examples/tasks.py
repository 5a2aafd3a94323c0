"""What is owed once something has happened."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.deadline import cancels, places
from tests.rules.history import TimedEvent, event, placed

OWED = {"within": "48h", "lasts": "20d", "warn": [{"before": "48h", "severity": "info"}]}
STAGES = ("due_soon", "overdue")
ON_ORDERS = own(
    "tasks",
    STAGES,
    of={"orders": {"has": "cancelled"}, "at": "cancelled"},
    tasks=["notify_buyer", "post_notice"],
    **OWED,
)
EMERGENCY = own("tasks", STAGES, after="emergency.declared", tasks=["post_notice"], **OWED)
DEPOSIT = own("tasks", STAGES, after="deposit.deducted", sanction={"name": "suspended"}, **OWED)


def declares(i: int, at: str) -> list[TimedEvent]:
    return [event("emergency.declared", None, at, scope="flood")]


def done(task: str, order: str | None, at: str) -> TimedEvent:
    return event("task.done", order, at, task=task)


def does(i: int, at: str) -> list[TimedEvent]:
    return [done("notify_buyer", str(i), at), done("post_notice", None, at)]


def deducted(at: str, currency: str = "CNY") -> TimedEvent:
    return event("deposit.deducted", None, at, amount="10", currency=currency)


def topped_up(at: str, amount: str = "10") -> TimedEvent:
    return event("deposit.topped_up", None, at, amount=amount, currency="CNY")


def deducts(i: int, at: str) -> list[TimedEvent]:
    return [deducted(at, ("CNY", "CNY", "USD")[i])]


def tops_up(i: int, at: str) -> list[TimedEvent]:
    return [topped_up(at, ("10", "5", "15")[i])]


EXAMPLES = [
    Example(
        "orders",
        [ON_ORDERS],
        [places, cancels, does],
        [placed("1"), *cancels(1, "1h"), done("notify_buyer", "1", "60h"), done("post_notice", None, "61h")],
        "99h",
    ),
    Example(
        "emergencies", [EMERGENCY], [declares, does], [*declares(0, "0h"), done("post_notice", None, "60h")], "99h"
    ),
    Example("deposits", [DEPOSIT], [deducts, tops_up], [deducted("0h"), topped_up("60h")], "99h"),
]
