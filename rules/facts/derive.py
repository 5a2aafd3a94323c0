"""Derives an order's facts, which rules are written in, from the statements about it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from sys import intern
from typing import Any

import msgspec

from rules.calendar.instants import DAY_MS
from rules.facts.lines import Item as Written
from rules.facts.lines import Lines, Quantities, covers
from rules.facts.order_facts import DetailedFacts, Shipment, Terms
from rules.facts.parcels import Parcel, assign_news, leave_out, parcels_by_name, parcels_of
from rules.facts.statements import (
    LEEWAY_MS,
    MANY_IN_ALL,
    MANY_OF_A_KIND,
    NEWS,
    Stamp,
    Statement,
    Statements,
    by_parcel,
    is_far,
    name_of,
    newest,
)
from rules.messages.bounds import exact, quoted
from rules.messages.events import Item
from rules.messages.names import parcel_name

AGAIN_MS = 30 * DAY_MS
"""An order that is placed once more so long after is another one under the same number, or a mistake."""


def derive(statements: Statements) -> DetailedFacts:
    """An order's facts, from statements in time."""
    return _Derived(statements).facts


class _Derived:
    def __init__(self, statements: Statements) -> None:
        self._by_kind: dict[str, list[Statement]] = {}
        for each in statements:
            self._by_kind.setdefault(each.kind, []).append(each)
        self.facts = DetailedFacts(statements=statements)
        self._placed = self._of("placed")
        self._reopened_ms = max([each.at_ms for each in self._of("reopened")], default=None)
        self._work()

    def _of(self, kind: str) -> list[Statement]:
        return self._by_kind.get(kind, [])

    def _work(self) -> None:
        facts = self.facts
        voided = self._standing("voided")
        if voided:
            facts.voided = voided[0].stamp
            return  # as if it had never been
        started = self._started()
        if self._placed and started is None:
            facts.unpaid = True
            return
        facts.placed = started
        facts.terms = self._terms() if self._placed else None
        self._deadline()
        self._lines = Lines(newest(self._placed, "items"))
        self._parcels, self._general = parcels_of(self._of("shipped"))
        self._news()
        self._shipped()
        self._cancelled()
        self._returned()
        self._refunded()
        self._of_parcels()

    def _standing(self, kind: str) -> list[Statement]:
        """Cancellations or voidings that no reopening has taken back."""
        since_ms = self._reopened_ms
        return [each for each in self._of(kind) if since_ms is None or each.at_ms > since_ms]

    def _started(self) -> Stamp | None:
        """When the seller's clock starts: when it was placed, or paid, where it was placed unpaid."""
        if not self._placed:
            return None
        if newest(self._placed, "paid", lambda paid: paid in (True, False)) is not False:
            return self._placed[0].stamp
        paid = self._of("paid")
        return paid[0].stamp if paid else None

    def _terms(self) -> Terms:
        fields: dict[str, Any] = {}
        for each in self._placed:
            fields |= each.fields
        amount, currency = fields.get("amount"), fields.get("currency")
        if fields.get("paid") is False:  # then what was paid is what it costs
            amount = amount or newest(self._of("paid"), "amount")
            currency = currency or newest(self._of("paid"), "currency")
        return Terms(
            amount,
            None if currency is None else intern(currency),
            fields.get("mode"),
            None,
            fields.get("handling_h"),
            fields.get("logistics"),
            bool(fields.get("sensitive")),
            bool(fields.get("predeclared")),
            msgspec.convert(fields.get("items") or (), tuple[Item, ...], strict=False),
        )

    def _deadline(self) -> None:
        """The newest word on when it must be shipped, of whatever event."""
        facts = self.facts
        words = sorted([*self._placed, *self._of("moved"), *self._of("reopened")], key=Statement.sort_key)
        words = [
            each
            for each in words
            if "ship_by" in each.fields and not (facts.placed and is_far(each.fields["ship_by"], facts.placed[0]))
        ]
        if not words:
            return
        last = words[-1]
        if last.kind == "placed":
            assert facts.terms is not None
            facts.terms.ship_by_ms = last.fields["ship_by"]
        else:
            facts.deadline_moved, facts.moved_to_ms = last.stamp, last.fields["ship_by"]

    def _news(self) -> None:
        """Gives the parcels their news; where none is known of yet, the order has it all."""
        since_ms = self._placed[0].at_ms - LEEWAY_MS if self._placed else None
        news = sorted([each for kind in NEWS for each in self._of(kind)], key=Statement.sort_key)
        counting = [each for each in news if since_ms is None or each.at_ms >= since_ms]
        self._older = len(news) - len(counting)
        if self._parcels:
            self._waiting = assign_news(self._parcels, counting)
        else:
            self._waiting = []
            self._all = Parcel(None, [Statement(0, "", "", "shipped", {})])
            assign_news([self._all], counting)
        for each in self._of("returned"):
            if each.fields.get("cause") == "undelivered":
                for parcel in self._parcels:
                    if parcel.shipped <= each.stamp and (parcel.sent_back is None or each.stamp < parcel.sent_back):
                        parcel.sent_back = each.stamp
        leave_out(self._parcels)

    def _shipped(self) -> None:
        """The first instant at which all that is open had been shipped."""
        whole = [each.stamp for each in self._general if _is_whole(each.fields)]
        for parcel in self._parcels:
            if parcel.complete is False:
                continue
            for each in parcel.statements:
                stated = each.fields.get("complete") is True
                bare = parcel.items is None and each.fields.get("complete") is None
                if stated or bare:
                    whole.append(each.stamp)
        covered = self._covered()
        self.facts.shipped = min([*whole, *([] if covered is None else [covered])], default=None)

    def _covered(self) -> Stamp | None:
        """When what the parcels hold first was all that was open."""
        filled = [each for each in self._parcels if each.items is not None]
        if not filled:
            return None
        parts = [each for each in self._standing("cancelled") if "items" in each.fields]
        replaced = self._replaced()
        stamps = sorted([*(each.shipped for each in filled), *(each.stamp for each in parts)])

        def covered(by: Stamp) -> bool:
            return self._covers(filled, parts, replaced, by)

        if replaced:
            return next(filter(covered, stamps), None)
        n = bisect_left(stamps, True, key=covered)  # what was covered stays so
        return stamps[n] if n < len(stamps) else None

    def _covers(self, filled: list[Parcel], parts: list[Statement], replaced: dict[int, Stamp], by: Stamp) -> bool:
        """Whether parcels held all that was open by a moment."""
        held, cancelled = Quantities(), Quantities()
        for parcel in filled:
            gone = replaced.get(id(parcel))
            if parcel.shipped <= by and (gone is None or gone > by):
                self._lines.add(held, parcel.items or ())
        for each in parts:
            if each.stamp <= by:
                self._lines.add(cancelled, each.fields["items"])
        return bool(held) and covers(held, self._lines.open(cancelled))

    def _replaced(self) -> dict[int, Stamp]:
        """Parcels (by `id`) that others stand for, each with when the first of these was shipped."""
        found: dict[int, Stamp] = {}
        by_name = parcels_by_name(self._parcels)
        for parcel in self._parcels:
            for other in by_name.get(parcel_name(newest(parcel.statements, "replaces") or ""), ()):
                if other is not parcel and (other.left_out or "").startswith("replaced"):
                    found[id(other)] = min(parcel.shipped, found.get(id(other), parcel.shipped))
        return found

    def _cancelled(self) -> None:
        facts = self.facts
        standing = self._standing("cancelled")
        whole = [each for each in standing if "items" not in each.fields]
        parts = [each for each in standing if "items" in each.fields]
        cancelled = self._gone = Quantities()
        emptied = None
        for each in parts:
            self._lines.add(cancelled, each.fields["items"])
            if emptied is None and not self._lines.open(cancelled):
                emptied = each.stamp
        stamps = [each.stamp for each in whole[:1]]
        if emptied is not None and not self._parcels and not self._general:
            stamps.append(emptied)
        if stamps:
            fields = whole or parts
            facts.cancelled = min(stamps)
            facts.cancelled_by, facts.cancelled_for = newest(fields, "by"), newest(fields, "reason")
        elif parts:
            facts.part_cancelled = parts[0].stamp
            facts.part_cancelled_by, facts.part_cancelled_for = newest(parts, "by"), newest(parts, "reason")

    def _returned(self) -> None:
        """Returned by the buyer. Events that don't state the cause take it from the newest one that does."""
        returned = self._of("returned")
        usual = newest(returned, "cause") or "buyer"
        by_buyer = [each.stamp for each in returned if each.fields.get("cause", usual) == "buyer"]
        self.facts.returned = min(by_buyer, default=None)
        undelivered = [each.stamp for each in returned if each.fields.get("cause", usual) == "undelivered"]
        self._undelivered = min(undelivered, default=None)

    def _refunded(self) -> None:
        """When it was paid back in full."""
        facts, terms = self.facts, self.facts.terms
        amount = Decimal(terms.amount) if terms is not None and terms.amount is not None else None
        paid_back, lines = Decimal(), Quantities()
        for each in self._of("refunded"):
            fields = each.fields
            if not fields:
                facts.refunded = each.stamp
                return
            paid_back += Decimal(fields.get("amount") or 0)
            self._lines.add(lines, fields.get("items") or ())
            all_back = bool(fields.get("items")) and covers(lines, self._lines.open(self._gone))
            if (amount and paid_back >= amount) or all_back:
                facts.refunded = each.stamp
                return
            facts.part_refunds += ((each.at_ms, fields.get("amount")),)

    def _of_parcels(self) -> None:
        """What is so once it is so of the last of the parcels that count."""
        facts = self.facts
        counting = [each for each in self._parcels if each.left_out is None]
        if not self._parcels:
            all_of, counting = [self._all], [self._all]
        else:
            all_of = counting
        complete = not self._parcels or facts.shipped is not None
        for name in ("collected", "scanned", "delivered", "sent_back"):
            stamps = [getattr(each, name) for each in all_of]
            if complete and stamps and None not in stamps:
                setattr(facts, name, max(stamps))
        if self._undelivered is not None and not self._parcels:
            facts.sent_back = min(filter(None, (facts.sent_back, self._undelivered)))
        facts.news = max([each.news for each in all_of if each.news is not None], default=None)
        facts.pickup_failed = min([stamp for each in all_of for stamp in each.failed], default=None)
        if self._parcels:
            facts.shipment = _shipment([each for parcel in counting for each in parcel.statements] + self._general)
            facts.parcels = tuple(self._parcel_facts(each) for each in counting)
        facts.left_out = tuple(self._left_out())
        facts.odd = tuple(self._odd())
        self._count_lines()

    def _left_out(self) -> Iterator[tuple[str, str]]:
        for parcel in self._parcels:
            if parcel.left_out is not None:
                yield parcel.called() or "-", parcel.left_out
        for each in self._waiting:
            name = each.fields.get("parcel") or each.fields.get("tracking_no")
            yield name or "-", "no shipment of this order names it"
        if self._older:
            yield "older news", f"{self._older} from before the order's day prove nothing"

    def _odd(self) -> Iterator[str]:
        """What doesn't fit the order, or is more than is kept of one, as far as is known by now."""
        yield from self._too_many()
        names = parcels_by_name(self._parcels)
        for each in self._of("shipped"):
            replaced = each.fields.get("replaces")
            if replaced and parcel_name(replaced) not in names:
                yield f"data.replaces: {quoted(replaced)} is no parcel of this order"
        span_ms = self._placed[-1].at_ms - self._placed[0].at_ms if self._placed else 0
        if span_ms > AGAIN_MS:
            yield f"time: the order had been placed before, {span_ms // DAY_MS} days earlier"
        if not self._lines.known:
            return
        for kind in ("shipped", "cancelled", "refunded"):
            for each in self._of(kind):
                for item in each.fields.get("items", ()):
                    if not self._lines.names(item):
                        name = item.get("line") or item.get("sku") or "-"
                        yield f"data.items: {quoted(name)} is no line of this order"
        for name in self._beyond():
            yield f"data.items: more of {quoted(name)} was cancelled than ordered"

    def _too_many(self) -> Iterator[str]:
        for kind, several in self._by_kind.items():
            if len(several) > MANY_IN_ALL:
                yield f"some events: of more than {MANY_IN_ALL} of one kind the first and last are kept"
            for same in by_parcel(kind, several):
                if len(same) > MANY_OF_A_KIND:
                    name = next((each for each in name_of(same[0]) if each), None)
                    about = "the order" if name is None else f"parcel {quoted(name)}"
                    yield (
                        f"some events: of more than {MANY_OF_A_KIND} of one kind about {about} "
                        "the first and last are kept"
                    )
        if any(each.fields.get("items") == [] for several in self._by_kind.values() for each in several):
            yield "data.items: the items of all its events are more than is kept of an order; the newest are"

    def _beyond(self) -> list[str]:
        """Lines of which more was cancelled than ordered."""
        fields: Quantities = {}
        for each in self._standing("cancelled"):
            for item in each.fields.get("items", ()):
                names = self._lines.names(item)
                if len(names) == 1 and item.get("qty") is not None:
                    fields[names[0]] = fields.get(names[0], 0) + exact(item["qty"])
        return [name for name, qty in fields.items() if qty > self._lines.ordered[name]]

    def _count_lines(self) -> None:
        """How much of each line was ordered, cancelled and shipped, where that is known by line."""
        filled = [each for each in self._parcels if each.items is not None and each.left_out is None]
        if not self._lines.known or not (filled or self._gone):
            return
        held: Quantities = {}
        for parcel in filled:
            self._lines.add(held, parcel.items or ())
        self.facts.lines = tuple(
            (name, qty, self._gone.get(name, 0), held.get(name, 0)) for name, qty in self._lines.ordered.items()
        )

    def _parcel_facts(self, parcel: Parcel) -> DetailedFacts:
        """The order's facts as if it had this parcel alone."""
        facts = self.facts
        return msgspec.structs.replace(
            facts,
            statements=(),
            shipped=parcel.shipped,
            shipment=_shipment(parcel.statements),
            collected=parcel.collected,
            scanned=parcel.scanned,
            news=parcel.news,
            delivered=parcel.delivered,
            sent_back=parcel.sent_back,
            pickup_failed=parcel.failed[0] if parcel.failed else None,
            parcel=parcel.called(),
            combined_with=newest(parcel.statements, "combined_with"),
            parcels=(),
        )


def _is_whole(fields: Written) -> bool:
    complete = fields.get("complete")
    return complete is True or (complete is None and "items" not in fields)


def _shipment(statements: Sequence[Statement]) -> Shipment:
    in_time = sorted(statements, key=Statement.sort_key)
    return Shipment(*(newest(in_time, field) for field in ("carrier", "tracking_no", "logistics", "label")))
