"""The facts changelog: its keys and values."""

import msgspec

from rules.calendar.instants import MIN_MS
from rules.facts import shop_facts
from rules.facts.stored import encode_facts
from rules.kinds.ratio.period_results import PeriodResult
from rules.state.changes import Changes
from streams.kafka.keys import entry_key, order_key

COMPUTED = "computed"
"""Part of the key of a ratio's result at a boundary."""


CLOCK_KEY = b'"clock"'
"""The key of a partition's clock in the facts changelog."""


class Progress(msgspec.Struct):
    """A partition's clock as kept in the facts changelog (epoch ms); only `clock_ms` in wall time."""

    clock_ms: int
    through_ms: dict[str, int] = {}
    ticked_ms: int = MIN_MS


def fact_records(changes: Changes) -> list[tuple[bytes, bytes | None]]:
    """The changes of orders and shops as records of the changelog.

    Computed results come first: if only some of the records are written before a crash, a late fact that is read again
    must still be new, so that its result is computed again.
    """
    records: list[tuple[bytes, bytes | None]] = []
    for (_, rule, boundary_ms), shop in changes.computed.items():
        found = shop.period_results.saved(rule, boundary_ms)
        key = entry_key(shop, COMPUTED, (rule, str(boundary_ms)))
        records.append((key, None if found is None else encode_facts(found)))
    expired = {id(order) for order in changes.expired}
    for order in changes.orders:
        shop = order.shop
        value = None if expired and id(order) in expired else encode_facts(order.facts)
        records.append((order_key(shop.platform, shop.name, order.id), value))
    for (_, kind, about), shop in changes.entries.items():
        entry = shop.facts.get(kind, about)
        records.append((entry_key(shop, kind, about), None if entry is None else shop_facts.encode(entry)))
    return records


_decode_computed = msgspec.msgpack.Decoder(PeriodResult).decode
