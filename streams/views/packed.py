"""Which orders have been packed, and who said so. A tick lasts until the order is shipped, or it is taken back."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from rules.messages.names import encoded, shop_key
from streams.views.shops import ShopKey


class Packed(Struct, kw_only=True, frozen=True):
    """A tick as it lies in the topic, under `packed_key`. `at` is a wall-clock instant."""

    platform: str
    shop: str
    order: str
    at: str
    by: str | None = None

    def key(self) -> bytes:
        return packed_key(self.platform, self.shop, self.order)


def packed_key(platform: str, shop: str, order: str) -> bytes:
    return f"{shop_key(platform, shop)}/{encoded(order)}".encode()


class Ticks:
    """The newest tick of each order."""

    def __init__(self) -> None:
        self._of: dict[bytes, Packed] = {}

    def apply(self, key: bytes, value: bytes | None) -> ShopKey | None:
        """Applies one record of the topic; returns the shop whose ticks have changed. Raises msgspec.DecodeError for a
        bad record."""
        before = self._of.pop(key, None)
        if value is None:
            return None if before is None else ShopKey(before.platform, before.shop)
        packed = self._of[key] = _decode(value)
        return ShopKey(packed.platform, packed.shop)

    def get(self, platform: str, shop: str, order: str) -> Packed | None:
        return self._of.get(packed_key(platform, shop, order))

    def __iter__(self) -> Iterator[Packed]:
        return iter(list(self._of.values()))


_decode = msgspec.json.Decoder(Packed).decode
encode = msgspec.json.Encoder().encode
