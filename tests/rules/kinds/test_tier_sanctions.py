"""Sanctions that the tier of a ratio brings."""

from random import Random
from typing import Any

import pytest

from rules.calendar.instants import DAY_MS
from rules.dsl.reader import parse
from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.plan.rule_book import RuleBook
from rules.reports.standing import sanctions
from tests.rules.history import TimedEvent, cancelled, collected, moved, ms, placed, shipped, tick

PACK = """
platform: joom
rules:
  - id: joom.cancellations
    clause: own-cancellations
    kind: ratio
    source: test
    confidence: ours
    numerator: {has: cancelled, by: [seller]}
    window: {length: 14d}
    tiers: [{name: blocked, share: 40%, sanction: {name: block, lasts: 3d}}]
    severity: {blocked: critical}
    summary: {blocked: "{value}"}
"""

LATE = """
  - id: joom.late
    clause: own-late
    kind: deadline
    source: test
    confidence: ours
    from: placed
    until: [shipped]
    within: 20h
    severity: {overdue: info}
    summary: {overdue: "{order}"}
"""

BLOCKED: list[TimedEvent] = [
    *(placed(f"{n}") for n in range(4)),
    *(placed(f"{n}", "30h") for n in range(4, 10)),
    *(cancelled(f"{n}", f"{20 + n}h", by="seller") for n in range(2)),
    shipped("2", "22h"),
]
"""Two of four cancelled at 21h, and six more orders at 30h."""


def in_force(events: list[TimedEvent], at: str, pack: str = PACK) -> list[tuple[str, str, str]]:
    engine = Engine(RuleBook([parse(pack, "test.yaml")]), stepping=True)
    list(replay(engine, events, ms(at)))
    found: list[dict[str, Any]] = sanctions(engine.shop("joom", "s1"), engine.clock_ms)
    return [(each["name"], each["from"], each["until"]) for each in found]


BLOCK = [("block", "2026-01-01T21:00:00Z", "2026-01-04T21:00:00Z")]


@pytest.mark.parametrize(("at", "expected"), [("20h", []), ("21h", BLOCK), ("31h", BLOCK), ("92h", BLOCK), ("93h", [])])
def test_a_block_lasts_its_three_days_though_the_ratio_has_fallen_since(at: str, expected: list[Any]) -> None:
    known = [(event, at_ms) for event, at_ms in BLOCKED if at_ms <= ms(at)]
    assert in_force(known, at) == expected


def test_the_order_in_which_events_come_makes_no_difference() -> None:
    for seed in range(20):
        events = BLOCKED.copy()
        Random(seed).shuffle(events)
        assert in_force(events, "50h") == BLOCK


def test_what_was_only_thought_reached_leaves_no_block() -> None:
    late = [placed("1"), cancelled("1", "1h", by="seller"), tick("5h"), placed("2"), placed("3")]
    assert in_force(late[:3], "5h") == [("block", "2026-01-01T01:00:00Z", "2026-01-04T01:00:00Z")]
    assert in_force(late, "5h") == []


def test_a_ratio_that_stays_too_high_brings_one_block() -> None:
    events = [placed("1"), cancelled("1", "1h", by="seller")]
    assert in_force(events, "72h") == [("block", "2026-01-01T01:00:00Z", "2026-01-04T01:00:00Z")]
    assert in_force(events, "73h") == []


def test_a_ratio_that_is_too_high_again_brings_another() -> None:
    again = [*BLOCKED, *(cancelled(f"{n}", "100h", by="seller") for n in range(4, 7))]
    assert ms("100h") + 3 * DAY_MS == ms("172h")
    assert in_force(again, "171h") == [("block", "2026-01-05T04:00:00Z", "2026-01-08T04:00:00Z")]


def test_deadlines_that_pass_in_silence_bring_one_too() -> None:
    late = PACK.replace("{has: cancelled, by: [seller]}", "{late: joom.late}") + LATE
    events = [*(placed(f"{n}") for n in range(4)), shipped("0", "5h"), shipped("1", "50h"), placed("5", "60h")]
    assert in_force(events[:5], "19h", late) == []
    block = [("block", "2026-01-01T20:00:00Z", "2026-01-04T20:00:00Z")]
    assert in_force(events[:5], "21h", late) == block
    assert in_force(events, "70h", late) == block


def test_a_sanction_goes_on_once_the_orders_that_brought_it_are_bad_no_more():
    unmet = PACK.replace("{has: cancelled, by: [seller]}", "{overdue: joom.late}") + LATE
    events = [*(placed(f"{n}") for n in range(4)), *(shipped(f"{n}", "25h") for n in range(4))]
    assert in_force(events, "26h", unmet) == [("block", "2026-01-01T20:00:00Z", "2026-01-04T20:00:00Z")]


def test_a_deadline_moved_once_it_was_missed_takes_nothing_back():
    late = PACK.replace("{has: cancelled, by: [seller]}", "{late: joom.late}") + LATE + "    ship_by: true\n"
    events = [placed("1"), moved("1", "30h", to="60h")]
    assert in_force(events, "35h", late) == [("block", "2026-01-01T20:00:00Z", "2026-01-04T20:00:00Z")]


def test_what_takes_an_order_out_of_a_deadline_changes_the_ratio_then():
    late = LATE + "    where: {not: collected}\n"
    in_time = PACK.replace("{has: cancelled, by: [seller]}", "{not: {late: joom.late}}") + late
    events = [placed("1"), collected("1", "30h")]
    assert in_force(events, "100h", in_time) == [("block", "2026-01-02T06:00:00Z", "2026-01-05T06:00:00Z")]


def test_orders_known_ahead_of_the_clock_have_not_been_placed_yet() -> None:
    engine = Engine(RuleBook([parse(PACK, "test.yaml")]), stepping=True)
    ahead = [placed(f"{n}", "20h") for n in range(2, 6)]
    for happened, at_ms in [placed("1"), cancelled("1", "1h", by="seller"), *ahead]:
        engine.apply(happened, at_ms)
    engine.advance(ms("5h"))
    [found] = sanctions(engine.shop("joom", "s1"), engine.clock_ms)
    assert found["from"] == "2026-01-01T01:00:00Z"
