"""Orders that have left memory, as the engine's ledger reads them: a partition's local copy of the facts changelog.

Beside the records of the changelog, each under its own key, it has ranges of other keys:

- `COUNTED`: orders that their shop's checkpoint counts. They were moved away from their own keys, so that a start
  needn't go past them. A shop without a checkpoint may have some, too, and newer ones under their own keys: orders that
  had ended when they were restored from the changelog are put there at once.
- `CHECKPOINT`: each shop's (`rules.state.checkpoint`).
- `CAME_BACK`: orders that have come back to memory since their shop's checkpoint, with the facts that it counts. They
  are under their own keys again, if they weren't dropped. A shop's own key there says that its checkpoint doesn't hold.

What changes together is written in one batch, with the changelog's offset.
"""

from collections.abc import Collection, Iterator

import orjson

from streams.kafka.keys import keys_of_shop, order_key
from streams.runtime.local_copy import LocalCopy
from streams.runtime.snapshot import CAME_BACK, CHECKPOINT, COUNTED


class OrdersOnDisk:
    """What is acknowledged in the changelog is in the copy before anything else happens, written to the disk or about
    to be. Raises OrdersLostError where it can't be read."""

    def __init__(self, copy: LocalCopy) -> None:
        self._copy = copy

    @property
    def takes_more(self) -> bool:
        """Whether orders may leave memory: not while the disk takes nothing."""
        return not self._copy.is_suspended

    def get(self, platform: str, shop: str, order: str) -> bytes | None:
        """One order's facts; None where it has none."""
        key = order_key(platform, shop, order)
        raw = self._copy.get(key)
        return self._copy.get(COUNTED + key) if raw is None else raw

    def of_shop(self, platform: str, shop: str) -> Iterator[tuple[str, bytes]]:
        """The facts of all of a shop's orders, by order."""
        keys = keys_of_shop(platform, shop)
        for key, value in self._copy.items_of(keys):
            if (order := _order_of(key)) is not None:
                yield order, value
        are_twice = self._copy.get(CHECKPOINT + keys) is None
        for key, value in self._copy.items_of(COUNTED + keys):
            own_key = key[1:]
            order = _order_of(own_key)
            if order is not None and not (are_twice and self._copy.get(own_key) is not None):
                yield order, value

    # -- checkpoints ------------------------------------------------------------------------------------------

    def counted_of(self, platform: str, shop: str, start: bytes, most: int) -> tuple[list[str], bytes | None]:
        """The next of the orders that a shop's checkpoint counts, from the place `start` on, and where those after them
        start; None where there are none."""
        keys = COUNTED + keys_of_shop(platform, shop)
        page, following = self._copy.page_of(keys, start or keys, most)
        return [order for key in page if (order := _order_of(key[1:])) is not None], following

    def came_back(self, platform: str, shop: str, order: str) -> bytes | None:
        """Puts an order that comes back under its own key again, and notes what the checkpoint counts."""
        key = order_key(platform, shop, order)
        place = COUNTED + key
        raw = self._copy.get(place)
        if raw is None:
            return None
        self._copy.change({place: None, key: self._copy.get(key) or raw, CAME_BACK + key: raw})
        return place

    def distrust_checkpoint(self, platform: str, shop: str) -> None:
        """Notes that results are to be computed from all orders again; a later checkpoint has them."""
        self._copy.change({CAME_BACK + keys_of_shop(platform, shop): b""})

    def checkpoint(self, platform: str, shop: str, counted: bytes, in_memory: Collection[str]) -> None:
        """Moves a shop's orders to where its checkpoint counts them, or back if they are in memory, and saves it."""
        keys = keys_of_shop(platform, shop)
        self._copy.write()  # or each shop's would look through all that is about to be written
        found = self._copy.all_of((keys, CAME_BACK + keys))
        changes: dict[bytes, bytes | None] = {CHECKPOINT + keys: counted}
        for key, value in found.items():
            if key.startswith(CAME_BACK):
                changes[key] = None
            elif (order := _order_of(key)) is not None and order not in in_memory:
                changes[key], changes[COUNTED + key] = None, value
        if self._copy.get(CHECKPOINT + keys) is None:  # else none that is in memory lies there
            for order in in_memory:
                key = order_key(platform, shop, order)
                if (counted_as := self._copy.get(COUNTED + key)) is not None:
                    changes[COUNTED + key], changes[key] = None, found.get(key, counted_as)
        self._copy.change(changes)


def _order_of(key: bytes) -> str | None:
    """The order of a key in the changelog; None where it is of something else of the shop."""
    _, _, order, *about = orjson.loads(key)
    return None if about else order
