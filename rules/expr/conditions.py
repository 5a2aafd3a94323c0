"""Conditions: the small language in which packs say which orders count, such as `{late: joom.late_ship}` or `{has:
cancelled, by: [seller]}`.

A condition looks at an order's facts and at what the deadline rules say of it, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from rules.codegen import Written, function
from rules.facts.order_facts import FACT_NAMES, OrderFacts
from rules.messages.events import CancelReason, Logistics, Mode, Party

Test = Callable[[OrderFacts, int, int], bool]
"""`(facts, missed, overdue)`: bit n of `missed` is set when deadline rule n was ever missed, of `overdue` while
it is missed and still unmet."""


class Condition:
    """Base class of the conditions below."""


@dataclass(frozen=True, slots=True)
class Has(Condition):
    """The order has this fact; `cancelled` may be limited to some parties and reasons."""

    fact: str
    by: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Late(Condition):
    """The deadline of this rule was missed, whether or not it was met later."""

    rule: str


@dataclass(frozen=True, slots=True)
class Overdue(Condition):
    """The deadline of this rule is missed and still unmet."""

    rule: str


@dataclass(frozen=True, slots=True)
class Term(Condition):
    """What was agreed when the order was placed: `{term: sensitive}`, `{term: mode, is: [presale]}`."""

    name: str
    wanted: tuple[Any, ...] = (True,)


@dataclass(frozen=True, slots=True)
class Parcel(Condition):
    """What the shipment says: `{parcel: logistics, is: own}`, `{parcel: tracked}`. If it doesn't say whose logistics it
    is, the order's does."""

    name: str
    wanted: tuple[Any, ...] = (True,)


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AllOf(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not(Condition):
    part: Condition


_EXTRAS = {
    "has": {"by", "reason"},
    "late": set[str](),
    "overdue": set[str](),
    "term": {"is"},
    "parcel": {"is"},
}
_PARCEL: dict[str, tuple[Any, ...]] = {
    "logistics": get_args(Logistics),
    "label": get_args(Logistics),
    "tracked": (True, False),
}
_TERMS: dict[str, tuple[Any, ...]] = {
    "mode": get_args(Mode),
    "logistics": get_args(Logistics),
    "sensitive": (True, False),
    "predeclared": (True, False),
}


DEEPEST = 20
"""How deeply conditions may be nested; nobody could read one that is deeper."""


def parse_condition(written: Any, depth: int = 0) -> Condition:
    """A condition from its YAML form. Raises ValueError."""
    if depth > DEEPEST:
        raise ValueError(f"conditions are nested more than {DEEPEST} deep")
    if isinstance(written, str):
        return parse_condition({"has": written})
    if not isinstance(written, Mapping):
        raise ValueError("a condition is a fact's name or one of has, late, overdue, term, parcel, any, all, not")
    for name, form in (("any", AnyOf), ("all", AllOf)):
        if name in written:
            _only(written, {name})
            if not isinstance(written[name], list) or not written[name]:
                raise ValueError(f"{name} takes a list of conditions")
            return form(tuple(parse_condition(part, depth + 1) for part in written[name]))
    if "not" in written:
        _only(written, {"not"})
        return Not(parse_condition(written["not"], depth + 1))
    for name in _EXTRAS:
        if name in written:
            _only(written, {name} | _EXTRAS[name])
            return _leaf(name, written)
    raise ValueError(f"{', '.join(written)}: a condition is one of has, late, overdue, term, parcel, any, all, not")


def _only(written: Mapping[str, Any], known: set[str]) -> None:
    if odd := set(written) - known:
        raise ValueError(f"{', '.join(sorted(odd))} means nothing in a condition with {', '.join(sorted(known))}")


def _leaf(name: str, written: Mapping[str, Any]) -> Condition:
    subject = written[name]
    if not isinstance(subject, str):
        raise ValueError(f"{name} takes a name, not {subject!r}")
    if name == "has":
        if subject not in FACT_NAMES:
            raise ValueError(f"{subject} is no fact of an order; facts are {', '.join(FACT_NAMES)}")
        if subject not in ("cancelled", "part_cancelled") and len(written) > 1:
            raise ValueError("by and reason go with cancelled")
        return Has(
            subject,
            _some_of(get_args(Party), written.get("by")),
            _some_of(get_args(CancelReason), written.get("reason")),
        )
    if name == "term":
        if subject not in _TERMS:
            raise ValueError(f"{subject} is no term of an order; terms are {', '.join(_TERMS)}")
        return Term(subject, _some_of(_TERMS[subject], written.get("is", True)))
    if name == "parcel":
        if subject not in _PARCEL:
            raise ValueError(f"{subject} is not said of a parcel; {', '.join(_PARCEL)} are")
        return Parcel(subject, _some_of(_PARCEL[subject], written.get("is", True)))
    return Late(subject) if name == "late" else Overdue(subject)


def _some_of(known: tuple[Any, ...], written: Any) -> tuple[Any, ...]:
    """One or several of the known words. Raises ValueError for another."""
    if written is None:
        return ()
    wanted = tuple(written) if isinstance(written, list) else (written,)
    for each in wanted:
        if each not in known:
            raise ValueError(f"{each} is never said; it is one of {', '.join(map(str, known))}")
    return tuple(each for each in known if each in wanted)


def _logistics(facts: OrderFacts) -> str | None:
    by = facts.shipment.logistics if facts.shipment is not None else None
    return by or (facts.terms.logistics if facts.terms is not None else None)


_PARCEL_SAYS = {
    "logistics": "logistics_of(facts)",
    "label": "facts.shipment.label",
    "tracked": "bool(facts.shipment.tracking_no)",
}
"""As expressions, where any parcel has gone out."""

_HAS_GONE_OUT = "facts.shipment is not None and (facts.shipped is not None or facts.parcels)"


def rules_named(condition: Condition) -> set[str]:
    """Ids of the deadline rules that a condition depends on."""
    match condition:
        case Late(rule) | Overdue(rule):
            return {rule}
        case Not(part):
            return rules_named(part)
        case AnyOf(parts) | AllOf(parts):
            return {rule for part in parts for rule in rules_named(part)}
    return set()


def facts_named(condition: Condition) -> set[str]:
    """The facts of an order that a condition looks at by itself."""
    match condition:
        case Has(fact):
            return {fact}
        case Term():
            return {"placed"}
        case Parcel():
            return {"placed", "shipped"}
        case Not(part):
            return facts_named(part)
        case AnyOf(parts) | AllOf(parts):
            return {fact for part in parts for fact in facts_named(part)}
    return set()


def facts_that_end(condition: Condition) -> set[str]:
    """Facts that can only make a condition false, never true, when they become known."""
    ending: set[str] = set()
    others = _sort_out(condition, False, ending)
    return ending - others


def _sort_out(condition: Condition, negated: bool, ending: set[str]) -> set[str]:
    """Adds to `ending` the facts that can make the condition false; returns those that can make it true."""
    match condition:
        case Has(fact, (), ()) if negated:
            ending.add(fact)
            return set()
        case Not(part):
            return _sort_out(part, not negated, ending)
        case AnyOf(parts) | AllOf(parts):
            return {fact for part in parts for fact in _sort_out(part, negated, ending)}
    return facts_named(condition)


def compile_condition(condition: Condition, bits: Mapping[str, int]) -> Test:
    """Compiles a condition to a function. `bits` gives each deadline rule its bit. Raises KeyError for an unknown
    rule."""
    test: Test = order_function(Written(f"True if {expression(condition, bits)} else False"))
    return test


def order_function(written: Written, *others: str) -> Any:
    """Makes an expression a function of `(facts, missed, overdue)` and `others`."""
    return function(
        ", ".join(("facts", "missed", "overdue", *others)),
        Written(written.expression, {"logistics_of": _logistics, **written.names}),
    )


def expression(condition: Condition, bits: Mapping[str, int]) -> str:
    """A condition as the expression that it is compiled from."""
    match condition:
        case Late(rule):
            return f"missed & {bits[rule]}"
        case Overdue(rule):
            return f"overdue & {bits[rule]}"
        case Has(fact, by, reason):
            details = ((f"{fact}_by", by), (f"{fact}_for", reason))
            narrowed = [f"facts.{name} in {wanted!r}" for name, wanted in details if wanted]
            return _joined("and", [f"facts.{fact} is not None", *narrowed])
        case Term(term, wanted):
            return f"(facts.terms is not None and facts.terms.{term} in {wanted!r})"
        case Parcel(name, wanted):
            return f"({_HAS_GONE_OUT} and {_PARCEL_SAYS[name]} in {wanted!r})"
        case Not(part):
            return f"(not {expression(part, bits)})"
        case AnyOf(parts):
            return _joined("or", [expression(part, bits) for part in parts])
        case AllOf(parts):
            return _joined("and", [expression(part, bits) for part in parts])
    raise TypeError(f"{condition!r} is no condition")


def _joined(word: str, expressions: list[str]) -> str:
    return f"({f' {word} '.join(expressions)})"
