"""Turns the facts of plain orders into statements and back, without loss."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import to_builtins
from msgspec.structs import replace

from rules.facts.order_facts import Flag, OrderFacts, Shipment, Terms
from rules.facts.statements import LEEWAY_MS, NEWS, Stamp, Statement, Statements, canonical, is_far, stated
from rules.messages.names import parcel_name

_TERMS: Final = ("amount", "currency", "mode", "handling_h", "logistics")
_SHIPMENT: Final = ("carrier", "tracking_no", "logistics", "label")


def expand(facts: OrderFacts) -> Statements:
    """A plain order as statements."""
    return canonical(_statements_of(facts))


def _statements_of(facts: OrderFacts) -> Iterator[Statement]:
    flags = facts.moved_before if isinstance(facts.moved_before, int) else 0
    if facts.placed is not None:
        yield stated(facts.placed, "placed", _placed(facts.terms or Terms(), flags))
    shipment = facts.shipment or Shipment()
    number = shipment.tracking_no
    if facts.shipped is not None:
        fields = {name: value for name in _SHIPMENT if (value := getattr(shipment, name)) is not None}
        yield stated(facts.shipped, "shipped", {**fields, **({"complete": True} if flags & Flag.COMPLETE else {})})
    name = {"tracking_no": parcel_name(number)} if number else {}
    pickups = {} if flags & Flag.PICKUPS_UNNAMED else name
    tracking = {} if flags & Flag.TRACKING_UNNAMED else name
    if facts.cancelled is not None:
        fields = {"by": facts.cancelled_by, "reason": facts.cancelled_for}
        yield stated(facts.cancelled, "cancelled", {name: value for name, value in fields.items() if value})
    moves = [*facts.moves_before()]
    if facts.deadline_moved is not None and facts.moved_to_ms is not None:
        moves.append((facts.deadline_moved, facts.moved_to_ms))
    for stamp, to in moves:
        yield stated(stamp, "moved", {"ship_by": to})
    news: tuple[tuple[str, Stamp | None, dict[str, Any]], ...] = (
        ("returned", facts.returned, {}),
        ("refunded", facts.refunded, {}),
        ("collected", facts.collected, pickups),
        ("failed", facts.pickup_failed, pickups),
        ("tracked", facts.delivered, {**tracking, "status": "delivered"}),
        ("tracked", facts.scanned, {**tracking, "status": "in_transit"}),
        ("tracked", facts.news, tracking),
    )
    for kind, at, fields in news:  # of the same event the first holds
        if at is not None:
            yield stated(at, kind, fields)


def _placed(terms: Terms, flags: int) -> dict[str, Any]:
    fields = {name: value for name in _TERMS if (value := getattr(terms, name)) is not None}
    if terms.ship_by_ms is not None:
        fields["ship_by"] = terms.ship_by_ms
    if terms.items:
        fields["items"] = list(to_builtins(terms.items))
    for name, denied in (("sensitive", Flag.NOT_SENSITIVE), ("predeclared", Flag.NOT_PREDECLARED)):
        if getattr(terms, name) or flags & denied:
            fields[name] = getattr(terms, name)
    return {**fields, **({"paid": True} if flags & Flag.PAID else {})}


def collapse(statements: Statements, derived: OrderFacts) -> OrderFacts | None:
    """Plain facts equal to statements from which others were `derived`; None where none do."""
    by_kind: dict[str, list[Statement]] = {}
    for each in statements:
        by_kind.setdefault(each.kind, []).append(each)
    flags = _flags_of(by_kind)
    if flags is None:
        return None
    moves = tuple((each.stamp, each.fields["ship_by"]) for each in by_kind.get("moved", ()))
    if len(moves) > 1 and flags:
        return None
    facts = {name: getattr(derived, name) for name in OrderFacts.__struct_fields__}
    if derived.shipment is None:
        facts["shipment"] = _named_by_news(by_kind)
    for each in by_kind.get("placed", ()):  # kept though the deadline was moved
        facts["terms"] = replace(facts["terms"], ship_by_ms=each.fields.get("ship_by"))
    plain = OrderFacts(**facts | {"moved_before": moves[:-1] if moves[1:] else flags or ()})
    return plain if expand(plain) == statements else None


def _named_by_news(by_kind: Mapping[str, list[Statement]]) -> Shipment | None:
    """What is known of the parcel before it is shipped: the number under which news of it came."""
    news = [each for kind in NEWS for each in by_kind.get(kind, ())]
    number = next((each.fields["tracking_no"] for each in news if "tracking_no" in each.fields), None)
    return Shipment(tracking_no=number) if number else None


def has_older_news(facts: OrderFacts, since_ms: int) -> bool:
    """Whether any pickup or tracking event of a plain order is older than a moment (epoch ms)."""
    news = (facts.collected, facts.pickup_failed, facts.scanned, facts.delivered, facts.news)
    return any(stamp is not None and stamp[0] < since_ms for stamp in news)


_ONCE: Final = {"placed", "shipped", "cancelled", "returned", "refunded", "failed"}


def _flags_of(by_kind: dict[str, list[Statement]]) -> int | None:
    """What was stated beside the plain facts, as bits; None where that isn't all."""
    if set(by_kind) - _ONCE - {"moved", "collected", "tracked"} or any(
        len(by_kind.get(kind, ())) > 1 for kind in _ONCE
    ):
        return None
    if "moved" in by_kind and "placed" not in by_kind:
        return None
    flags = 0
    for each in by_kind.get("placed", ()):
        if each.fields.get("paid") is False:
            return None
        flags |= Flag.PAID if each.fields.get("paid") else 0
        flags |= Flag.NOT_SENSITIVE if each.fields.get("sensitive") is False else 0
        flags |= Flag.NOT_PREDECLARED if each.fields.get("predeclared") is False else 0
        if any(each.at_ms - LEEWAY_MS > news.at_ms for kind in NEWS for news in by_kind.get(kind, ())):
            return None
        if any(is_far(move.fields["ship_by"], each.at_ms) for move in by_kind.get("moved", ())):
            return None
    for each in by_kind.get("shipped", ()):
        flags |= Flag.COMPLETE if each.fields.get("complete") is True else 0
    for kinds, unnamed in ((("collected", "failed"), Flag.PICKUPS_UNNAMED), (("tracked",), Flag.TRACKING_UNNAMED)):
        news = [each for kind in kinds for each in by_kind.get(kind, ())]
        flags |= unnamed if news and not any("tracking_no" in each.fields for each in news) else 0
    return flags
