"""Every shop's standing as it was published last."""

from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from rules.instants import from_rfc3339


class _Head(Struct):
    platform: str
    shop: str
    at: str
    due: Raw = Raw(b"[]")


_head = msgspec.json.Decoder(_Head).decode
_due = msgspec.json.Decoder(list[dict[str, Any]]).decode


class ShopKey(NamedTuple):
    platform: str
    shop: str


class Shops:
    """Standings by platform and shop."""

    def __init__(self) -> None:
        self._of: dict[ShopKey, tuple[bytes, Raw]] = {}
        self.at_ms: int | None = None

    def take(self, value: bytes | None) -> ShopKey | None:
        """One record of the topic; gives the shop. Raises msgspec.DecodeError and ValueError for what is none."""
        if value is None:
            return None  # nobody writes these
        head = _head(value)
        key = ShopKey(head.platform, head.shop)
        self._of[key] = value, head.due.copy()
        self.at_ms = max(self.at_ms or 0, from_rfc3339(head.at))
        return key

    def names(self) -> list[ShopKey]:
        return list(self._of)

    def raw(self, key: ShopKey) -> Raw | None:
        """The standing as it came."""
        found = self._of.get(key)
        return None if found is None else Raw(found[0])

    def due(self, key: ShopKey) -> list[dict[str, Any]]:
        """A shop's ship-next list."""
        found = self._of.get(key)
        return [] if found is None else _due(found[1])
