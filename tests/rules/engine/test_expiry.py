"""Expired orders are looked for a few at a time, in memory and on the disk, while everything else goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS
from rules.engine import retention
from rules.state import order_ledger
from tests.rules.engine.test_eviction import Forgetful, at_once, counts_of
from tests.rules.engine.test_periods_on_disk import WEEKLY
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, computed_of, fewer
from tests.rules.engines import FULL
from tests.rules.histories import END_MS, Worker
from tests.rules.history import TimedEvent, ms, placed, scanned, shipped
from tests.rules.made_up_rules import order_lives
from tests.rules.shop_histories import shop_commit_cycles

__all__ = ["at_once"]

MANY = 50
STEP = 10
LATER = "3000h"


@pytest.fixture
def in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", STEP)


def finished(on_disk: bool) -> Forgetful:
    """A worker with two shops whose orders were all shipped in time long ago."""
    worker = Forgetful(FULL, stepping=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retention, "AT_ONCE", 2 * MANY)
        patched.setattr(order_ledger, "SILENT_MS", 0 if on_disk else 1_000 * DAY_MS)
        names = [f"{n:02}" for n in range(MANY)]
        for shop in "ab":
            worker.commit_cycle([placed(each, shop=shop) for each in names], ms("1h"))
            worker.commit_cycle([shipped(each, "5h", shop=shop) for each in names], ms("6h"))
        worker.commit_cycle([], ms("80h"))
    assert len(worker.engine.ledger) == (2 * MANY if on_disk else 0)
    return worker


def step(worker: Worker, at: str, *events: TimedEvent) -> list[bytes]:
    """The orders that expire in one commit cycle."""
    before = set(worker.kept())
    worker.commit_cycle(events, ms(at))
    return sorted(before - set(worker.kept()))


@pytest.mark.usefixtures("in_steps")
@pytest.mark.parametrize("on_disk", [True, False])
def test_each_step_looks_at_so_many_and_an_alert_that_is_due_waits_for_none(on_disk: bool) -> None:
    worker = finished(on_disk)
    gone = [step(worker, LATER, placed("due", "2928h", shop="c"))]
    assert "due" in [alert.order for alert in worker.alerts]
    while sum(map(len, gone)) < 2 * MANY:
        gone.append(step(worker, LATER))
        assert len(gone) < 2 * (2 * MANY) // STEP
    assert all(len(each) <= STEP for each in gone)
    assert worker.engine.order_count == 1
    assert step(worker, LATER) == []


@pytest.mark.usefixtures("in_steps")
@pytest.mark.parametrize("on_disk", [True, False])
def test_an_order_of_which_news_comes_meanwhile_stays(on_disk: bool) -> None:
    worker = finished(on_disk)
    gone = step(worker, LATER)
    gone += step(worker, LATER, scanned("27", LATER, shop="b"))
    for _ in range(2 * (2 * MANY) // STEP):
        gone += step(worker, LATER)
    assert len(gone) == len(set(gone)) == 2 * MANY - 1
    (kept,) = [each for each in worker.engine.shops["joom", "b"].every_order() if each is not None]
    assert kept.id == "27" and kept.facts.placed is not None


@pytest.mark.usefixtures("in_steps")
def test_orders_that_are_encoded_meanwhile_expire_all_the_same() -> None:
    worker = finished(on_disk=False)
    gone = step(worker, LATER)
    worker.engine.settle()
    worker.engine.encode_quiet()
    for _ in range(2 * (2 * MANY) // STEP):
        gone += step(worker, LATER)
    assert len(gone) == 2 * MANY


@pytest.mark.usefixtures("in_steps")
def test_none_expires_any_more_once_the_clock_was_set_back() -> None:
    worker = finished(on_disk=True)
    assert step(worker, LATER)
    worker.engine.set_back(ms("100h"))
    assert [step(worker, f"{100 + n}h") for n in range(30)] == [[]] * 30


def test_orders_that_have_expired_stay_gone_for_periods_once_the_clock_was_set_back() -> None:
    """A period that some orders have left must not be computed from the others, whatever the clock says now."""
    worker = finished(on_disk=False)
    while step(worker, LATER):
        pass
    worker.engine.set_back(ms("100h"))
    worker.commit_cycle([], ms("100h") + retention.EXPIRE_EVERY_MS)
    assert worker.engine.shops["joom", "a"].retained_from_ms == ms("100h")


def test_what_comes_after_the_clock_was_set_back_is_computed_at_its_boundaries() -> None:
    worker = Worker(WEEKLY, stepping=False)
    worker.commit_cycle([placed("gone", "30h"), shipped("gone", "40h")], ms("120h"))
    for days in (400, 401):
        worker.commit_cycle([], ms("120h") + days * DAY_MS)
    assert worker.engine.order_count == 0
    worker.engine.set_back(ms("121h"))
    worker.commit_cycle([placed("new", "400h"), shipped("new", "401h")], ms("410h"))
    worker.commit_cycle([], ms("500h"))
    totals = {at_ms: found.total for at_ms, found in computed_of(worker.engine)["s1", "joom.share"].items() if found}
    assert totals == {ms("96h"): 1, ms("432h"): 1}


@pytest.mark.usefixtures("in_steps")
def test_orders_on_disk_of_a_look_that_was_given_up_expire_later_and_none_is_loaded_before() -> None:
    worker = finished(on_disk=True)
    gone = step(worker, LATER)
    while len(gone) < MANY + STEP:
        gone += step(worker, LATER)
    worker.engine.set_back(ms("100h"))
    on_disk = len(worker.engine.ledger)
    for _ in range(2 * MANY // STEP):
        worker.engine.advance(ms("100h") + retention.EXPIRE_EVERY_MS)
    assert len(worker.engine.ledger) == on_disk == 2 * MANY - len(gone)
    for _ in range(2 * MANY // STEP):
        gone += step(worker, "4000h")
    assert len(gone) == 2 * MANY


@pytest.mark.usefixtures("in_steps")
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_plan_that_keeps_orders_for_longer_holds_at_once(on_disk: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = finished(on_disk)
    assert step(worker, LATER)
    monkeypatch.setattr(worker.engine.shops["joom", "b"].plan, "retain_ms", 1_000 * DAY_MS)
    assert [step(worker, LATER) for _ in range(30)] == [[]] * 30


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.integers(1, 3), st.data())
@fewer
def test_steps_leave_what_one_look_leaves(platform: str, stepping: bool, at_once: int, data: st.DataObject) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    whole, steps = Worker(RULES[platform], stepping), Forgetful(RULES[platform], stepping)
    for events, to_ms in lived:
        for worker in (whole, steps):
            worker.commit_cycle(events, to_ms)
    orders = whole.engine.order_count
    for days in (14, 500, 520):
        whole.commit_cycle([], END_MS + days * DAY_MS)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(retention, "AT_ONCE", at_once)
            for n in range(2 * orders + 2 * len(steps.engine.shops) + 2):
                steps.commit_cycle([], END_MS + days * DAY_MS + n)
    assert whole.kept() == steps.kept()
    assert whole.engine.order_count == steps.engine.order_count
    # But for when the shop was last heard of: of orders that left memory the newest news stays known once that expires.
    assert [each[:-1] for each in counts_of(whole.engine)] == [each[:-1] for each in counts_of(steps.engine)]
