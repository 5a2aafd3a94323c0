"""Orders' facts as they are stored: plain ones as they are, others with the statements they follow from.

The length of the array tells them apart: of others the places of plain facts are empty, and statements lie behind them.
"""

from operator import attrgetter
from typing import Any, Final

import msgspec

from rules.facts.merge import facts_from
from rules.facts.order_facts import DetailedFacts, OrderFacts
from rules.facts.statements import Statements, canonical

_EMPTY: Final = [None] * len(OrderFacts.__struct_fields__)

_FIELDS: Final = attrgetter(*OrderFacts.__struct_fields__)

_encode = msgspec.msgpack.Encoder().encode
_decode_plain = msgspec.msgpack.Decoder(OrderFacts).decode


_decode_detailed = msgspec.msgpack.Decoder(list[Any]).decode
_PLAIN_START: Final = _encode(_EMPTY)[:3]
"""How an array of as many begins."""


def encode_facts(facts: Any) -> bytes:
    """As bytes of msgpack. (What is no order's facts is encoded as it is.)"""
    if type(facts) is DetailedFacts:
        return _encode([*_EMPTY, facts.statements])
    return _encode(facts)


def decode_facts(raw: bytes) -> OrderFacts:
    """Raises msgspec.DecodeError for what is no order's facts."""
    if raw[:3] <= _PLAIN_START:  # what an older version wrote may have fewer
        return _decode_plain(raw)
    return facts_from(canonical(msgspec.convert(_decode_detailed(raw)[len(_EMPTY)], Statements)))


def encode_plain(facts: OrderFacts, stored: bytes = b"") -> bytes:
    """Plain facts as few bytes, for memory alone: of most orders up to the last that is known. `decode_facts` reads
    them. Where it is at hand what they were `stored` as, that is cut, which is faster."""
    values: tuple[Any, ...] = _FIELDS(facts)
    if values[_SELDOM:] != _NOTHING_SELDOM:
        return _encode(values)
    known = _SELDOM
    while values[known - 1] is None:  # where nothing is known it ends before the first, at the last, which isn't None
        known -= 1
    if stored[:3] == _PLAIN_START and stored[-1] == _NO_MOVES:
        return _STARTS[known] + stored[3 : known - len(values)]  # what is unknown has one byte each
    return _encode(values[:known])


_NO_MOVES: Final = _encode(())[0]

_STARTS: Final = [_encode([None] * known)[: 1 if known < 16 else 3] for known in range(len(_EMPTY))]
"""How an array of so many begins."""

_SELDOM: Final = OrderFacts.__struct_fields__.index("cancelled")
"""From this field on nothing is known of most orders."""

_NOTHING_SELDOM: Final = _FIELDS(OrderFacts())[_SELDOM:]
