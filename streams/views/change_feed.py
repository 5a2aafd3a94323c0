"""What changes, for those who listen: each hears of a change at once, or on return of all that it missed.

A listener's place is how far each topic has been read, in one text that means the same on every worker. Of what was
missed it gets the newest state of each thing that changed, not each change.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from itertools import islice
from typing import Literal

from msgspec import Struct

REMEMBERED = 5_000
"""Things whose last change is remembered for those who come back."""

WAITING = 1_000
"""Things that may wait for a slow listener; after that it has to come back."""

AT_ONCE = 50
"""Changes handed to a listener together, if so many wait."""

Name = Literal["alert", "shop"]


class Change(Struct):
    """That something is different now; `place` is where the topics had been read to, with it. All listeners are handed
    the same object, so whoever has encoded it leaves the bytes in `frame` for the others."""

    name: Name
    key: Hashable
    place: str
    frame: bytes | None = None


class Feed:
    """`lanes` is how many topic partitions there are to read."""

    def __init__(self, lanes: int, remembered: int = REMEMBERED) -> None:
        self._place = [0] * lanes
        self._forgotten = [0] * lanes
        # The last one changed comes last. (To find a plain dict's first takes long once many before it are gone.)
        self._last: OrderedDict[tuple[Name, Hashable], tuple[int, int]] = OrderedDict()
        self._remembered = remembered
        self._listeners: set[Listener] = set()
        self._closed = False

    @property
    def place(self) -> str:
        return ".".join(map(str, self._place))

    def move(self, lane: int, offset: int) -> None:
        """A topic partition has been read up to and with this offset."""
        self._place[lane] = offset + 1

    def changed(self, name: Name, key: Hashable, lane: int) -> None:
        """Because of the record that was read last on this lane."""
        what = name, key
        self._last[what] = lane, self._place[lane] - 1
        self._last.move_to_end(what)
        if len(self._last) > self._remembered:
            _, (lane, offset) = self._last.popitem(last=False)
            self._forgotten[lane] = max(self._forgotten[lane], offset + 1)
        if not self._listeners:
            return
        change = Change(name, key, self.place)
        for listener in self._listeners:
            listener.push(change)

    def missed(self, since: str) -> list[Change] | None:
        """What has changed since a place; None where that can't be told any more.

        Whoever is cut off in the midst of it has not heard all, so only the last one moves the place on.
        """
        then = _parsed(since, len(self._place))
        if then is None or any(at < forgotten for at, forgotten in zip(then, self._forgotten, strict=True)):
            return None
        found = [Change(*what, since) for what, (lane, offset) in self._last.items() if offset >= then[lane]]
        if found:
            found[-1].place = self.place
        return found

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def listen(self) -> "Listener":
        """Hears of everything that changes from now on; to be given back with `leave`."""
        listener = Listener()
        self._listeners.add(listener)
        if self._closed:
            listener.end()
        return listener

    def leave(self, listener: "Listener") -> None:
        self._listeners.discard(listener)

    def close(self) -> None:
        """Sends everyone home."""
        self._closed = True
        for listener in self._listeners:
            listener.end()


class Listener:
    """What somebody has yet to hear of; a thing that changes again before that is told of once."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Name, Hashable], Change] = {}
        self._ready = asyncio.Event()
        self._over = False

    def push(self, change: Change) -> None:
        self._waiting.pop((change.name, change.key), None)
        self._waiting[change.name, change.key] = change
        self._ready.set()
        if len(self._waiting) > WAITING:
            self.end()

    def end(self) -> None:
        """What waits is dropped: who comes back is told of it then."""
        self._waiting.clear()
        self._over = True
        self._ready.set()

    async def next(self) -> list[Change] | None:
        """The next changes, one at least; None once it is over."""
        await self._ready.wait()
        if self._over:
            return None
        changes = [self._waiting.pop(key) for key in list(islice(self._waiting, AT_ONCE))]
        if not self._waiting:
            self._ready.clear()
        return changes


def _parsed(place: str, lanes: int) -> list[int] | None:
    parts = place.split(".")
    if len(parts) != lanes or not all(part.isdecimal() and len(part) < 20 for part in parts):
        return None
    return [int(part) for part in parts]
