"""What holds for every history of a shop, by every built-in pack: any order of arrival, any repetition, any leaps of
the clock, any restart."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.engine import Engine
from rules.facts.shop_facts import BY_NAME, Entry
from rules.kinds.ratio.period_results import PeriodResult
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standings
from tests.rules.histories import (
    Worker,
    apply,
    assert_well_formed,
    facts_of,
    in_no_order,
    open_alerts,
    shuffled_with_repeats,
)
from tests.rules.history import TimedEvent, drained, pack_file
from tests.rules.shop_histories import END_MS, moments_ms, shop_commit_cycles, shop_histories

PLATFORMS = ["aliexpress", "douyin", "joom", "lazada", "ozon", "shopee", "tiktok"]
RULES = {name: RuleBook([pack_file(f"rules/packs/{name}.yaml")]) for name in PLATFORMS}

fewer = settings(max_examples=max(settings().max_examples // 8, 1))
"""There are seven packs to each test."""

every_pack = pytest.mark.parametrize("platform", PLATFORMS)


def words_of(engine: Engine) -> dict[tuple[str, str], list[Entry]]:
    """What is known of each shop by now, and what is still to come."""
    return {
        (shop.name, name): [
            *shop.facts.known(name, engine.clock_ms),
            *sorted((each for each in shop.facts.of(name) if each.at_ms > engine.clock_ms), key=Entry.stamp),
        ]
        for shop in engine.shops.values()
        for name in BY_NAME
    }


def computed_of(engine: Engine) -> dict[tuple[str, str], dict[int, PeriodResult]]:
    return {
        (shop.name, rule): found for shop in engine.shops.values() for rule, found in shop.computed.items() if found
    }


def state_of(engine: Engine) -> tuple[Any, ...]:
    return facts_of(engine), words_of(engine), computed_of(engine), standings(engine)


def state_after(platform: str, stepping: bool, arrived: list[TimedEvent], at_ms: int) -> tuple[Any, ...]:
    """What an engine holds and has open once events have arrived in this order, and what it emitted."""
    engine = Engine(RULES[platform], stepping=stepping)
    apply(engine, arrived)
    engine.advance(at_ms)
    alerts = drained(engine)
    assert_well_formed(alerts)
    return state_of(engine), open_alerts(alerts), in_no_order(alerts)


@every_pack
@given(st.booleans(), st.data())
@fewer
def test_any_order_of_arrival_and_any_repetition_end_in_the_same_state(
    platform: str, stepping: bool, data: st.DataObject
):
    events = data.draw(shop_histories(platform))
    at_ms = data.draw(moments_ms)
    shuffled = data.draw(shuffled_with_repeats(events))
    assert state_after(platform, stepping, events, at_ms) == state_after(platform, stepping, shuffled, at_ms)


@every_pack
@given(st.booleans(), st.data())
@fewer
def test_any_leaps_of_the_clock_and_any_lateness_end_in_the_same_state(
    platform: str, stepping: bool, data: st.DataObject
):
    states = []
    lived = data.draw(shop_commit_cycles(platform))
    everything = [each for events, _ in lived for each in events]
    for way in ([(everything, END_MS)], [*lived, ([], END_MS)]):
        engine = Engine(RULES[platform], stepping=stepping)
        for events, to_ms in way:
            apply(engine, events)
            engine.advance(to_ms)
        alerts = drained(engine)
        assert_well_formed(alerts)
        facts, words, computed, stands = state_of(engine)
        # A sanction that comes with a ratio's tier lasts from the moment it was told.
        stands = [each | {"sanctions": None if platform == "ozon" else each["sanctions"]} for each in stands]
        states.append((facts, words, computed, stands, open_alerts(alerts)))
    for one, other in zip(*states, strict=True):
        assert one == other


@every_pack
@given(st.booleans(), st.booleans(), st.data())
@fewer
def test_a_restart_anywhere_and_any_overlap_say_nothing_new(
    platform: str, stepping: bool, backwards: bool, data: st.DataObject
):
    lived = data.draw(shop_commit_cycles(platform))
    cut = data.draw(st.integers(1, len(lived)))
    overlap = data.draw(st.integers(0, cut))
    worker = Worker(RULES[platform], stepping)
    for events, to_ms in lived[:cut]:
        worker.commit_cycle(events, to_ms)
    other = worker.restarted(worker.alerts, backwards)
    for events, _ in lived[overlap:cut]:
        apply(other.engine, events)
    other.engine.settle()
    other.write()
    assert other.alerts == worker.alerts
    assert state_of(other.engine) == state_of(worker.engine)
    for events, to_ms in [*lived[cut:], ([], END_MS)]:
        worker.commit_cycle(events, to_ms)
        other.commit_cycle(events, to_ms)
    assert_well_formed(other.alerts)
    assert in_no_order(other.alerts) == in_no_order(worker.alerts)
    assert state_of(other.engine) == state_of(worker.engine)
    assert other.kept() == worker.kept()


@every_pack
@given(st.data())
@fewer
def test_shops_topic_read_far_ahead_of_the_clock_says_what_a_replay_says(platform: str, data: st.DataObject):
    """In event time the clock waits for orders, pickups and tracking, not for a shop's own events."""
    events = sorted(data.draw(shop_histories(platform)), key=lambda each: each[1])
    profiles = [each for each in events if type(each[0]).__name__ == "ShopProfile"]
    found = []
    for ahead in (profiles, [each for each in events if each[0].order is None]):
        engine = Engine(RULES[platform], stepping=True)
        apply(engine, ahead)
        for happened, at_ms in events:
            engine.advance(at_ms, including=False)
            apply(engine, [(happened, at_ms)])
        engine.advance(END_MS)
        alerts = drained(engine)
        assert_well_formed(alerts)
        found.append((open_alerts(alerts), state_of(engine)))
    assert found[0] == found[1]
