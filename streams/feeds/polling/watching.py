"""The metrics of polls."""

from collections.abc import Sequence
from functools import partial

from rules.calendar.instants import NEVER
from streams.feeds.polling.client import Time
from streams.feeds.polling.poller import ShopPoll
from streams.metrics import feeds as metrics


def watch(polls: Sequence[ShopPoll], time: Time) -> None:
    """Keeps a metric of how long ago each source was read."""
    for source in _sources(polls):
        metrics.begin_polling(source)
        theirs = [each for each in polls if each.source.source == source and each.poll.every_min is None]
        if theirs:
            metrics.POLL_LAG.labels(source).set_function(partial(_lag_s, theirs, time))


def update_token_ends(polls: Sequence[ShopPoll]) -> None:
    """As the ledger has them at this moment."""
    for source in _sources(polls):
        known = [each.ledger.tokens(each.shop) for each in polls if each.source.source == source]
        ends_ms = [tokens.expires_ms for tokens in known if tokens is not None and tokens.expires_ms != NEVER]
        if ends_ms:
            metrics.TOKEN_END.labels(source).set(min(ends_ms) / 1000)


def _sources(polls: Sequence[ShopPoll]) -> set[str]:
    return {each.source.source for each in polls}


def _lag_s(polls: Sequence[ShopPoll], time: Time) -> float:
    return (time.now_ms() - min(each.read_ms for each in polls)) / 1000
