"""Alerts as a table, a record a line."""

from collections.abc import Iterable

from msgspec import UNSET

from rules.messages.alerts import Alert
from rules.messages.text import visible
from streams.replaying.columns import aligned

HEAD = ("time", "change", "severity", "platform/shop", "order", "stage", "due", "summary")


def table(alerts: Iterable[Alert]) -> list[str]:
    """The lines of the table. Holds all records until the last, as only then the columns' widths are known."""
    return aligned(HEAD, map(_row, alerts))


def _row(alert: Alert) -> tuple[str, ...]:
    data = alert.data
    return (
        alert.time,
        alert.type.removeprefix("alert."),
        data.severity,
        visible(f"{alert.platform}/{alert.shop}"),
        "-" if alert.order is UNSET else visible(alert.order),
        data.stage,
        data.due_at or "-",
        visible(data.summary),
    )
