"""The facts changelog: its keys and values."""

from collections.abc import Iterator

import msgspec

from rules.calendar.instants import MIN_MS
from rules.facts import shop_facts
from rules.facts.order_facts import OrderFacts
from rules.kinds.ratio.period_results import PeriodResult
from rules.state.changes import Changes
from streams.kafka.keys import entry_key, order_key

COMPUTED = "computed"
"""In the key of what a ratio was at a boundary."""


CLOCK_KEY = b'"clock"'
"""Key under which a partition's clock lies among its facts."""


class Progress(msgspec.Struct):
    """A partition's clock as it is kept among the facts (epoch ms); in wall time only `clock_ms`."""

    clock_ms: int
    through_ms: dict[str, int] = {}
    ticked_ms: int = MIN_MS


def fact_records(changes: Changes) -> Iterator[tuple[bytes, bytes | None]]:
    """What has changed of orders and shops, as records of the changelog.

    What was computed goes first: if only a part of the records gets through, evidence that is read again must still
    be news, and have it computed again.
    """
    for (_, rule, boundary_ms), shop in changes.computed.items():
        found = shop.computed.get(rule, {}).get(boundary_ms)
        yield entry_key(shop, COMPUTED, (rule, str(boundary_ms))), None if found is None else encode_facts(found)
    forgotten = {id(order) for order in changes.expired}
    for order in changes.orders:
        key = order_key(order.shop.platform, order.shop.name, order.id)
        yield key, None if id(order) in forgotten else encode_facts(order.facts)
    for (_, kind, about), shop in changes.entries.items():
        entry = shop.facts.get(kind, about)
        yield entry_key(shop, kind, about), None if entry is None else shop_facts.encode(entry)


_decode_computed = msgspec.msgpack.Decoder(PeriodResult).decode


_decode_facts = msgspec.msgpack.Decoder(OrderFacts).decode


encode_facts = msgspec.msgpack.Encoder().encode
