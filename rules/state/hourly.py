"""Going through lists by hour a few entries at a time."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Round(Generic[T]):
    """Goes through lists by hour, round after round; lists may come, go and change between two calls."""

    __slots__ = ("_hours", "_next")

    def __init__(self) -> None:
        self._hours: list[int] = []  # those left of this round
        self._next = 0  # the next entry of the last of them

    def replace_next(self, lists: dict[int, list[T]], replace: Callable[[int, T], T | None], most: int) -> None:
        """Replaces the next entries, at most `most` and each once, by what `replace` returns for the hour and the
        entry; None removes it."""
        begun = False
        while most > 0:
            if not self._hours:
                if begun:
                    return
                self._hours, self._next, begun = list(lists), 0, True
                continue
            hour = self._hours[-1]
            entries = lists.get(hour, [])
            some = entries[self._next : self._next + most]
            most -= len(some)
            replaced = [new for each in some if (new := replace(hour, each)) is not None]
            entries[self._next : self._next + len(some)] = replaced
            self._next += len(replaced)
            if self._next >= len(entries):
                self._hours.pop()
                self._next = 0
