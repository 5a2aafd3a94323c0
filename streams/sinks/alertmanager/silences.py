"""Mutes as silences of Alertmanager: the alert goes on firing there, and nobody is notified of it.

A silence is made for a few minutes and renewed, so that it ends by itself once nobody holds it any more: when this
process has gone, or has forgotten it after a restart.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import orjson
from msgspec import Struct

from rules.calendar.instants import from_rfc3339, rfc3339
from streams.sinks.delivery import Rejected
from streams.views.acks import Ack

LASTS_MS: Final = 600_000
"""How long a silence lasts, unless its mute ends before."""

RENEW_MS: Final = 240_000
"""How old it may become before it is renewed."""

Request = Callable[[str, str, bytes | None], Awaitable[bytes]]
"""Sends `(method, path, body)` to Alertmanager's API and returns the answer's body. Raises Unavailable or Rejected."""


class _Silence(Struct):
    id: str
    starts_at: str
    renewed_ms: int
    ends_ms: int
    ack: Ack


class Silences:
    """The silences that this process holds, by alert."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._held: dict[str, _Silence] = {}

    async def keep(self, muted: Mapping[str, Ack], now_ms: int) -> None:
        """Holds a silence for each of these alerts, and for no other. Times are epoch ms."""
        for alert in self._held.keys() - muted.keys():
            await self._end(alert, now_ms)
        for alert, ack in muted.items():
            held = self._held.get(alert)
            if held is None or held.ack != ack or now_ms - held.renewed_ms >= RENEW_MS:
                await self._hold(alert, ack, held, now_ms)

    async def _hold(self, alert: str, ack: Ack, held: _Silence | None, now_ms: int) -> None:
        starts_at = rfc3339(now_ms) if held is None else held.starts_at  # one that moves is made anew
        ends_ms = now_ms + LASTS_MS if ack.until is None else min(now_ms + LASTS_MS, from_rfc3339(ack.until))
        silence: dict[str, Any] = {
            "matchers": [{"name": "alert", "value": alert, "isRegex": False, "isEqual": True}],
            "startsAt": starts_at,
            "endsAt": rfc3339(ends_ms),
            "createdBy": ack.by or "shipclock",
            "comment": ack.comment or "muted in shipclock",
        }
        try:
            answer = await self._post(silence if held is None else silence | {"id": held.id})
        except Rejected:
            if held is None:
                raise
            answer = await self._post(silence)  # Alertmanager has lost the one that was held
        self._held[alert] = _Silence(answer, starts_at, now_ms, ends_ms, ack)

    async def _post(self, silence: dict[str, Any]) -> str:
        answer = orjson.loads(await self._request("POST", "/silences", orjson.dumps(silence)))
        return str(answer["silenceID"])

    async def _end(self, alert: str, now_ms: int) -> None:
        """It is held until Alertmanager has taken its end. One that has ended by itself isn't ended again: Alertmanager
        answers that with an error of its own (500), which looks as if it were away."""
        held = self._held[alert]
        if now_ms < held.ends_ms:
            with suppress(Rejected):  # Alertmanager has lost it
                await self._request("DELETE", f"/silence/{held.id}", None)
        del self._held[alert]
