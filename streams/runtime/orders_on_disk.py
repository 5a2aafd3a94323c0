"""Orders that have left memory, as the engine's ledger reads them: a partition's local copy of the facts changelog."""

from collections.abc import Iterator

import orjson

from streams.kafka.keys import keys_of_shop, order_key
from streams.runtime.local_copy import LocalCopy


class OrdersOnDisk:
    """What is acknowledged in the changelog is in the copy before anything else happens, written to the disk or about
    to be. Raises OrdersLostError where it can't be read."""

    def __init__(self, copy: LocalCopy) -> None:
        self._copy = copy

    @property
    def takes_more(self) -> bool:
        """Whether orders may leave memory: not while the disk takes nothing."""
        return not self._copy.is_away

    def get(self, platform: str, shop: str, order: str) -> bytes | None:
        """One order's facts; None where it has none."""
        return self._copy.get(order_key(platform, shop, order))

    def of_shop(self, platform: str, shop: str) -> Iterator[tuple[str, bytes]]:
        """The facts of all of a shop's orders, by order."""
        for key, value in self._copy.items_of(keys_of_shop(platform, shop)):
            _, _, order, *about = orjson.loads(key)
            if not about:
                yield order, value
