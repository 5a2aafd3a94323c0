"""A feed of changes for listeners: each gets a change at once, or, when it comes back, all that it missed.

A listener's place is how far each topic has been read, as a string that means the same on every worker. Of what it
missed it gets the newest state of each thing that changed, not each change.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from itertools import islice
from typing import Literal

from msgspec import Struct

REMEMBERED = 5_000
"""How many things' last changes are remembered for listeners that come back."""

WAITING = 1_000
"""How many changed things may wait for a slow listener; beyond that it is cut off and has to come back."""

AT_ONCE = 50
"""The most changes handed to a listener together."""

Name = Literal["alert", "shop"]


class Change(Struct):
    """Something has changed; `place` is how far the topics had been read then. All listeners share the object, so the
    first that encodes it keeps the bytes in `frame` for the others."""

    name: Name
    key: Hashable
    place: str
    frame: bytes | None = None


class Feed:
    """`lanes` is the number of topic partitions that are read."""

    def __init__(self, lanes: int, remembered: int = REMEMBERED) -> None:
        self._place = [0] * lanes
        self._forgotten = [0] * lanes
        # The latest last. (Finding a plain dict's first key takes long once many before it have been deleted.)
        self._last: OrderedDict[tuple[Name, Hashable], tuple[int, int]] = OrderedDict()
        self._remembered = remembered
        self._listeners: set[Listener] = set()
        self._closed = False

    @property
    def place(self) -> str:
        return ".".join(map(str, self._place))

    def move(self, lane: int, offset: int) -> None:
        """A topic partition (`lane`) has been read up to and including an offset."""
        self._place[lane] = offset + 1

    def changed(self, name: Name, key: Hashable, lane: int) -> None:
        """Something has changed by the record read last on a lane."""
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
        """What has changed since a place; None if that isn't known any more.

        A listener that is cut off in the middle hasn't got all, so only the last change has the new place.
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
        """A listener to all changes from now on; to be given back with `leave`."""
        listener = Listener()
        self._listeners.add(listener)
        if self._closed:
            listener.end()
        return listener

    def leave(self, listener: "Listener") -> None:
        self._listeners.discard(listener)

    def close(self) -> None:
        """Ends all listeners."""
        self._closed = True
        for listener in self._listeners:
            listener.end()


class Listener:
    """The changes that a client has yet to get; a thing that changes again before that is in it once."""

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
        """Drops what waits; the client gets it when it comes back."""
        self._waiting.clear()
        self._over = True
        self._ready.set()

    async def next(self) -> list[Change] | None:
        """The next changes, at least one; None once it has ended."""
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
