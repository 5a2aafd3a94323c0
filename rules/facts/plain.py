"""Plain orders as statements, and back: the two say the same."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import to_builtins
from msgspec.structs import replace

from rules.facts.order_facts import OrderFacts, Shipment, Terms, Told
from rules.facts.statements import LEEWAY_MS, NEWS, Stamp, Statement, Statements, canonical, is_far, stated
from rules.messages.names import parcel_name

_TERMS: Final = ("amount", "currency", "mode", "handling_h", "logistics")
_SHIPMENT: Final = ("carrier", "tracking_no", "logistics", "label")


def expand(facts: OrderFacts) -> Statements:
    """What was said of a plain order."""
    return canonical(_said_of(facts))


def _said_of(facts: OrderFacts) -> Iterator[Statement]:
    told = facts.moved_before if isinstance(facts.moved_before, int) else 0
    if facts.placed is not None:
        yield stated(facts.placed, "placed", _placed(facts.terms or Terms(), told))
    shipment = facts.shipment or Shipment()
    number = shipment.tracking_no
    if facts.shipped is not None:
        said = {name: value for name in _SHIPMENT if (value := getattr(shipment, name)) is not None}
        yield stated(facts.shipped, "shipped", {**said, **({"complete": True} if told & Told.COMPLETE else {})})
    name = {"tracking_no": parcel_name(number)} if number else {}
    pickups = {} if told & Told.PICKUPS_UNNAMED else name
    tracking = {} if told & Told.TRACKING_UNNAMED else name
    if facts.cancelled is not None:
        said = {"by": facts.cancelled_by, "reason": facts.cancelled_for}
        yield stated(facts.cancelled, "cancelled", {name: value for name, value in said.items() if value})
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
    for kind, at, said in news:  # of the same event the first holds
        if at is not None:
            yield stated(at, kind, said)


def _placed(terms: Terms, told: int) -> dict[str, Any]:
    said = {name: value for name in _TERMS if (value := getattr(terms, name)) is not None}
    if terms.ship_by_ms is not None:
        said["ship_by"] = terms.ship_by_ms
    if terms.items:
        said["items"] = list(to_builtins(terms.items))
    for name, denied in (("sensitive", Told.NOT_SENSITIVE), ("predeclared", Told.NOT_PREDECLARED)):
        if getattr(terms, name) or told & denied:
            said[name] = getattr(terms, name)
    return {**said, **({"paid": True} if told & Told.PAID else {})}


def collapse(statements: Statements, derived: OrderFacts) -> OrderFacts | None:
    """Plain facts that say the same as statements from which others were `derived`; None where none do."""
    by_kind: dict[str, list[Statement]] = {}
    for each in statements:
        by_kind.setdefault(each.kind, []).append(each)
    told = _told(by_kind)
    if told is None:
        return None
    moves = tuple((each.stamp, each.said["ship_by"]) for each in by_kind.get("moved", ()))
    if len(moves) > 1 and told:
        return None
    facts = {name: getattr(derived, name) for name in OrderFacts.__struct_fields__}
    if derived.shipment is None:
        facts["shipment"] = _named_by_news(by_kind)
    for each in by_kind.get("placed", ()):  # kept though the deadline was moved
        facts["terms"] = replace(facts["terms"], ship_by_ms=each.said.get("ship_by"))
    plain = OrderFacts(**facts | {"moved_before": moves[:-1] if moves[1:] else told or ()})
    return plain if expand(plain) == statements else None


def _named_by_news(by_kind: Mapping[str, list[Statement]]) -> Shipment | None:
    """What is known of the parcel before it is shipped: the number under which news of it came."""
    news = [each for kind in NEWS for each in by_kind.get(kind, ())]
    number = next((each.said["tracking_no"] for each in news if "tracking_no" in each.said), None)
    return Shipment(tracking_no=number) if number else None


def has_older_news(facts: OrderFacts, since_ms: int) -> bool:
    """Whether any pickup or tracking event of a plain order is older than a moment (epoch ms)."""
    news = (facts.collected, facts.pickup_failed, facts.scanned, facts.delivered, facts.news)
    return any(stamp is not None and stamp[0] < since_ms for stamp in news)


_ONCE: Final = {"placed", "shipped", "cancelled", "returned", "refunded", "failed"}


def _told(by_kind: dict[str, list[Statement]]) -> int | None:
    """The bits of what was told beside the plain facts; None where that can't be all."""
    if set(by_kind) - _ONCE - {"moved", "collected", "tracked"} or any(
        len(by_kind.get(kind, ())) > 1 for kind in _ONCE
    ):
        return None
    if "moved" in by_kind and "placed" not in by_kind:
        return None
    told = 0
    for each in by_kind.get("placed", ()):
        if each.said.get("paid") is False:
            return None
        told |= Told.PAID if each.said.get("paid") else 0
        told |= Told.NOT_SENSITIVE if each.said.get("sensitive") is False else 0
        told |= Told.NOT_PREDECLARED if each.said.get("predeclared") is False else 0
        if any(each.at_ms - LEEWAY_MS > news.at_ms for kind in NEWS for news in by_kind.get(kind, ())):
            return None
        if any(is_far(move.said["ship_by"], each.at_ms) for move in by_kind.get("moved", ())):
            return None
    for each in by_kind.get("shipped", ()):
        told |= Told.COMPLETE if each.said.get("complete") is True else 0
    for kinds, unnamed in ((("collected", "failed"), Told.PICKUPS_UNNAMED), (("tracked",), Told.TRACKING_UNNAMED)):
        news = [each for kind in kinds for each in by_kind.get(kind, ())]
        told |= unnamed if news and not any("tracking_no" in each.said for each in news) else 0
    return told
