"""What sinks that post over HTTP share."""

from types import TracebackType
from typing import Self

import aiohttp

from streams.sinks.base import Sink
from streams.sinks.delivery import Rejected, Unavailable

ANSWER_S = 15.0
"""How long an answer may take; Standard Webhooks advises 15 to 30 s."""

COME_BACK = frozenset({408, 425, 429})
"""Client errors that may succeed later."""


class HttpSink(Sink):
    _session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        """One POST. Raises Unavailable or Rejected."""
        await self.request("POST", url, body, headers)

    async def request(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        """One request; returns the answer's body. Raises Unavailable or Rejected."""
        try:
            # No redirects: what was signed for one address is not meant for another.
            sent = self._session.request(method, url, data=body, headers=headers, allow_redirects=False)
            async with sent as answer:
                status, answered = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(type(error).__name__) from None
        if status >= 500 or status in COME_BACK:
            raise Unavailable(f"status {status}")
        if status >= 300:
            raise Rejected(f"status {status}")
        return answered
