"""Every shop's standing as it was last published."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import compress, decompress

import msgspec
from msgspec import Raw, Struct

from rules.calendar.instants import from_rfc3339

FAST = 1
"""zlib's level: standings repeat the same words, and compressed take a quarter of the memory."""


class _Head(Struct):
    platform: str
    shop: str
    at: str
    due: Raw = Raw(b"[]")


class _DueHead(Struct):
    order: str
    due_at: str
    skus: list[str] = []


_head = msgspec.json.Decoder(_Head).decode
_listed = msgspec.json.Decoder(list[Raw]).decode
_due_head = msgspec.json.Decoder(_DueHead).decode


class ShopKey(NamedTuple):
    platform: str
    shop: str


class Due(NamedTuple):
    """An order to ship next: the fields it is looked up by, and the whole entry."""

    order: str
    at_ms: int
    skus: list[str]
    raw: Raw


class Shops:
    """Standings by platform and shop."""

    def __init__(self) -> None:
        #: The standing as it came, compressed, and the ship-next list in it; empty bytes for an empty list.
        self._of: dict[ShopKey, tuple[bytes, bytes]] = {}
        self.at_ms: int | None = None

    def take(self, value: bytes | None) -> ShopKey | None:
        """Applies one record of the topic; returns the shop. Raises msgspec.DecodeError and ValueError for a bad
        record."""
        if value is None:
            return None  # nobody writes these
        head = _head(value)
        key = ShopKey(head.platform, head.shop)
        self._of[key] = compress(value, FAST), b"" if head.due == b"[]" else bytes(head.due)
        self.at_ms = max(self.at_ms or 0, from_rfc3339(head.at))
        return key

    def names(self) -> list[ShopKey]:
        return list(self._of)

    def has(self, key: ShopKey) -> bool:
        return key in self._of

    def raw(self, key: ShopKey) -> Raw | None:
        """The standing as it came."""
        found = self._of.get(key)
        return None if found is None else Raw(decompress(found[0]))

    def due(self, key: ShopKey) -> Iterator[Due]:
        """A shop's ship-next list."""
        _, due = self._of[key]
        for raw in _listed(due) if due else ():
            head = _due_head(raw)
            yield Due(head.order, from_rfc3339(head.due_at), head.skus, raw)
