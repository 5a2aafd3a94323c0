"""The parcels an order goes out in: which statements are about which, what has happened to each, and which count."""

from collections.abc import Iterable, Sequence
from typing import Any

from rules.facts.statements import SCANNED, Stamp, Statement, newest
from rules.messages.names import parcel_name


class Parcel:
    """What is known of one parcel. `left_out` is why it no longer counts, where it doesn't."""

    def __init__(self, name: str | None, statements: Sequence[Statement]) -> None:
        self.name = name
        self.statements = statements
        self.shipped: Stamp = statements[0].stamp
        self.number: str | None = newest(statements, "tracking_no")
        self.numbers = {
            parcel_name(each.fields["tracking_no"]) for each in statements if each.fields.get("tracking_no")
        }
        self.items: list[dict[str, Any]] | None = newest(statements, "items")
        self.complete: bool | None = newest(statements, "complete")
        self.collected: Stamp | None = None
        self.scanned: Stamp | None = None
        self.delivered: Stamp | None = None
        self.sent_back: Stamp | None = None
        self.news: Stamp | None = None
        self.failed: list[Stamp] = []
        self.left_out: str | None = None

    def called(self) -> str | None:
        """What people call it."""
        return self.name or self.number

    def apply(self, news: Statement) -> None:
        """Takes in a pickup or tracking event, each of them in time."""
        stamp, status = news.stamp, news.fields.get("status")
        if news.kind == "collected":
            self.collected = self.collected or stamp
        elif news.kind == "failed":
            self.failed.append(stamp)
        else:
            self.news = stamp
            if status in SCANNED or status == "delivered":
                self.scanned = self.scanned or stamp
            if status == "delivered":
                self.delivered = self.delivered or stamp
            elif status == "returned":
                self.sent_back = self.sent_back or stamp

    def given_up(self) -> tuple[Stamp, str] | None:
        """Since when it is on no way to the buyer, and why: the carrier brought it back, or didn't collect it."""
        if self.sent_back is not None:
            return self.sent_back, "sent back"
        proofs = [each for each in (self.collected, self.scanned) if each is not None]
        last = max([*proofs, self.news] if proofs and self.news is not None else proofs, default=None)
        waiting = [each for each in self.failed if last is None or last < each]
        return (waiting[0], "pickup failed") if waiting else None


def parcels_of(shipped: Sequence[Statement]) -> tuple[list[Parcel], list[Statement]]:
    """An order's parcels, as they were shipped, and the statements that are about none of several."""
    names = {
        parcel_name(each.fields["tracking_no"]): parcel_name(each.fields["parcel"])
        for each in shipped
        if each.fields.get("parcel") and each.fields.get("tracking_no")
    }
    groups: dict[str, list[Statement]] = {}
    unnamed: list[Statement] = []
    for each in shipped:
        number = parcel_name(each.fields.get("tracking_no") or "")
        name = parcel_name(each.fields.get("parcel") or "") or names.get(number) or number
        (groups.setdefault(name, []) if name else unnamed).append(each)
    if len(groups) > 1:
        return _in_time([Parcel(name, several) for name, several in groups.items()]), unnamed
    if not groups:
        return ([Parcel(None, unnamed)] if unnamed else []), []
    [(name, several)] = groups.items()
    return [Parcel(name, sorted([*several, *unnamed], key=Statement.sort_key))], []


def _in_time(parcels: list[Parcel]) -> list[Parcel]:
    return sorted(parcels, key=lambda each: each.shipped)


def assign_news(parcels: Sequence[Parcel], news: Iterable[Statement]) -> list[Statement]:
    """Gives each pickup and tracking event to the parcel it names; those that wait for a shipment to name them."""
    waiting, by_name = [], parcels_by_name(parcels)
    for each in news:
        found = parcels if len(parcels) == 1 else _named(parcels, by_name, each)
        for parcel in found:
            parcel.apply(each)
        if not found:
            waiting.append(each)
    return waiting


def parcels_by_name(parcels: Sequence[Parcel]) -> dict[str, list[Parcel]]:
    """The parcels by each of their names and numbers."""
    found: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        for name in {*parcel.numbers, *([] if parcel.name is None else [parcel.name])}:
            found.setdefault(name, []).append(parcel)
    return found


def _named(parcels: Sequence[Parcel], by_name: dict[str, list[Parcel]], news: Statement) -> Sequence[Parcel]:
    names = [name for name in (news.fields.get("parcel"), news.fields.get("tracking_no")) if name]
    if not names:
        return parcels
    for name in names:
        found = by_name.get(name)
        if found:
            current = [each for each in found if each.number is not None and parcel_name(each.number) == name]
            return current or found[-1:]
    return []


def leave_out(parcels: Sequence[Parcel]) -> None:
    """Finds which parcels no longer count, and why."""
    for parcel, others in _replaced(parcels):
        parcel.left_out = f"replaced by {others.called()}"
    for parcel in parcels:
        given_up = parcel.given_up()
        if parcel.left_out is not None or given_up is None:
            continue
        after = next((each for each in parcels if each is not parcel and each.shipped > given_up[0]), None)
        if after is not None:
            parcel.left_out = f"{given_up[1]}, and {after.called() or 'another'} was shipped after that"


def _replaced(parcels: Sequence[Parcel]) -> list[tuple[Parcel, Parcel]]:
    """Parcels with those that stand for them. Where two replace each other the newest statement holds."""
    fields = sorted(
        [
            (each.stamp, parcel, each.fields["replaces"])
            for parcel in parcels
            for each in parcel.statements
            if each.fields.get("replaces")
        ],
        key=lambda each: each[0],
        reverse=True,
    )
    found: dict[int, Parcel] = {}
    pairs: list[tuple[Parcel, Parcel]] = []
    by_name = parcels_by_name(parcels) if fields else {}
    for _, parcel, name in fields:
        for other in by_name.get(parcel_name(name), ()):
            if other is not parcel and not _stands_for(found, parcel, other):
                if id(other) not in found:
                    pairs.append((other, parcel))
                found.setdefault(id(other), parcel)
    return pairs


def _stands_for(found: dict[int, Parcel], parcel: Parcel, other: Parcel) -> bool:
    """Whether a parcel was replaced, by however many steps, by another one."""
    seen: Parcel | None = parcel
    while seen is not None:
        if seen is other:
            return True
        seen = found.get(id(seen))
    return False
