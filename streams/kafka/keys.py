"""Keys of records, and the partition a shop belongs to."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from aiokafka.partitioner import murmur2

from rules.messages.names import shop_key

# Not orjson: it leaves 4 KB behind each short text for as long as that is kept (measured by tests.bench.shop_memory).
_encode_key = msgspec.json.Encoder().encode


class _Shop(Protocol):
    platform: str
    name: str


def entry_key(shop: _Shop, kind: str, about: Sequence[str]) -> bytes:
    """The key of one of a shop's own facts."""
    return _encode_key((shop.platform, shop.name, kind, about))


def order_key(platform: str, shop: str, order: str) -> bytes:
    """The key of an order's facts: unambiguous whatever is in the names."""
    return _encode_key((platform, shop, order))


ORDER_KEY_ENDS: Final = b'"]'
"""How the keys of orders end, and no others that have a platform and shop."""

decode_order_key: Final = msgspec.json.Decoder(tuple[str, str, str]).decode
"""Platform, shop and id of an order, from its key."""


def keys_of_shop(platform: str, shop: str) -> bytes:
    """How the keys of a shop's orders and facts begin, and no other's."""
    return _encode_key((platform, shop))[:-1] + b","


def partition_of(platform: str, shop: str, partitions: int) -> int:
    """The partition a shop belongs to, as every Kafka client's default partitioner has it."""
    hashed: int = murmur2(shop_key(platform, shop).encode())
    return (hashed & 0x7FFFFFFF) % partitions
