"""A shop that gets other rules has all its orders loaded for it: a few at a time, while everything else goes on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.engine import intake
from rules.plan.shop_plan import Plan
from tests.rules.engine.test_eviction import Forgetful, at_once, counts_of, in_memory, orders_of, restarted
from tests.rules.engine.test_periods_on_disk import Counted
from tests.rules.engine.test_shop_properties import RULES, computed_of, fewer, words_of
from tests.rules.histories import END_MS, Worker, open_alerts
from tests.rules.history import TimedEvent, book, event, ms, placed, rule, scanned, shipped
from tests.rules.made_up_rules import order_lives
from tests.rules.shop_histories import shop_commit_cycles

__all__ = ["at_once"]

SHOP = {"platform": "shopee", "shop": "large"}
SHOPEE = RULES["shopee"]
STEP = intake.LOADED_AT_ONCE


def profile(at: str, site: str = "TW") -> TimedEvent:
    return event("shop.profile", None, at, **SHOP, site=site)


def finished(orders: int) -> tuple[Forgetful, Counted]:
    """A worker with a shop whose orders were all shipped in time and have left memory."""
    worker = Forgetful(SHOPEE, stepping=False)
    names = [f"{n:05}" for n in range(orders)]
    worker.commit_cycle([profile("0h", "SG"), *(placed(each, **SHOP) for each in names)], ms("1h"))
    worker.commit_cycle([shipped(each, "5h", **SHOP) for each in names], ms("6h"))
    worker.commit_cycle([], ms("400h"))
    assert in_memory(worker) == set() and len(worker.engine.ledger) == orders
    store = worker.engine.ledger.store = Counted(worker)
    return worker, store


def plan_of(worker: Worker) -> Plan:
    return worker.engine.shops["shopee", "large"].plan


def looked_at(worker: Worker, store: Counted, at: str, *events: TimedEvent) -> int:
    """How many orders are read in a commit cycle."""
    before = len(store.read)
    worker.commit_cycle(events, ms(at))
    return len(store.read) - before


@pytest.mark.usefixtures("at_once")
def test_ten_thousand_orders_are_loaded_a_few_at_a_time_and_an_alert_that_is_due_waits_for_none() -> None:
    worker, store = finished(10_000)
    plan = plan_of(worker)
    due = placed("due", "0h", shop="small", platform="shopee")
    looked = [looked_at(worker, store, "401h", profile("400h"), due)]
    assert "due" in [alert.order for alert in worker.alerts]
    while worker.engine.is_loading:
        assert plan_of(worker) is plan
        looked.append(looked_at(worker, store, f"{401 + len(looked)}h"))
    assert 0 < max(looked) <= 2 * STEP, "once when the profile comes, once in the cycle's slice"
    assert sum(looked) == 10_000
    assert plan_of(worker) is not plan
    worker.commit_cycle([], ms("700h"))
    assert "due" in in_memory(worker) and len(worker.engine.ledger) == 10_000, "they leave again"


@pytest.fixture
def in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LOADED_AT_ONCE", 2)


@pytest.mark.usefixtures("at_once", "in_steps")
def test_none_leaves_again_before_all_are_there() -> None:
    worker, _ = finished(20)
    worker.commit_cycle([profile("400h")], ms("401h"))
    for n in range(8):
        assert worker.engine.is_loading
        worker.commit_cycle([scanned(f"{n:05}", "401h", **SHOP)], ms("402h") + n)
        assert {f"{each:05}" for each in range(n + 1)} <= in_memory(worker)


@pytest.mark.usefixtures("at_once", "in_steps")
def test_a_plan_that_came_and_went_before_a_restart_is_waited_for_no_longer() -> None:
    worker, _ = finished(20)
    plan, other = plan_of(worker), Worker(SHOPEE, stepping=False)
    other.commit_cycle([profile("400h")], ms("400h"))
    [(key, raw)] = [(key, raw) for key, raw in other.facts.items() if b"shop.profile" in key]
    worker.partition.restore_fact(key, raw)  # the end of a changelog that is read after a local copy
    assert worker.engine.is_loading
    worker.partition.restore_fact(key, None)  # it was overtaken
    assert plan_of(worker) is plan
    assert not worker.engine.is_loading
    worker.commit_cycle([], ms("800h"))
    assert in_memory(worker) == set(), "they leave again"


def with_results() -> Forgetful:
    """A worker with a shop that has results of two periods: one is past retention, so none of its orders is left; the
    orders of the other have left memory."""
    worker = Forgetful(SHOPEE, stepping=False)
    worker.commit_cycle([profile("0h", "SG")], ms("0h"))
    for placed_h, shipped_h in (1, 200), (7000, 7002):
        names = [f"{placed_h}-{n}" for n in range(20)]
        worker.commit_cycle([placed(each, f"{placed_h}h", **SHOP) for each in names], ms(f"{placed_h + 1}h"))
        worker.commit_cycle([shipped(each, f"{shipped_h}h", **SHOP) for each in names], ms(f"{shipped_h + 8}h"))
        for days in range(5, 290 if placed_h == 1 else 15, 5):
            worker.commit_cycle([], ms(f"{placed_h}h") + days * DAY_MS)
    assert in_memory(worker) == set() and len(worker.engine.ledger) == 20
    assert len(computed_of(worker.engine)["large", "shopee.late_rate"]) == 2
    return worker


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("sites", [{0: "TH"}, {0: "TH", 2: "SG"}, {0: "TH", 2: "TW"}], ids=["other", "back", "third"])
@pytest.mark.parametrize("restart", [0, 1, 5])
def test_a_restart_meanwhile_leaves_results_at_the_boundaries_of_the_new_plan_alone(
    sites: dict[int, str], restart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for step, restarts in (STEP, False), (2, False), (2, True):
        monkeypatch.setattr(intake, "LOADED_AT_ONCE", step)
        worker = with_results()
        before = computed_of(worker.engine)
        for day in range(30):
            at = f"{24 * (302 + day)}h"  # on day 3 is a boundary: in another zone at another hour
            events = [profile(at, sites[day])] if day in sites else []
            worker.commit_cycle([*events, placed(f"day {day}", at, **SHOP)], ms(at))
            if restarts and day == restart:
                assert worker.engine.is_loading
                worker = restarted(worker)
        assert not worker.engine.is_loading
        computed = computed_of(worker.engine)
        assert computed == computed_of(restarted(worker).engine), "so they are saved"
        results, schedule = computed["large", "shopee.late_rate"], plan_of(worker).schedule_of["shopee.late_rate"]
        assert all(schedule.has(boundary_ms) for boundary_ms in results)
        expired_ms = min(before["large", "shopee.late_rate"])
        assert results[schedule.nearest(expired_ms)] == before["large", "shopee.late_rate"][expired_ms]
        found.append((computed, open_alerts(worker.alerts), worker.kept()))
    assert found[0] == found[1] == found[2]


@pytest.mark.usefixtures("at_once", "in_steps")
def test_a_clock_that_is_set_back_meanwhile_has_none_loaded_for_it() -> None:
    worker, store = finished(20)
    plan = plan_of(worker)
    looked = [looked_at(worker, store, "401h", profile("400h"))]
    worker.engine.set_back(ms("100h"))
    while worker.engine.is_loading:
        looked.append(looked_at(worker, store, "101h"))
    assert max(looked) <= 4 and sum(looked) == 20
    assert plan_of(worker) is not plan


@pytest.mark.usefixtures("at_once", "in_steps")
def test_sales_are_counted_once_all_orders_are_there() -> None:
    cover = book(rule("level", "cover", of="stock_cover", velocity="7d", near=7, below=3))
    worker, names = Forgetful(cover, stepping=False), [f"{n:05}" for n in range(20)]
    worker.commit_cycle([placed(each, "300h", items=[{"sku": "A", "qty": 1}]) for each in names], ms("301h"))
    worker.commit_cycle([shipped(each, "305h") for each in names], ms("350h"))
    assert in_memory(worker) == set()
    store = worker.engine.ledger.store = Counted(worker)
    shop = worker.engine.shops["joom", "s1"]
    stock = event("stock.level", None, "350h", sku="A", on_hand=1)
    looked = [looked_at(worker, store, "351h", stock)]
    while worker.engine.is_loading:
        assert not shop.sales.counting and not worker.alerts
        looked.append(looked_at(worker, store, "351h"))
    assert max(looked) <= 4 and sum(looked) == 20
    worker.commit_cycle([], ms("351h"))
    assert [sum(days.values()) for days in shop.sales.by_sku.values()] == [20]
    assert worker.alerts, "the stock is short at the pace of these sales"


def outcome_of(worker: Worker) -> tuple[Any, ...]:
    engine = worker.engine
    orders = orders_of(engine)
    return open_alerts(worker.alerts), words_of(engine), computed_of(engine), counts_of(engine), orders, worker.kept()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("platform", ["joom", "ozon", "shopee", "tiktok"])
@given(st.booleans(), st.integers(1, 2), st.data())
@fewer
def test_steps_lead_to_what_loading_at_once_leads_to(
    platform: str, stepping: bool, at_once: int, data: st.DataObject
) -> None:
    lived = data.draw(shop_commit_cycles(platform) | order_lives(platform))
    whole, steps = Forgetful(RULES[platform], stepping), Forgetful(RULES[platform], stepping)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(intake, "LOADED_AT_ONCE", at_once)
        for events, to_ms in lived:
            steps.commit_cycle(events, to_ms)
        while steps.engine.is_loading:
            steps.commit_cycle([], steps.engine.clock_ms)
    for events, to_ms in lived:
        whole.commit_cycle(events, to_ms)
    for worker in (whole, steps):
        worker.commit_cycle([], END_MS + DAY_MS)
    assert outcome_of(whole) == outcome_of(steps)


def compacted(worker: Forgetful) -> Forgetful:
    """Restarted from a changelog that doesn't say any more what was deleted."""
    other = Forgetful(SHOPEE, stepping=False)
    other.alerts, other.clock_ms = worker.alerts, worker.clock_ms
    other.facts = {key: raw for key, raw in worker.facts.items() if raw is not None}
    return restarted(other)


def test_a_period_is_not_computed_again_from_the_few_orders_that_are_left_of_it() -> None:
    worker = Forgetful(SHOPEE, stepping=False)
    worker.commit_cycle([profile("0h", "SG")], ms("0h"))
    names = [f"{n}" for n in range(20)]
    worker.commit_cycle([placed(each, "1h", **SHOP) for each in [*names, "open"]], ms("2h"))
    worker.commit_cycle([shipped(each, "200h", **SHOP) for each in names], ms("208h"))
    for days in range(5, 290, 5):
        worker.commit_cycle([], ms("1h") + days * DAY_MS)
    assert set(worker.engine.shops["shopee", "large"].orders) == {"open"}
    assert len(computed_of(worker.engine)) == 2
    before = computed_of(worker.engine)["large", "shopee.late_rate"]
    worker.commit_cycle([profile("6960h", "TH")], ms("6961h"))  # where each week begins an hour later
    after = {boundary_ms + HOUR_MS: found for boundary_ms, found in before.items()}
    assert computed_of(compacted(worker).engine) == computed_of(worker.engine)
    assert computed_of(worker.engine)["large", "shopee.late_rate"] == after
