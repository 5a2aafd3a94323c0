"""Twice as much to look at takes twice the work, whatever kind of rule looks at it."""

from typing import get_args

import pytest

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.kinds.registry import AnyRule
from rules.plan.rule_book import RuleBook
from tests.rules.growth import Growth, growths, work
from tests.rules.history import START_MS, TimedEvent, book

KINDS = sorted(str(kind.__struct_config__.tag) for kind in get_args(AnyRule))
GROWTHS = [pytest.param(growth, id=f"{kind}: {growth.name}") for kind, growth in growths()]

N = 40
MOST = 2.5
"""What twice as many may cost: twice, and what grows with the logarithm."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_registered_kind_has_a_history_that_grows(kind: str):
    assert kind in {each for each, _ in growths()}, (
        f"no growing history for rules of kind {kind}: have one of its examples for the conformance suite `grow`"
    )


def at_once(rules: RuleBook, events: list[TimedEvent]) -> Engine:
    engine = Engine(rules, stepping=False)
    for happened, at_ms in events:
        engine.apply(happened, at_ms)
    engine.advance(START_MS + 74 * HOUR_MS)  # past the orders' deadline, in the week they came in
    return engine


@pytest.mark.parametrize("growth", GROWTHS)
def test_twice_as_many_in_one_evaluation_take_twice_the_work(growth: Growth):
    rules = book(*growth.rules)
    once, twice = growth.events(N, 0), growth.events(2 * N, 0)
    assert at_once(rules, twice).shops["joom", "s1"].emitted.open_total > 0
    assert work(lambda: at_once(rules, twice)) < MOST * work(lambda: at_once(rules, once))


@pytest.mark.parametrize("growth", GROWTHS)
def test_twice_as_many_one_after_the_other_take_twice_the_work(growth: Growth):
    rules = book(*growth.rules)
    once, twice = growth.events(N, 1), growth.events(2 * N, 1)

    def replayed(events: list[TimedEvent]) -> None:
        for _ in replay(Engine(rules, stepping=True), events, events[-1][1] + 30 * DAY_MS):
            pass

    assert work(lambda: replayed(twice)) < MOST * work(lambda: replayed(once))
