"""Posts alerts to a URL as CloudEvents (structured mode), signed as in Standard Webhooks.

`webhook-id` stays the same however often an alert's revision is sent, so that a receiver can drop duplicates.
"""

import asyncio
import hmac
import time
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from hashlib import blake2b

from rules.messages.alerts import Alert
from streams.sinks.base import Offsets, Record
from streams.sinks.delivery import Delivery
from streams.sinks.http import HttpSink


def signature(key: bytes, message_id: str, at_s: int, body: bytes) -> str:
    """Of id, time and body, as in Standard Webhooks."""
    signed = f"{message_id}.{at_s}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def message_id(event_id: str) -> str:
    """The id of a message, made from the event's id without characters that headers and the scheme don't allow."""
    return "msg_" + blake2b(event_id.encode(), digest_size=16).hexdigest()


class Webhook(HttpSink):
    batch = 16  # alerts on their way at once

    def __init__(self, delivery: Delivery, url: str, key: bytes) -> None:
        super().__init__(delivery)
        self._url, self._key = url, key
        self._first: dict[int, set[str]] = {}

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        self.revoked(partition)
        if offsets.is_new:
            self._first[partition] = set()
        return offsets.resume

    async def caught_up(self, partition: int) -> None:
        self._first.pop(partition, None)

    def revoked(self, partition: int) -> None:
        self._first.pop(partition, None)

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        """Sends different alerts concurrently, the revisions of one alert in order."""
        revisions: dict[str, list[tuple[Alert, bytes]]] = {}
        for record in records:
            alert = self.read(record)
            if alert is not None and record.value is not None and self._is_change(partition, alert):
                revisions.setdefault(alert.data.alert, []).append((alert, record.value))
        async with asyncio.TaskGroup() as group:
            for each in revisions.values():
                group.create_task(self._send_all(each))

    def _is_change(self, partition: int, alert: Alert) -> bool:
        """False for the end of an alert that a new receiver has never got."""
        received = self._first.get(partition)
        if received is None or alert.data.alert in received:
            return True
        if alert.data.state == "open":
            received.add(alert.data.alert)
        return alert.data.state == "open"

    async def _send_all(self, revisions: Sequence[tuple[Alert, bytes]]) -> None:
        for alert, body in revisions:
            await self.delivery.send(partial(self._send, alert, body))

    async def _send(self, alert: Alert, body: bytes) -> None:
        name, at_s = message_id(alert.id), int(time.time())
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": name,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature(self._key, name, at_s, body),
        }
        await self.post(self._url, body, headers)
