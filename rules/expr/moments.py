"""Moments of an order, as expressions of its `facts`: when something happened, or when the order is due."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rules.calendar.instants import MIN_MS, NEVER
from rules.codegen import Written, function
from rules.facts.order_facts import OrderFacts


class Moment(NamedTuple):
    """The instant `at` (epoch ms) plus `later_ms`, if `known` is true. `at` may be evaluated only after `known`.
    `names` are the names that both use."""

    known: str
    at: str
    later_ms: int = 0
    names: dict[str, Any] = {}

    def later(self, by_ms: int) -> "Moment":
        return self._replace(later_ms=self.later_ms + by_ms)

    def instant(self) -> str:
        """The expression for the instant (epoch ms); valid only if `known`."""
        if not self.later_ms:
            return self.at
        return f"{self.at} {'+' if self.later_ms > 0 else '-'} {abs(self.later_ms)}"

    def written(self) -> Written:
        """The expression for the instant, or None if it isn't known."""
        return Written(f"({self.instant()} if {self.known} else None)", self.names)


def of_fact(fact: str) -> Moment:
    return Moment(f"facts.{fact} is not None", f"facts.{fact}[0]")


def found(name: str, expression: str, names: dict[str, Any]) -> Moment:
    """The moment that an expression gives, which may be None; evaluated once and kept under a name of its own."""
    return Moment(f"({name} := {expression}) is not None", name, names=names)


def latest(name: str, facts: Sequence[str]) -> Moment:
    """When the last of several facts happened, of those that have."""
    if len(facts) == 1:
        return of_fact(facts[0])
    instants = ", ".join(f"(facts.{fact}[0] if facts.{fact} is not None else {MIN_MS})" for fact in facts)
    return Moment(f"({name} := max({instants})) != {MIN_MS}", name)


def earliest(name: str, moments: Sequence[Moment]) -> Moment:
    """The first of several moments, of those that are known."""
    if len(moments) == 1:
        return moments[0]
    names = {key: value for each in moments for key, value in each.names.items()}
    instants = ", ".join(f"({each.instant()} if {each.known} else {NEVER})" for each in moments)
    return Moment(f"({name} := min({instants})) != {NEVER}", name, names=names)


def first_known(name: str, moments: Sequence[Moment]) -> Moment:
    """The first moment in the list that is known."""
    if len(moments) == 1:
        return moments[0]
    names = {key: value for each in moments for key, value in each.names.items()}
    cases = "".join(f"{each.instant()} if {each.known} else " for each in moments)
    return asked(name, function("facts", Written(f"{cases}None", names)))


def asked(name: str, instant: Callable[[OrderFacts], int | None]) -> Moment:
    """The moment that a function returns; for what would otherwise be written several times in one expression."""
    return found(name, f"{name}_asked(facts)", {f"{name}_asked": instant})
