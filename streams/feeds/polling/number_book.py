"""Notes the tracking numbers in what was mapped, for the tracking services that follow them."""

from collections.abc import Iterable, Iterator
from typing import Any

from rules.messages.names import decoded
from streams.feeds.apps import FeedSettings, Registering
from streams.feeds.mapping import Mapped, Number, reference_of
from streams.feeds.polling.client import Time
from streams.feeds.polling.deadlines import is_whole
from streams.feeds.polling.enricher import Push
from streams.feeds.polling.parcels import Parcel, Parcels

AGAIN_MS = 30 * 60_000
"""A service that has stopped to follow a number is told of it once more after this."""

ARRIVED = frozenset({"delivered", "returned"})
"""States of a parcel after which there are no news."""


def registers(feeds: FeedSettings) -> bool:
    """Whether any app registers numbers with a tracking service."""
    return any(app.registering is not None for app in feeds.apps.values())


class NumberBook:
    """`note` is called when the events are written."""

    def __init__(self, feeds: FeedSettings, parcels: Parcels, time: Time) -> None:
        self._parcels, self._time = parcels, time
        self._services = {
            f"{app.source.source}/{app.name}": app.registering for app in feeds.apps.values() if app.registering
        }

    def share(self, pushes: Iterable[Push]) -> None:
        """Adds the events of the other orders in a parcel, of which a tracking service knows one. Orders of other shops
        may have its number, but not its parcel."""
        for app, mapped in pushes:
            service = f"{app.source.source}/{app.name}"
            if service in self._services:
                mapped.events += [other for event in mapped.events for other in self._of_others(service, event)]

    def _of_others(self, service: str, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
        number = event["data"].get("tracking_no")
        if number is None:
            return
        own = reference_of(event["platform"], event["shop"], event["order"])
        for other in self._parcels.others(service, own, number):
            shop, _, order = other.rpartition("/")
            if shop == own.rpartition("/")[0]:
                yield event | {"id": f"{event['id']}:{order}", "order": decoded(order)}

    def note(self, mapped: Iterable[Mapped]) -> None:
        now_ms = self._time.now_ms()
        numbers: list[Number] = []
        over: list[tuple[str, str | None]] = []
        again: list[Number] = []
        for each in mapped:
            numbers += each.numbers
            again += each.again
            over += [(reference, None) for reference in each.over]
            over += _ended(each.events)
        for service, registering in self._services.items():
            self._parcels.note(service, _wanted(numbers, registering), now_ms)
        for stopped in again:
            self._parcels.again(stopped.reference, stopped.tracking_no, now_ms + AGAIN_MS)
        self._parcels.end(over, now_ms)


def _wanted(numbers: Iterable[Number], registering: Registering) -> list[Parcel]:
    return [
        Parcel(each.tracking_no, each.carrier, each.reference)
        for each in numbers
        if not registering.platforms or each.reference.partition("/")[0] in registering.platforms
    ]


def _ended(events: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """References of orders that were voided, and of those with a parcel that has come to its end, its number."""
    for event in events:
        data = event["data"]
        if event["type"] == "order.cancelled" and is_whole(event):
            yield reference_of(event["platform"], event["shop"], event["order"]), None
        elif event["type"] == "tracking.updated" and data.get("status") in ARRIVED:
            yield reference_of(event["platform"], event["shop"], event["order"]), data.get("tracking_no")
