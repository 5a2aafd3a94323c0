"""Ratios computed at boundaries while most orders have left memory: none of them is read again for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.facts.merge import as_of
from rules.kinds.ratio import periodic
from rules.kinds.ratio.compiled import Count
from rules.kinds.ratio.periodic import Boundary
from rules.state.shop import Order
from tests.rules.engine.test_eviction import Changelog, Forgetful, at_once, in_memory
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, computed_of, fewer
from tests.rules.histories import Worker
from tests.rules.history import TimedEvent, book, cancelled, event, late_ship, ms, placed, rule, shipped
from tests.rules.made_up_rules import books, order_lives
from tests.rules.shop_histories import shop_commit_cycles

__all__ = ["at_once"]

RULES_OF_A_WEEK = (
    late_ship(),
    rule(
        "ratio",
        "share",
        numerator={"any": [{"late": "joom.late"}, {"has": "cancelled", "by": ["seller"]}]},
        window={"length": "7d", "lag": "1d"},
        every="week",
        threshold="20%",
        near="10%",
    ),
)
WEEKLY = book(*RULES_OF_A_WEEK)
ORDERS = 40


class Counted(Changelog):
    """Counts which orders are read."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker)
        self.read: list[str] = []

    def get(self, platform: str, shop: str, order: str) -> bytes | None:
        self.read.append(order)
        return super().get(platform, shop, order)

    def of_shop(self, platform: str, shop: str) -> Any:
        for order, raw in super().of_shop(platform, shop):
            self.read.append(order)
            yield order, raw


def forgetful(stepping: bool) -> tuple[Forgetful, Counted]:
    worker = Forgetful(WEEKLY, stepping)
    store = worker.engine.ledger.store = Counted(worker)
    return worker, store


def some(at: str, late: str) -> list[TimedEvent]:
    """Orders of one day; every eighth is shipped late."""
    names = [f"{at}-{n}" for n in range(ORDERS)]
    return [placed(each, at) for each in names] + [shipped(each, at if n % 8 else late) for n, each in enumerate(names)]


@pytest.mark.parametrize("stepping", [True, False])
def test_a_boundary_reads_no_order_and_late_news_only_its_own(stepping: bool) -> None:
    worker, store = forgetful(stepping)
    keeps = Worker(WEEKLY, stepping)
    cycles = [(some("30h", "110h"), "120h"), ([], "200h"), ([], "270h"), (some("280h", "360h"), "380h"), ([], "470h")]
    for events, at in cycles:
        for each in (worker, keeps):
            each.commit_cycle(events, ms(at))
    assert in_memory(worker) == set()
    assert store.read == []
    late = [cancelled("30h-7", "31h", by="seller")]
    for each in (worker, keeps):
        each.commit_cycle(late, ms("471h"))
    assert store.read == ["30h-7"]
    assert computed_of(worker.engine) == computed_of(keeps.engine)
    assert computed_of(worker.engine)["s1", "joom.share"][ms("96h")].bad == 1, "the late news changes what was computed"


def count_all(shop: Any, at: Boundary) -> Count:
    """The count at a boundary, from all orders' facts as of then."""
    boundary, ratio, period = at
    count = Count(period)
    for order in filter(None, shop.every_order()):
        facts = as_of(order.facts, boundary)
        count.add(ratio.part(facts, *shop.plan.evaluate_timers(facts, boundary, ratio.bits)), 1)
    return count


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("platform", [*PLATFORMS, "made up"])
@given(st.booleans(), st.data())
@fewer
def test_what_is_adjusted_is_what_counting_all_orders_anew_brings(
    platform: str, stepping: bool, data: st.DataObject
) -> None:
    if platform == "made up":
        rules, lived = data.draw(books()), data.draw(order_lives())
    else:
        rules, lived = RULES[platform], data.draw(order_lives(platform) | shop_commit_cycles(platform))
    adjusts, counts = Forgetful(rules, stepping), Forgetful(rules, stepping)
    for events, to_ms in lived:
        adjusts.commit_cycle(events, to_ms)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(
                periodic, "_counted_then", lambda shop, past: {each: count_all(shop, each) for each in past}
            )
            patched.setattr(periodic, "_counted_again", lambda shop, _, boundary: count_all(shop, boundary))
            counts.commit_cycle(events, to_ms)
        assert computed_of(adjusts.engine) == computed_of(counts.engine)


@pytest.mark.parametrize("stepping", [True, False])
def test_another_plan_looks_at_each_order_once_for_all_boundaries(
    stepping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(book(*RULES_OF_A_WEEK, sites={"ID": {"zone": "Asia/Jakarta"}}), stepping)
    weeks = [f"{each * 168}h" for each in range(5)]
    for at in weeks:
        worker.commit_cycle(some(at, f"{int(at[:-1]) + 80}h"), ms(at))
    worker.commit_cycle([], ms("850h"))
    before = computed_of(worker.engine)["s1", "joom.share"]
    looked_at = list[str]()

    def decoded(order: Order) -> Order:
        looked_at.append(order.id)
        return order

    monkeypatch.setattr(Order, "decoded", decoded)
    worker.commit_cycle([event("shop.profile", at="850h", site="ID")], ms("850h"))
    assert len(looked_at) == len(set(looked_at)) == len(weeks) * ORDERS
    after = computed_of(worker.engine)["s1", "joom.share"]
    assert before.keys().isdisjoint(after), "Monday begins seven hours earlier in Jakarta"
    assert list(after.values()) == list(before.values())
    assert len(after) == len(weeks)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("stepping", [True, False])
def test_no_order_leaves_after_a_restart_before_past_boundaries_are_computed(stepping: bool) -> None:
    worker, _ = forgetful(stepping)
    for events, at in [(some("30h", "110h"), "120h"), (some("280h", "360h"), "380h"), ([], "470h")]:
        worker.commit_cycle(events, ms(at))
    restarted = worker.restarted(worker.alerts)
    store = restarted.engine.ledger.store = Counted(restarted)
    while not restarted.engine.settle(limit=1):
        assert restarted.engine.evict() == 0
    assert computed_of(restarted.engine) == computed_of(worker.engine)
    restarted.commit_cycle([], ms("500h"))
    assert in_memory(restarted) == set()
    assert store.read == []
