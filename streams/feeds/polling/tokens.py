"""A shop's access token, refreshed before it ends and stored before it is used.

A refresh token works once. So there is one refresh at a time, and nothing is done with the new tokens before they are
on the disk; `Ledger.lock` keeps other processes away.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from rules.calendar.instants import NEVER
from streams.feeds.language import Token
from streams.feeds.polling.failures import Refused
from streams.feeds.polling.ledger import Ledger, Tokens

EARLY_MS = 300_000
"""How long before its end a token is refreshed."""

RELATIVE_BELOW_S = 1_000_000_000
"""An `expires` below this says how many seconds are left."""


class TokenKeeper:
    """`refresh_call` sends the refresh token and gives the answer. `shop` is its name in the ledger."""

    def __init__(
        self,
        how: Token,
        ledger: Ledger,
        shop: str,
        refresh_token: str,
        now_ms: Callable[[], int],
        refresh_call: Callable[[str], Awaitable[dict[str, Any]]],
    ) -> None:
        self._how, self._ledger, self._shop, self._now_ms, self._call = how, ledger, shop, now_ms, refresh_call
        given = hashlib.sha256(refresh_token.encode()).hexdigest()
        stored = ledger.tokens(shop)
        # A new one in the settings means that the seller has authorised the app again.
        kept = stored is not None and stored.given == given
        self.tokens = stored if stored is not None and kept else Tokens("", refresh_token, 0, given)
        self._one_at_a_time = asyncio.Lock()

    async def access(self, instead_of: str | None = None) -> str:
        """A token that works as far as is known; not `instead_of`, which the platform has refused. Raises what the call
        raises, and Refused."""
        async with self._one_at_a_time:
            left_ms = self.tokens.expires_ms - self._now_ms()
            if self.tokens.access == (instead_of or "") or left_ms < EARLY_MS:
                self._keep(await self._call(self.tokens.refresh))
            return self.tokens.access

    def _keep(self, answer: dict[str, Any]) -> None:
        access, refresh = (str(path.search(answer) or "") for path in (self._how.access, self._how.refresh))
        if not access:
            raise Refused("its answer holds no token")
        tokens = Tokens(access, refresh or self.tokens.refresh, self._end_ms(answer), self.tokens.given)
        self._ledger.set_tokens(self._shop, tokens)
        self.tokens = tokens

    def _end_ms(self, answer: dict[str, Any]) -> int:
        """Without a word of it, a token is used until it is refused."""
        found = str(self._how.expires.search(answer) or "")
        if not found.isdecimal():
            return NEVER
        return int(found) * 1000 + (self._now_ms() if int(found) < RELATIVE_BELOW_S else 0)
