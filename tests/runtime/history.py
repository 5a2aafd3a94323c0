"""A made history for the worker to live through: many shops, a few days, everything that `late.yaml` can tell."""

from random import Random

from rules.calendar.instants import DAY_MS, HOUR_MS
from tests.runtime.support import LATE_MS, START_MS, event, key_of

Record = tuple[str, bytes, bytes]
"""Topic (without prefix), key, value."""

SHOPS = 24
END_MS = START_MS + 30 * 24 * HOUR_MS
"""When all of it is over, whatever comes late."""


def history(orders: int, seed: int = 1) -> list[Record]:
    """Records in order of their time: of each order when it was placed, and whether and when it was shipped, collected
    or cancelled. About half are late, and half of those stay open; one in fifty records comes twice."""
    random = Random(seed)
    records: list[tuple[int, str, bytes]] = []

    def add(topic: str, kind: str, at_ms: int, order: str, shop: str) -> None:
        records.append((at_ms, topic, event(kind, at_ms, order, shop)))

    for n in range(orders):
        order, shop = f"o{n}", f"s{random.randrange(SHOPS)}"
        placed_ms = START_MS + random.randrange(20 * 24 * HOUR_MS)
        add("orders", "order.placed", placed_ms, order, shop)
        fate = random.random()
        if fate < 0.25:
            continue  # never heard of again
        ended_ms = placed_ms + random.randrange(LATE_MS if fate < 0.6 else 2 * LATE_MS)
        add("orders", "order.shipped" if fate < 0.9 else "order.cancelled", ended_ms, order, shop)
        add("pickups", "pickup.collected", ended_ms + HOUR_MS, order, shop)
        add("tracking", "tracking.updated", ended_ms + 2 * HOUR_MS, order, shop)
    records += random.sample(records, len(records) // 50)
    records.sort(key=lambda it: it[0])
    return [(topic, key_of(value), value) for _, topic, value in records]


LONG_DAYS = 180
LONG_END_MS = START_MS + LONG_DAYS * DAY_MS
"""When all of `long_history` is over."""


def long_history(orders: int, seed: int = 1) -> list[Record]:
    """Records in order of arrival over months, in which orders end, leave memory, are heard of again and expire: late
    scans after days, records sent twice after weeks, cancelled orders that are reopened after weeks, and a last scan
    when an order has long expired. Of each shop one order is due at the very end. Each shop moves to another site, and
    half of them move back."""
    random = Random(seed)
    records: list[tuple[int, str, bytes]] = []

    def add(topic: str, kind: str, at_ms: int, order: str, shop: str, *, arrives_ms: int = 0) -> None:
        records.append((arrives_ms or at_ms, topic, event(kind, at_ms, order, shop)))

    def days(fewest: int, most: int) -> int:
        return random.randrange(fewest * DAY_MS, most * DAY_MS)

    for n in range(orders):
        order, shop = f"o{n}", f"s{random.randrange(SHOPS)}"
        placed_ms = START_MS + days(0, LONG_DAYS - 6)
        add("orders", "order.placed", placed_ms, order, shop)
        fate = random.random()
        if fate < 0.05:
            continue  # never heard of again
        ended_ms = placed_ms + random.randrange(LATE_MS if fate < 0.7 else 2 * LATE_MS)
        if fate < 0.85:
            add("orders", "order.shipped", ended_ms, order, shop)
            add("tracking", "tracking.updated", ended_ms + days(0, 10), order, shop)
        else:
            add("orders", "order.cancelled", ended_ms, order, shop)
            add("orders", "order.reopened", reopened_ms := ended_ms + days(4, 25), order, shop)
            if fate < 0.95:
                add("orders", "order.shipped", reopened_ms + random.randrange(LATE_MS), order, shop)
        if random.random() < 0.2:
            add("orders", "order.placed", placed_ms, order, shop, arrives_ms=ended_ms + days(4, 25))
        if random.random() < 0.2:
            add("tracking", "tracking.updated", ended_ms + days(115, 120), order, shop)
    for n in range(SHOPS):
        add("orders", "order.placed", LONG_END_MS - LATE_MS, f"last-{n}", f"s{n}")
        moved_ms = START_MS + days(60, 120)
        for at_ms, site in [(moved_ms, "EAST"), (moved_ms + 20 * DAY_MS, "HOME")][: 1 + n % 2]:
            records.append((at_ms, "shops", event("shop.profile", at_ms, None, f"s{n}", data={"site": site})))
    records.sort(key=lambda it: it[0])
    return [(topic, key_of(value), value) for at_ms, topic, value in records if at_ms < LONG_END_MS]
