"""The account of a ledger's points: what is posted, cleared or expires when, and which tiers are reached."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from copy import copy
from decimal import Decimal

from msgspec import Struct

from rules.kinds.evidence import ORDERS_SHOWN
from rules.kinds.ledger.postings import Posting
from rules.kinds.ledger.spec import LedgerSpec, PointsTier


class Shown(Struct, frozen=True):
    """The newest of some postings, and how many there are."""

    newest: list[Posting]
    total: int


Began = tuple[PointsTier, int, Decimal, Shown]
"""A sanction: its tier, when it began (epoch ms), the points then, and the postings they are made of."""


class Account:
    """The postings that count, from `_first` on; `points` is their sum. `sanctions` are all that have begun, in
    time."""

    __slots__ = ("_before_end", "_first", "_live", "clears_at", "points", "rule", "sanctions")

    def __init__(self, rule: LedgerSpec, clears_at: Callable[[Posting], int]) -> None:
        """`clears_at` returns the boundary at which a posting is cleared (epoch ms)."""
        self.rule = rule
        self.clears_at = clears_at
        self.points = Decimal()
        self.sanctions: list[Began] = []
        self._live: list[Posting] = []
        self._first = 0
        #: Points posted within `clears_after` of the first posting, where all are cleared together.
        self._before_end = Decimal()

    def copy(self) -> "Account":
        """A copy, for working out what would happen."""
        copied = copy(self)
        copied._live, copied.sanctions = self._live.copy(), self.sanctions.copy()
        return copied

    def post(self, posting: Posting) -> None:
        """Adds the next posting."""
        self.clear(posting.at_ms)
        before = self.points
        self._append(posting)
        reached = [tier for tier in self.rule.tiers if before < tier.at <= self.points]
        sanctions = self.sanctions
        if reached:
            while sanctions and sanctions[-1][1] == posting.at_ms and sanctions[-1][0].at < reached[-1].at:
                sanctions.pop()  # postings of one instant start one sanction
            sanctions.append((reached[-1], posting.at_ms, self.points, self.shown()))
        elif sanctions and sanctions[-1][1] == posting.at_ms:
            sanctions[-1] = (sanctions[-1][0], posting.at_ms, self.points, self.shown())

    def _append(self, posting: Posting) -> None:
        self._live.append(posting)
        self.points += posting.points
        if (
            self.rule.clears_after is not None
            and posting.at_ms < self._live[self._first].at_ms + self.rule.clears_after
        ):
            self._before_end += posting.points

    def clear(self, at_ms: int) -> None:
        """Removes postings that no longer count at a moment."""
        rule = self.rule
        if rule.expires is not None:
            lasts = rule.expires
            self._drop(lambda posting: posting.at_ms + lasts <= at_ms)
        elif rule.clears is not None:
            self._drop(lambda posting: self.clears_at(posting) <= at_ms)
        elif rule.clears_after is not None and (first_ms := self.first_ms()) is not None:
            end_ms = first_ms + rule.clears_after
            if at_ms >= end_ms and (rule.unless is None or self._before_end < rule.unless):
                left = [posting for posting in self._live[self._first :] if posting.at_ms >= end_ms]
                self._live, self._first, self.points, self._before_end = [], 0, Decimal(), Decimal()
                for posting in left:
                    self._append(posting)

    def _drop(self, is_gone: Callable[[Posting], bool]) -> None:
        live = self._live
        while self._first < len(live) and is_gone(live[self._first]):
            self.points -= live[self._first].points
            self._first += 1
        if self._first * 2 > len(live):  # drops removed postings from time to time
            self._live, self._first = live[self._first :], 0

    def is_for_good(self) -> bool:
        """Whether there are too many points for them to be cleared."""
        return self.rule.unless is not None and self.points >= self.rule.unless

    def first_ms(self) -> int | None:
        """When the oldest posting was posted (epoch ms)."""
        return self._live[self._first].at_ms if self._first < len(self._live) else None

    def shown(self) -> Shown:
        """The postings that count."""
        return Shown(self._live[max(self._first, len(self._live) - ORDERS_SHOWN) :], len(self._live) - self._first)

    def began_at(self, at_ms: int) -> Began | None:
        """The sanction that began at an instant; None if none did."""
        n = bisect_left(self.sanctions, at_ms, key=_began_ms)
        return self.sanctions[n] if n < len(self.sanctions) and self.sanctions[n][1] == at_ms else None


def _began_ms(began: Began) -> int:
    return began[1]


def post_all(account: Account, postings: Iterable[Posting]) -> None:
    """Adds postings of one instant."""
    for posting in sorted(postings, key=Posting.sort_key):
        account.post(posting)
