"""Judging in slices: any slices say what one go says, nothing is lost or said twice by a restart between two of them,
and no shop waits until another is through."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from tests.rules.engine.test_properties import JOB
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, fewer, state_of
from tests.rules.engines import FULL, LATE, apply, engine
from tests.rules.histories import Worker, assert_well_formed, in_no_order
from tests.rules.history import drained, event, ms, placed
from tests.rules.shop_histories import END_MS, shop_commit_cycles

limits = st.integers(1, 4)


def by_shop(alerts: list[Alert]) -> dict[str, list[Alert]]:
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        found[alert.shop].append(alert)
    return found


def advance_in_slices(worker: Worker, to_ms: int, limit: int) -> None:
    """As the worker does it: what a slice has found is written before the next one."""
    while not worker.engine.advance(to_ms, limit=limit):
        worker.write()
    worker.write()


@pytest.mark.parametrize("platform", ["the job", *PLATFORMS])
@given(st.booleans(), limits, st.data())
@fewer
def test_any_slices_say_of_each_shop_what_one_go_says_in_the_same_order(platform, stepping, limit, data):
    rules = JOB if platform == "the job" else RULES[platform]
    whole, sliced = Worker(rules, stepping), Worker(rules, stepping)
    for events, to_ms in [*data.draw(shop_commit_cycles("joom" if rules is JOB else platform)), ([], END_MS)]:
        whole.commit_cycle(events, to_ms)
        apply(sliced.engine, *events)
        advance_in_slices(sliced, to_ms, limit)
    assert by_shop(sliced.alerts) == by_shop(whole.alerts)
    assert state_of(sliced.engine) == state_of(whole.engine)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), limits, st.data())
@fewer
def test_a_restart_between_two_slices_loses_nothing_and_says_nothing_twice(platform, stepping, limit, data):
    lived = [*data.draw(shop_commit_cycles(platform)), ([], END_MS)]
    crashes = data.draw(st.sets(st.integers(0, 20), max_size=4))
    straight, worker = Worker(RULES[platform], stepping), Worker(RULES[platform], stepping)
    slices = 0
    for events, to_ms in lived:
        straight.commit_cycle(events, to_ms)
        apply(worker.engine, *events)
        while not worker.engine.advance(to_ms, limit=limit):
            worker.write()
            slices += 1
            if slices in crashes:
                worker = worker.restarted(worker.alerts)
        worker.write()
    assert_well_formed(worker.alerts)
    assert in_no_order(worker.alerts) == in_no_order(straight.alerts)


@pytest.mark.parametrize("stepping", [True, False])
def test_shops_have_their_turns_one_after_the_other(stepping):
    hot = [placed(f"{n}", shop="hot") for n in range(50)]
    made = engine(LATE, *hot, placed(shop="a"), placed(shop="b"), stepping=stepping)
    made.clock_ms = ms("80h")
    assert not made.settle(limit=10)
    assert {alert.shop for alert in drained(made)} == {"hot"}
    assert not made.settle(limit=10)
    assert {alert.shop for alert in drained(made)} == {"a", "b", "hot"}


def test_in_wall_time_a_shops_deadlines_need_not_wait_for_anothers_that_came_before():
    made = engine(LATE, *(placed(f"{n}", shop="hot") for n in range(50)), placed(at="1h", shop="a"), stepping=False)
    made.advance(ms("2h"))
    assert not made.advance(ms("80h"), limit=10)
    assert not made.advance(ms("80h"), limit=10)
    assert "a" in {alert.shop for alert in drained(made)}


def test_a_shop_is_judged_itself_only_once_all_its_orders_are_and_others_need_not_wait_for_that():
    made = engine(FULL, *(placed(f"{n}", shop="hot") for n in range(50)), placed(shop="a"), stepping=False)
    made.clock_ms = ms("80h")
    alerts: list[Alert] = []
    while not made.settle(limit=10):
        alerts += drained(made)
    alerts += drained(made)
    ratios = [n for n, alert in enumerate(alerts) if alert.data.rule == "joom.share"]
    assert [alerts[n].shop for n in ratios] == ["a", "hot"]
    assert alerts[ratios[0] + 1].shop == "hot", "the small shop waited for the other one's orders"
    assert {alert.data.rule for alert in alerts[ratios[1] :]} == {"joom.share", "joom.marks"}


def test_one_shops_judges_are_asked_in_slices_too():
    made = engine(FULL, placed(), placed("2"), placed("3"), stepping=False)
    slices = 1
    while not made.advance(ms("80h"), limit=1):
        slices += 1
    assert slices >= 4
    rules = [alert.data.rule for alert in drained(made)]
    assert rules[-2:] == ["joom.share", "joom.marks"]


def test_the_clock_of_event_time_stands_still_until_all_of_an_instant_is_judged():
    made = Engine(LATE, stepping=True)
    apply(made, *(placed(f"{n}") for n in range(20)), placed("later", "1h"))
    made.advance(ms("1h"))
    clocks = []
    while not made.advance(ms("900h"), limit=6):
        clocks.append(made.clock_ms - ms("0h"))
    assert clocks == [72 * HOUR_MS] * 3


@pytest.mark.parametrize("stepping", [True, False])
def test_one_rules_subjects_are_looked_at_in_slices_and_told_as_in_one_go(stepping):
    whole, sliced = [
        engine(
            RULES["joom"],
            *(event("stock.level", None, sku=f"S{n}", on_hand=n % 2) for n in range(40)),
            placed(shop="small"),
            stepping=stepping,
        )
        for _ in range(2)
    ]
    assert whole.advance(ms("2h"))
    slices = 1
    while not sliced.advance(ms("2h"), limit=10):
        slices += 1
    assert slices >= 4
    alerts = drained(whole)
    assert len(alerts) == 20
    assert drained(sliced) == alerts
