"""Which alerts somebody asks about: one by its id, or all of an order."""

from collections.abc import Iterable, Iterator

from rules.messages.alerts import Alert
from rules.messages.names import encoded

Records = list[Alert]


def is_chosen(record: Alert, wanted: str) -> bool:
    """Whether a record is of the wanted alert, or of an alert of the wanted order."""
    return wanted in (record.data.alert, record.order)


def may_be_chosen(key: bytes, wanted: str) -> bool:
    """The same by a record's key, an alert's id, so far as that tells: it names what the alert is about."""
    alert = key.decode(errors="replace")
    return alert == wanted or encoded(wanted) in alert.split(":")[2:3]


def by_alert(records: Iterable[Alert]) -> list[Records]:
    """The records of each alert, oldest first; open alerts first, then the one that was opened first."""
    found: dict[str, Records] = {}
    for record in records:
        found.setdefault(record.data.alert, []).append(record)
    return sorted(
        found.values(), key=lambda each: (each[-1].data.state != "open", each[-1].data.opened_at, each[-1].data.alert)
    )


def listed(order: str, alerts: list[Records]) -> Iterator[str]:
    """Lines about an order's alerts; not yet safe to print (see `visible`)."""
    yield f"order {order}: {len(alerts)} alert{'s' if len(alerts) > 1 else ''}"
    for records in alerts:
        newest, data = records[-1], records[-1].data
        yield f"  {data.state:<8}  {data.severity:<8}  {newest.platform}/{newest.shop}  {data.summary}"
        yield f"            {data.alert}"
