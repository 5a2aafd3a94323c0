"""Every shop's standing as it was last published."""

from collections.abc import Iterator
from sys import intern
from typing import NamedTuple
from zlib import compressobj, decompressobj

import msgspec
from msgspec import Raw, Struct

from rules.calendar.instants import from_rfc3339

FAST = 1
"""zlib's level: standings repeat the same words, most of them those of other shops of their platform."""

MOST_WORDS = 8_192
"""Of a standing's beginning: more than its figures take. zlib looks back 32 KB, so that all of them stay in reach."""

NONE = Raw(b"[]")


class _Head(Struct):
    platform: str
    shop: str
    at: str
    due: Raw = NONE
    due_total: int = 0
    chase: Raw = NONE
    chase_total: int = 0
    zone: str | None = None


class _Saves(Struct):
    clauses: list[str] = []
    points: dict[str, float] = {}
    amount: float = 0.0


class _DueHead(Struct):
    order: str
    due_at: str
    skus: list[str] = []
    saves: _Saves = msgspec.field(default_factory=_Saves)
    parcel: str | None = None
    carrier: str | None = None
    logistics: str | None = None


_head = msgspec.json.Decoder(_Head).decode
_listed = msgspec.json.Decoder(list[Raw]).decode
_due_head = msgspec.json.Decoder(_DueHead, strict=False).decode  # an amount is a number in text


class ShopKey(NamedTuple):
    platform: str
    shop: str


class Due(NamedTuple):
    """An order to ship next, or a parcel to chase the carrier for: the fields it is looked up by, and the whole entry.
    `worst` sorts the ones to ship: overdue ones first (as of the shop's standing), then by the clauses, points and
    money that shipping saves. `carriers` are the carrier and whose logistics it is, as far as that is known."""

    order: str
    at_ms: int
    skus: list[str]
    worst: tuple[bool, int, float, float]
    parcel: str
    carriers: tuple[str | None, str | None]
    raw: Raw


class _Kept(NamedTuple):
    """The standing as it came, compressed; its instant (epoch ms); the lists in it, where they aren't empty, and how
    many entries each would have in full; the shop's time zone."""

    standing: bytes
    at_ms: int
    due: bytes
    due_total: int
    chase: bytes
    chase_total: int
    zone: str | None


class Shops:
    """Standings by platform and shop."""

    def __init__(self) -> None:
        self._of: dict[ShopKey, _Kept] = {}
        #: By platform the beginning of the standing that was read first: all are compressed with its words.
        self._words: dict[str, bytes] = {}
        self.at_ms: int | None = None

    def apply(self, value: bytes | None) -> ShopKey | None:
        """Applies one record of the topic; returns the shop. Raises msgspec.DecodeError and ValueError for a bad
        record."""
        if value is None:
            return None  # nobody writes these
        head = _head(value)
        key = ShopKey(intern(head.platform), head.shop)
        words = self._words.setdefault(key.platform, value[:MOST_WORDS])
        at_ms = from_rfc3339(head.at)
        due, chase = (b"" if each == NONE else bytes(each) for each in (head.due, head.chase))
        zone = None if head.zone is None else intern(head.zone)
        self._of[key] = _Kept(_compress(value, words), at_ms, due, head.due_total, chase, head.chase_total, zone)
        self.at_ms = max(self.at_ms or 0, at_ms)
        return key

    def names(self) -> list[ShopKey]:
        return list(self._of)

    def has(self, key: ShopKey) -> bool:
        return key in self._of

    def raw(self, key: ShopKey) -> Raw | None:
        """The standing as it came."""
        found = self._of.get(key)
        if found is None:
            return None
        return Raw(decompressobj(zdict=self._words[key.platform]).decompress(found.standing))

    def zone(self, key: ShopKey) -> str | None:
        """The time zone of a shop's days, as its standing says; None where it isn't known."""
        kept = self._of.get(key)
        return None if kept is None else kept.zone

    def due(self, key: ShopKey) -> Iterator[Due]:
        """A shop's ship-next list."""
        kept = self._of[key]
        return entries_of(kept.due, kept.at_ms)

    def chase(self, key: ShopKey) -> Iterator[Due]:
        """A shop's parcels that wait for their carrier's scan."""
        kept = self._of[key]
        return entries_of(kept.chase, kept.at_ms)

    def waiting(self, key: ShopKey, for_carrier: bool = False) -> int:
        """How many orders of a shop wait to be shipped, or parcels for their carrier's scan, listed or not."""
        kept = self._of.get(key)
        if kept is None:
            return 0
        return kept.chase_total if for_carrier else kept.due_total

    def due_total(self) -> int:
        """How many orders of all shops wait to be shipped, also those beyond what the standings list."""
        return sum(kept.due_total for kept in self._of.values())

    def chase_total(self) -> int:
        """How many parcels of all shops wait for their carrier's scan, also those beyond what the standings list."""
        return sum(kept.chase_total for kept in self._of.values())


def _compress(standing: bytes, words: bytes) -> bytes:
    packing = compressobj(FAST, zdict=words)
    return packing.compress(standing) + packing.flush()


def entries_of(listed: bytes, at_ms: int) -> Iterator[Due]:
    """The entries of a list, a JSON array (or nothing) as of `at_ms`. Raises msgspec.DecodeError and ValueError."""
    for raw in _listed(listed) if listed else ():
        head = _due_head(raw)
        due_ms, saves = from_rfc3339(head.due_at), head.saves
        worst = (due_ms > at_ms, -len(saves.clauses), -sum(saves.points.values()), -saves.amount)
        yield Due(head.order, due_ms, head.skus, worst, head.parcel or "", (head.carrier, head.logistics), raw)
