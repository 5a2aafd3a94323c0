"""Occurrences that follow from a shop's own events, indexed by time and by subject."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

from rules.calendar.instants import NEVER, rfc3339
from rules.kinds.nothing import NOTHING


class Occurrence(Struct, frozen=True):
    """One thing that happened: when, what it is about (an order, a SKU, `-`), how often, and to whom."""

    at_ms: int
    subject: str = "-"
    event: str = ""
    source: str = ""
    times: int = 1
    severe: bool = False
    order: str | None = None
    buyer: str | None = None
    kind: str | None = None
    tracking_no: str | None = None
    first_used_by: str | None = None

    def sort_key(self) -> tuple[int, str, str, str]:
        """Sorts occurrences by time."""
        return self.at_ms, self.subject, self.source, self.event

    def shown(self) -> dict[str, Any]:
        """As evidence."""
        shown: dict[str, Any] = {"at": rfc3339(self.at_ms)}
        for name in ("order", "kind", "buyer", "tracking_no", "first_used_by", "source", "event"):
            if value := getattr(self, name):
                shown[name] = value
        if self.subject not in ("-", self.order):
            shown["sku"] = self.subject
        return shown | ({"count": self.times} if self.times != 1 else {}) | ({"severe": True} if self.severe else {})


_NONE: Final[list[Occurrence]] = []
"""Shared by all indexes that have none; not to be changed."""


class OccurrenceIndex:
    """Occurrences sorted by time, and those of each subject. `rewrites` counts how often one was removed or put before
    the last; while it stays the same, `in_time` has only grown at its end."""

    __slots__ = ("by_subject", "in_time", "rewrites")

    def __init__(self, occurrences: Iterable[Occurrence] = ()) -> None:
        self.in_time: list[Occurrence] = sorted(occurrences, key=Occurrence.sort_key) or _NONE
        self.rewrites = 0
        self.by_subject: dict[str, list[Occurrence]] = {} if self.in_time else NOTHING
        for each in self.in_time:
            self.by_subject.setdefault(each.subject, []).append(each)

    def add(self, occurrence: Occurrence) -> None:
        if not self.in_time:
            self.in_time, self.by_subject = [], {}
        self.rewrites += bool(self.in_time) and self.in_time[-1].sort_key() > occurrence.sort_key()
        insort(self.in_time, occurrence, key=Occurrence.sort_key)
        insort(self.by_subject.setdefault(occurrence.subject, []), occurrence, key=Occurrence.sort_key)

    def discard(self, occurrence: Occurrence) -> bool:
        """Removes an occurrence. Returns whether it was there."""
        of_subject = self.by_subject.get(occurrence.subject, [])
        if not _remove(of_subject, occurrence):
            return False
        self.rewrites += 1
        if not of_subject:
            del self.by_subject[occurrence.subject]
        return _remove(self.in_time, occurrence)

    def since(self, at_ms: int) -> list[Occurrence]:
        """The occurrences from a moment on, the oldest first."""
        return self.in_time[bisect_left(self.in_time, at_ms, key=_at_ms) :]

    def at(self, subject: str, at_ms: int) -> Iterator[Occurrence]:
        """A subject's occurrences at an instant."""
        occurrences = self.by_subject.get(subject, ())
        for n in range(bisect_left(occurrences, at_ms, key=_at_ms), len(occurrences)):
            if occurrences[n].at_ms != at_ms:
                break
            yield occurrences[n]

    def next_after(self, at_ms: int) -> int:
        """The first known occurrence after a moment (epoch ms); `NEVER` if there is none."""
        n = bisect_left(self.in_time, at_ms + 1, key=_at_ms)
        return self.in_time[n].at_ms if n < len(self.in_time) else NEVER


def _at_ms(occurrence: Occurrence) -> int:
    return occurrence.at_ms


def _remove(occurrences: list[Occurrence], occurrence: Occurrence) -> bool:
    key = occurrence.sort_key()
    for n in range(bisect_left(occurrences, key, key=Occurrence.sort_key), len(occurrences)):
        if occurrences[n] == occurrence:
            del occurrences[n]
            return True
        if occurrences[n].sort_key() != key:
            break
    return False
