"""Going through lists by hour a few entries at a time."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class HourlyCursor(Generic[T]):
    """Goes through lists by hour again and again; lists may come, go and change between two calls."""

    __slots__ = ("_hours", "_next")

    def __init__(self) -> None:
        self._hours: list[int] = []  # those left until it begins again
        self._next = 0  # the next entry of the last of them

    def parts(self, lists: dict[int, list[T]], most: int) -> Iterator[tuple[int, list[T]]]:
        """The next entries with their hour, at most `most` and each once. What the caller changes in a part is changed
        in its list when the next part is asked for."""
        has_begun_again = False
        while most > 0:
            if not self._hours:
                if has_begun_again:
                    return
                self._hours, self._next, has_begun_again = list(lists), 0, True
                continue
            hour = self._hours[-1]
            entries = lists.get(hour, [])
            part = entries[self._next : self._next + most]
            end = self._next + len(part)
            most -= len(part)
            yield hour, part
            entries[self._next : end] = part
            self._next += len(part)
            if self._next >= len(entries):
                self._hours.pop()
                self._next = 0
