"""What each platform says when it is asked now: whether the credentials work and the clocks agree."""

from collections.abc import AsyncIterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.feeds.apps import FeedSettings
from streams.feeds.polling.client import Time
from streams.feeds.polling.clients import Clients, session, shop_name
from streams.feeds.polling.failures import QuotaSpent, Refused, Unavailable
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.pages import FIRST_PAGE, stretch_names

AGREE = "the clocks agree"

LEAST_AHEAD_MS = 5_000
"""Clocks that differ by less agree: platforms tell whole seconds, and an answer takes its time."""


class Said(NamedTuple):
    """One line, without a secret."""

    is_good: bool
    text: str


async def ask_all(feeds: FeedSettings, ledger: Ledger, time: Time) -> AsyncIterator[Said]:
    """Asks for one page of each shop that is polled."""
    async with session() as http:
        clients = Clients(http, ledger, time, attempts=1)
        for app in feeds.apps.values():
            if app.polling is None or app.source.api is None:
                continue
            for shop, polled in app.polling.shops.items():
                client = clients.of(app, shop)
                assert client is not None
                poll = next(iter(app.source.api.polls.values()))
                now_ms, zone = time.now_ms(), ZoneInfo(polled.setting.get("zone") or app.source.zone)
                names = {**FIRST_PAGE, "page": 1, **stretch_names(now_ms - 60_000, now_ms, zone)}
                is_good, said = True, "answers"
                try:
                    await client.answer(poll.call, names)
                except (Refused, Unavailable, QuotaSpent) as error:
                    is_good, said = False, str(error)
                clock = _clock(client.ahead_ms)
                yield Said(is_good and clock in ("", AGREE), f"{shop_name(app, shop)}: {said}{clock and '; '}{clock}")


def _clock(ahead_ms: int | None) -> str:
    if ahead_ms is None:
        return ""
    if abs(ahead_ms) < LEAST_AHEAD_MS:
        return AGREE
    return f"its clock is {abs(ahead_ms) // 1000} s {'ahead of' if ahead_ms > 0 else 'behind'} ours"
