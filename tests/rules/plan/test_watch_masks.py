"""The masks that say which facts of an order may be ignored: an engine with them emits what one does that looks again
at everything whenever anything has changed (`WatchMasks`)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine.engine import Engine
from rules.facts.order_facts import EVERY_FACT
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import Plan
from rules.plan.watch_masks import WatchMasks
from tests.rules.engine.test_properties import JOB, PLAIN
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, fewer, state_of
from tests.rules.histories import Cycle, apply, in_no_order
from tests.rules.history import drained
from tests.rules.made_up_rules import books, order_lives
from tests.rules.shop_histories import END_MS, shop_commit_cycles

ALL = -1
"""A mask of ones."""


class AllOnes(WatchMasks):
    """Masks that let nothing be ignored."""

    def __init__(self) -> None:
        super().__init__([], [], [], ALL)
        for name in WatchMasks.__slots__:
            setattr(self, name, [] if name == "_silences" else ALL)


class LooksAtEverything(RuleBook):
    """A rule book whose plans ignore nothing: each change has an order evaluated, and counted anew everywhere."""

    def plan(self, *where: Any, **more: Any) -> Plan:
        plan = super().plan(*where, **more)
        if not isinstance(plan.masks, AllOnes):
            everywhere = plan.recount(EVERY_FACT, ALL)
            plan.masks = AllOnes()
            plan.computed_from = ALL
            plan.recount = lambda changed_facts, changed: everywhere  # type: ignore[method-assign]
        return plan


def assert_nothing_is_missed(rules: RuleBook, stepping: bool, lived: list[Cycle]) -> None:
    masked, unmasked = (Engine(book, stepping=stepping) for book in (rules, LooksAtEverything(rules.packs)))
    for events, to_ms in [*lived, ([], END_MS)]:
        emitted = []
        for engine in (masked, unmasked):
            apply(engine, events)
            engine.advance(to_ms)
            emitted.append(drained(engine))
        assert in_no_order(emitted[0]) == in_no_order(emitted[1])
    assert state_of(masked) == state_of(unmasked)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.data())
@fewer
def test_an_engine_with_masks_of_ones_emits_the_same_by_every_built_in_pack(
    platform: str, stepping: bool, data: st.DataObject
) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    assert_nothing_is_missed(RULES[platform], stepping, lived)


@given(st.sampled_from([JOB, PLAIN]), st.booleans(), order_lives())
def test_an_engine_with_masks_of_ones_emits_the_same_of_orders(
    rules: RuleBook, stepping: bool, lived: list[Cycle]
) -> None:
    assert_nothing_is_missed(rules, stepping, lived)


@given(books(), st.booleans(), order_lives())
@fewer
def test_an_engine_with_masks_of_ones_emits_the_same_by_rules_made_up_at_random(
    rules: RuleBook, stepping: bool, lived: list[Cycle]
) -> None:
    assert_nothing_is_missed(rules, stepping, lived)


def test_masks_of_ones_are_all_there_are() -> None:
    masks = RULES["joom"].plan("joom").masks
    assert {name for name in WatchMasks.__slots__ if isinstance(getattr(masks, name), int)} == {
        *WatchMasks.__slots__
    } - {"_silences"}
    assert AllOnes().mask([], 0, False) == AllOnes().mask([], ALL, True) == ALL
