"""Why a condition holds for an order: the parts of it that make it so."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rules.expr.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Has,
    Late,
    Not,
    Overdue,
    Parcel,
    Term,
    Test,
    compile_condition,
)
from rules.facts.order_facts import OrderFacts


class Reasoning:
    """About one order: its facts, and the deadline rules (as bits) that it has missed and that are still unmet; `bits`
    gives each deadline rule its bit."""

    def __init__(self, facts: OrderFacts, missed: int, overdue: int, bits: Mapping[str, int]) -> None:
        self._facts, self._missed, self._overdue, self._bits = facts, missed, overdue, bits

    def holds(self, condition: Condition) -> bool:
        match condition:
            case Late(rule):
                return bool(self._missed & self._bits[rule])
            case Overdue(rule):
                return bool(self._overdue & self._bits[rule])
            case Not(part):
                return not self.holds(part)
            case AnyOf(parts):
                return any(self.holds(part) for part in parts)
            case AllOf(parts):
                return all(self.holds(part) for part in parts)
        return bool(_test(condition)(self._facts, 0, 0))

    def because(self, condition: Condition) -> list[dict[str, Any]]:
        """What makes a condition as it is, held or not: an entry for each fact, deadline rule or term that has a say in
        it, with `not` where it is the lack of it."""
        match condition:
            case Not(part):
                return self.because(part)
            case AnyOf(parts) | AllOf(parts):
                held = self.holds(condition)
                found = [each for part in parts if self.holds(part) == held for each in self.because(part)]
                return [each for n, each in enumerate(found) if each not in found[:n]]
        entry = _entry(condition)
        return [entry if self.holds(condition) else entry | {"not": True}]


def _entry(condition: Condition) -> dict[str, Any]:
    match condition:
        case Late(rule):
            return {"what": "late", "rule": rule}
        case Overdue(rule):
            return {"what": "overdue", "rule": rule}
        case Has(fact, by, reason):
            return {"what": "fact", "fact": fact, **_given(by=by, reason=reason)}
        case Term(name, wanted):
            return {"what": "term", "name": name, "is": list(wanted)}
        case Parcel(name, wanted):
            return {"what": "parcel", "name": name, "is": list(wanted)}
    raise TypeError(f"{condition!r} is no condition")


def _given(**narrowed: tuple[str, ...]) -> dict[str, list[str]]:
    return {name: list(values) for name, values in narrowed.items() if values}


@lru_cache
def _test(condition: Condition) -> Test:
    return compile_condition(condition, {})
