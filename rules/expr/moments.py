"""Moments of an order, as expressions of its `facts`: when one came about, when several had, when it is due."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rules.calendar.instants import MIN_MS, NEVER
from rules.codegen import Written, function
from rules.facts.order_facts import OrderFacts


class Moment(NamedTuple):
    """`later_ms` after the instant `at` (epoch ms), where it is `known`; `at` holds only behind `known`. `names`: what
    both name besides."""

    known: str
    at: str
    later_ms: int = 0
    names: dict[str, Any] = {}

    def later(self, by_ms: int) -> "Moment":
        return self._replace(later_ms=self.later_ms + by_ms)

    def instant(self) -> str:
        """Where it is known, when (epoch ms)."""
        if not self.later_ms:
            return self.at
        return f"{self.at} {'+' if self.later_ms > 0 else '-'} {abs(self.later_ms)}"

    def written(self) -> Written:
        """When, or None."""
        return Written(f"({self.instant()} if {self.known} else None)", self.names)


def of_fact(fact: str) -> Moment:
    return Moment(f"facts.{fact} is not None", f"facts.{fact}[0]")


def found(name: str, expression: str, names: dict[str, Any]) -> Moment:
    """What an expression gives, which may be None; worked out once under a name of its own."""
    return Moment(f"({name} := {expression}) is not None", name, names=names)


def latest(name: str, facts: Sequence[str]) -> Moment:
    """When the last of several facts came about, of those that have."""
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
    """The first of several moments, as listed, that is known."""
    if len(moments) == 1:
        return moments[0]
    names = {key: value for each in moments for key, value in each.names.items()}
    cases = "".join(f"{each.instant()} if {each.known} else " for each in moments)
    return asked(name, function("facts", Written(f"{cases}None", names)))


def asked(name: str, instant: Callable[[OrderFacts], int | None]) -> Moment:
    """What a function answers: for what would be written several times in what leans on it."""
    return found(name, f"{name}_asked(facts)", {f"{name}_asked": instant})
