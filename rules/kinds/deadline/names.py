"""What a summary can name of a deadline rule, and how it is written."""

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.kinds.deadline.spec import Deadline, OrderRule


def names_of(rule: OrderRule, hours: str, due_ms: int | None) -> dict[str, object]:
    """All but the order. `hours` is how many of them an order has; `due_ms` (epoch ms) the instant that somebody gave
    for this order, else None."""
    kind = "ship deadline" if "shipped" in rule.until else "deadline"
    again = rule.again if isinstance(rule, Deadline) else None
    return {
        "within": rule.within,
        "within_h": hours,
        "deadline": f"{hours} h {kind}" if due_ms is None else f"{kind} of {rfc3339(due_ms)}",
        "times": again.times if again else 1,
    }


def hours_of(within: int) -> str:
    """A duration in hours."""
    return f"{int(within) / HOUR_MS:g}"
