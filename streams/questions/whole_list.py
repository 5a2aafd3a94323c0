"""A shop's whole ship-next or chase list as one answer: compressed, so that thousands of orders fit in a record."""

from base64 import b64decode, b64encode
from typing import Any, NamedTuple
from zlib import compress, decompress

import msgspec
import orjson
from msgspec import Raw, Struct

from streams.kafka.cutting import LARGEST_VALUE_BYTES

LISTED = 10_000
"""The most entries of one list."""

LARGEST_LIST_BYTES = LARGEST_VALUE_BYTES // 4 * 3 - 1_000
"""The most bytes of a compressed list: base64 makes four of three, and the answer around it takes some."""

FAST = 1
"""zlib's level: entries repeat the same words."""


class _Body(Struct):
    at_ms: int
    total: int
    compressed: str


class EncodedList(NamedTuple):
    """`entries`, a JSON array, are the first of `total` (up to `LISTED` of them) as of `at_ms`."""

    at_ms: int
    total: int
    entries: bytes


_decode = msgspec.json.Decoder(_Body).decode


def as_body(at_ms: int, entries: list[dict[str, Any]], total: int) -> bytes:
    """A list as an answer's body. One that is too large for a record is cut by halves."""
    while len(compressed := compress(orjson.dumps(entries), FAST)) > LARGEST_LIST_BYTES:
        entries = entries[: len(entries) // 2]
    return orjson.dumps({"at_ms": at_ms, "total": total, "compressed": b64encode(compressed).decode()})


def from_body(body: Raw) -> EncodedList:
    """Raises msgspec.DecodeError, ValueError and zlib.error for what is no such body."""
    found = _decode(body)
    return EncodedList(found.at_ms, found.total, decompress(b64decode(found.compressed)))
