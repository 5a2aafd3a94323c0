"""The API's changes: acknowledge and mute alerts."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Any, TypeGuard, TypeVar
from weakref import WeakValueDictionary

from aiokafka.errors import KafkaError
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.calendar.instants import rfc3339, to_ms
from streams.clock import wall_ms
from streams.views.acks import Ack, Kind
from streams.views.alerts import Held
from streams.views.view import View
from streams.views.writer import Writer
from streams.web.auth import person_of
from streams.web.operations import operation
from streams.web.schemas import AckRequest, AlertNow

REFUSALS = {
    404: "no such alert is at hand",
    409: "it is resolved, so there is nothing to say of it; or somebody else was first, and that has to be lifted",
    503: "Kafka can't be written to, or is still being read",
}

WRITE_S = 15.0
"""How long a write to Kafka may take."""


class AckApi:
    """Handlers that acknowledge and mute alerts."""

    def __init__(self, view: View, writer: Writer) -> None:
        self._view, self._writer = view, writer
        self._turns = WeakValueDictionary[str, asyncio.Lock]()

    @operation(
        "POST",
        "/api/alerts/{alert:name}/acknowledge",
        "Says that somebody has seen to an alert; it counts until its end or until the alert gets worse",
        body=AckRequest,
        answer=AlertNow,
        refusals=REFUSALS,
    )
    async def acknowledge(self, request: Request, alert: str, body: AckRequest) -> dict[str, Any]:
        return await self._keep_new("acknowledged", alert, signed(request, body))

    @operation(
        "DELETE",
        "/api/alerts/{alert:name}/acknowledge",
        "Takes an acknowledgement back",
        answer=AlertNow,
        refusals=REFUSALS,
    )
    async def unacknowledge(self, request: Request, alert: str) -> dict[str, Any]:
        return await self._lift("acknowledged", alert)

    @operation(
        "POST",
        "/api/alerts/{alert:name}/mute",
        "Hides an alert until an end, or until it gets worse",
        body=AckRequest,
        answer=AlertNow,
        refusals=REFUSALS,
    )
    async def mute(self, request: Request, alert: str, body: AckRequest) -> dict[str, Any]:
        return await self._keep_new("muted", alert, signed(request, body))

    @operation("DELETE", "/api/alerts/{alert:name}/mute", "Shows an alert again", answer=AlertNow, refusals=REFUSALS)
    async def unmute(self, request: Request, alert: str) -> dict[str, Any]:
        return await self._lift("muted", alert)

    async def _keep_new(self, kind: Kind, alert: str, request: AckRequest) -> dict[str, Any]:
        held = self._find(alert)
        ack = ack_of(held, kind, request)
        if not held.is_open:
            raise HTTPException(409, "the alert is resolved")
        async with self._turns.setdefault(alert, asyncio.Lock()):  # of two at once the second hears of the first
            first = self._view.ack(kind, held)
            if is_of_another(first, ack):
                raise HTTPException(409, f"{first.by} was first: {kind} at {first.at}; lift that to replace it")
            return await self._keep(held, kind, ack)

    async def _lift(self, kind: Kind, alert: str) -> dict[str, Any]:
        return await self._keep(self._find(alert), kind, None)

    def _find(self, alert: str) -> Held:
        held = self._view.alerts.get(alert)
        if held is None:
            raise HTTPException(404, f"no alert {alert} is at hand")
        return held

    async def _keep(self, held: Held, kind: Kind, ack: Ack | None) -> dict[str, Any]:
        """Answers once it is written to Kafka and read back, so that whoever asks next sees it."""
        await written(self._writer.write_all(kind, [(held, ack)]))
        return self._view.alert(held)


async def written(writing: Awaitable[None]) -> None:
    """Waits until it is written; 503 if Kafka doesn't take it."""
    try:
        async with asyncio.timeout(WRITE_S):
            await writing
    except (KafkaError, OSError, TimeoutError):
        raise HTTPException(503, "Kafka does not take it now; try again", {"retry-after": "5"}) from None


Asked = TypeVar("Asked", bound=AckRequest)


def signed(request: Request, body: Asked) -> Asked:
    """What is asked for, by whoever the token says; one without a name leaves it to the request."""
    name = person_of(request).name
    return body if name is None else replace(body, by=name)


def ack_of(held: Held, kind: Kind, request: AckRequest) -> Ack:
    """What is asked for, about an alert as it is now. 400 for an end that has passed."""
    now_ms = wall_ms()
    return Ack(
        alert=held.id,
        kind=kind,
        at=rfc3339(now_ms),
        until=None if request.until is None else _end(request.until, now_ms),
        by=request.by or None,
        comment=request.comment or None,
        seen_step=held.step(),
    )


def is_of_another(first: Ack | None, ack: Ack) -> TypeGuard[Ack]:
    """Whether an ack would replace, with its comment, what somebody else has said and what still holds."""
    return first is not None and first.by is not None and first.by != ack.by


def _end(until: datetime, now_ms: int) -> str:
    """When an ack or mute ends, as it is written."""
    if to_ms(until) <= now_ms:
        raise HTTPException(400, "in the body: `until` has passed already")
    try:
        return rfc3339(to_ms(until))
    except OverflowError:  # its offset moves it into the year 10000
        raise HTTPException(400, "in the body: `until` lies too far ahead") from None
