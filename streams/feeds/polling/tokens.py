"""A shop's access token, refreshed before it ends and stored before it is used.

A refresh token works once. So there is one refresh at a time among all processes, nothing is done with the new tokens
before they are on the disk, and whoever comes later takes what is there.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from rules.calendar.instants import NEVER
from streams.feeds.api_language import Token
from streams.feeds.polling.failures import Refused
from streams.feeds.polling.ledger import Ledger, Tokens
from streams.feeds.polling.sqlite_file import until_free

EARLY_MS = 300_000
"""How long before its end a token is refreshed."""

RELATIVE_BELOW_S = 1_000_000_000
"""An `expires` below this says how many seconds are left."""


class TokenKeeper:
    """`refresh_call` sends the refresh token and gives the answer. `shop` is its name in the ledger. With `may_begin`
    False, only tokens that are in the ledger are used: with a ledger of its own, such a process would spend the one in
    the settings, and the one that polls could go on no more."""

    def __init__(
        self,
        how: Token,
        ledger: Ledger,
        shop: str,
        refresh_token: str,
        now_ms: Callable[[], int],
        refresh_call: Callable[[str], Awaitable[dict[str, Any]]],
        may_begin: bool = True,
    ) -> None:
        self._may_begin = may_begin
        self._how, self._ledger, self._shop, self._now_ms, self._call = how, ledger, shop, now_ms, refresh_call
        given = hashlib.sha256(refresh_token.encode()).hexdigest()
        self._seen = stored = ledger.tokens(shop)
        # A new one in the settings means that the seller has authorised the app again.
        kept = stored is not None and stored.given == given
        self.tokens = stored if stored is not None and kept else Tokens("", refresh_token, 0, given)
        self._renewal: asyncio.Task[None] | None = None

    async def access(self, instead_of: str = "") -> str:
        """A token that works as far as is known; not `instead_of`, which the platform has refused. Raises what the call
        raises, and Refused."""
        if not self._works(instead_of):
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._renew(instead_of))
            # It goes on where who asked for it waits no longer: the platform may have taken the old one already.
            await asyncio.shield(self._renewal)
        return self.tokens.access

    def _works(self, instead_of: str) -> bool:
        return self.tokens.access not in ("", instead_of) and self.tokens.expires_ms - self._now_ms() >= EARLY_MS

    async def _renew(self, instead_of: str) -> None:
        async with self._ledger.refreshing(self._shop):
            stored = self._ledger.tokens(self._shop)
            if stored is not None and stored != self._seen:  # by another process, or another client of this one
                self._seen = self.tokens = stored
            if not self._works(instead_of):
                if not self._may_begin and self.tokens != stored:
                    raise Refused(
                        "there is no token yet: `shipclock poll` gets the first, with the same SHIPCLOCK_DATADIR"
                    )
                await self._keep(await self._call(self.tokens.refresh))

    async def _keep(self, answer: dict[str, Any]) -> None:
        access, refresh = (str(path.search(answer) or "") for path in (self._how.access, self._how.refresh))
        if not access:
            raise Refused("its answer holds no token")
        tokens = Tokens(access, refresh or self.tokens.refresh, self._end_ms(answer), self.tokens.given)
        await until_free(lambda: self._ledger.set_tokens(self._shop, tokens))
        self._seen = self.tokens = tokens

    def _end_ms(self, answer: dict[str, Any]) -> int:
        """Without a word of it, a token is used until it is refused."""
        found = str(self._how.expires.search(answer) or "")
        if not found.isdecimal():
            return NEVER
        return int(found) * 1000 + (self._now_ms() if int(found) < RELATIVE_BELOW_S else 0)
