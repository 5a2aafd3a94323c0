"""Steps of a ratio: how many bad orders of how many reach which stage."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from rules.calendar.durations import Share
from rules.calendar.instants import NEVER
from rules.kinds.rule import Cost, Sanction


class Tier(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Reached when the bad orders are more than `share` of all *and* at least `count`; its `name` is the stage."""

    name: str
    share: Share | None = None
    count: int | None = None
    penalty: Cost | None = None
    sanction: Sanction | None = None


class Step(Struct, frozen=True):
    """A tier in whole numbers: the bad orders must pass `top`/`bottom` of all (or reach it, when `inclusive`)."""

    name: str
    top: int | None
    bottom: int
    count: int
    inclusive: bool

    def reached(self, bad: int, total: int) -> bool:
        if bad < self.count:
            return False
        if self.top is None:
            return True
        part, limit = bad * self.bottom, total * self.top
        return part >= limit and bad > 0 if self.inclusive else part > limit

    def expression(self) -> str:
        """`reached`, of `bad` and `total`."""
        share = f"bad * {self.bottom} {'>=' if self.inclusive else '>'} total * {self.top}"
        tests = [f"bad >= {max(self.count, int(self.inclusive))}", *([] if self.top is None else [share])]
        return f"({' and '.join(tests)})"

    def holds(self, bad: int) -> int:
        """Of how many orders in all, at the most, these bad ones still reach it."""
        if not self.top:
            return NEVER
        return (bad * self.bottom - (not self.inclusive)) // self.top

    def fits(self, bad: int, total: int) -> int:
        """How many more may go bad before it is reached; negative when it is."""
        most = self.count - 1
        if self.top is not None:
            limit = total * self.top
            # Where reaching the share is enough, none bad still never reaches it.
            by_share = max(-(-limit // self.bottom) - 1, 0) if self.inclusive else limit // self.bottom
            most = max(most, by_share)
        return most - bad


def step_of(name: str, share: Share | None, count: int | None, *, good: bool, inclusive: bool) -> Step:
    """`good`: the share is of the good ones, and must not fall to it."""
    part = share if share is None or not good else 1 - share
    top, bottom = (None, 1) if part is None else (part.numerator, part.denominator)
    return Step(name, top, bottom, count or (1 if part is None else 0), inclusive)


def diagnostics(tiers: Sequence[Tier], good: bool) -> Iterator[tuple[str, str]]:
    """Tiers must rise, each asking for more than the one before."""
    for n, tier in enumerate(tiers):
        if tier.share is None and tier.count is None:
            yield f"tiers[{n}]", f"{tier.name} has neither share nor count, so it can't be reached"
        if tier.count is not None and tier.count < 1:
            yield f"tiers[{n}].count", "must be at least 1"
    for n, (lower, upper) in enumerate(pairwise(tiers), start=1):
        lower_share, upper_share = lower.share or Decimal(), upper.share or Decimal()
        rises = upper_share <= lower_share if good else upper_share >= lower_share
        rises = rises and (upper.count or 0) >= (lower.count or 0)
        if not rises or (lower.share, lower.count) == (upper.share, upper.count):
            yield f"tiers[{n}]", f"tiers are out of order: {upper.name} must ask for more than {lower.name}"
    names = [tier.name for tier in tiers]
    for name in sorted({name for name in names if names.count(name) > 1 or name in ("near", "active")}):
        yield "tiers", f"{name} names more than one stage"
