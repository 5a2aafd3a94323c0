"""When a shop's orders were last heard of, and from when on it has been silent for longer than its orders explain."""

from typing import Final, NamedTuple

from rules.calendar.instants import DAY_MS, MIN_MS, NEVER
from rules.state.shop import Shop

HABIT_MS: Final = 14 * DAY_MS
"""A shop's habit is how many orders were placed in so many days before it was last heard of."""

TIMES: Final = 3
"""It is silent once nothing has been heard for so many times its usual pause between two orders…"""

SHORTEST_MS, LONGEST_MS = DAY_MS, 7 * DAY_MS
"""…but not before, and not after so long."""


class LastNews(NamedTuple):
    """`heard_ms`: when there was last news of an order (epoch ms; `MIN_MS` if never); it is silent from `silent_ms`
    on."""

    heard_ms: int
    silent_ms: int


def last_news(shop: Shop) -> LastNews:
    """Goes through a shop's orders in memory, and what is kept of the others, also of those that have
    expired since they left memory."""
    heard_ms = max((order.last_ms for order in shop.orders.values()), default=MIN_MS)
    heard_ms = max(heard_ms, shop.evicted_to_ms if shop.evicted else MIN_MS)
    if heard_ms == MIN_MS:
        return LastNews(MIN_MS, NEVER)
    since_ms = heard_ms - HABIT_MS
    placed = sum(order.placed_ms > since_ms for order in shop.orders.values())
    placed += sum(at_ms > since_ms for at_ms in shop.evicted_placed)
    return LastNews(heard_ms, heard_ms + min(max(TIMES * HABIT_MS // max(placed, 1), SHORTEST_MS), LONGEST_MS))
