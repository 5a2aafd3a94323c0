"""One way to use a kind of rule, and histories of a shop that has it."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.plan.rule_book import RuleBook
from tests.rules.history import START_MS, TimedEvent, book, rule

Written = Mapping[str, Any]
"""A rule as a pack writes it."""

May = Callable[[int, str], list[TimedEvent]]
"""What may happen to the `i`th thing `at` a time after the start."""

THINGS = 3

some_hours = st.sampled_from([0, 1, 12, 24, 47, 48, 72, 96, 97, 120, 168, 216, 264, 424, 743, 744, 760, 928])
"""Deadlines of the examples, Mondays and a month's end, and times round them."""

moments_ms = some_hours.map(lambda n: START_MS + n * HOUR_MS)

early_ms = moments_ms.filter(lambda at_ms: at_ms < START_MS + 30 * DAY_MS)
"""Before any order expires: until when one is kept goes by the last that was news when it came."""

END_MS = START_MS + 45 * DAY_MS
"""Past what most examples have to say."""


class Example(Struct, frozen=True, eq=False):
    """`rules`, of which the last is of the kind in question, and what `may` happen to a shop that has them.

    `life`: a history in which each stage of that rule opens, and all that opened is resolved again, `until` so long
    after the start. Of a rule that never ends, it is enough that each stage opens.

    `grows`: brings it one thing more to look at; `test_growth` then holds that twice as many cost twice the work.
    """

    name: str
    rules: list[Written]
    may: list[May]
    life: list[TimedEvent]
    until: str
    grows: May | None = None

    @property
    def kind(self) -> str:
        return str(self.rules[-1]["kind"])

    @property
    def rule_id(self) -> str:
        return str(self.rules[-1]["id"])

    def book(self) -> RuleBook:
        return _book(self)


@cache
def _book(example: Example) -> RuleBook:
    """Read once, as a worker does for all its shops."""
    return book(*example.rules)


@st.composite
def histories(draw: st.DrawFn, example: Example) -> list[TimedEvent]:
    """What may happen, at any time and in the order in which it did."""
    drawn = draw(st.lists(st.tuples(st.sampled_from(example.may), st.integers(0, THINGS - 1), some_hours), max_size=12))
    happened = [each for may, i, hour in drawn for each in may(i, f"{hour}h")]
    return sorted({each[0].id: each for each in happened}.values(), key=lambda each: each[1])


def own(kind: str, stages: tuple[str, ...], **parts: Any) -> Written:
    """A rule of a kind, with what every rule must say filled in."""
    return rule(kind, f"own_{kind}", stages, **parts)
