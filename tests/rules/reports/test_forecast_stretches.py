"""A forecast worked out in stretches: the same as in one go, and none the worse for what happens meanwhile."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine.engine import Engine
from rules.reports import forecast
from rules.reports.forecast import Outlook, add_forecast, with_forecast
from rules.reports.standing import standing
from rules.state.shop import Shop
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, fewer
from tests.rules.engines import LATE, engine
from tests.rules.histories import apply, facts_of
from tests.rules.history import ms, placed, shipped
from tests.rules.shop_histories import moments_ms, shop_commit_cycles

every_pack = pytest.mark.parametrize("platform", PLATFORMS)


@pytest.fixture(autouse=True, scope="module")
def short_stretches() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecast, "STRETCH", 1)
        yield


def lived(platform: str, data: st.DataObject) -> Engine:
    made = Engine(RULES[platform], stepping=False)
    for events, to_ms in data.draw(shop_commit_cycles(platform)):
        apply(made, events)
        made.advance(to_ms)
    return made


def whole(shop: Shop, at_ms: int) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecast, "STRETCH", 1_000)
        return with_forecast(standing(shop, at_ms), shop, at_ms)


@every_pack
@given(st.data())
@fewer
def test_stretches_of_any_length_come_to_the_same(platform, data):
    made = lived(platform, data)
    for shop in made.shops.values():
        assert with_forecast(standing(shop, made.clock_ms), shop, made.clock_ms) == whole(shop, made.clock_ms)


@every_pack
@given(moments_ms, st.data())
@fewer
def test_whatever_happens_meanwhile_it_comes_to_its_end(platform, to_ms, data):
    made = lived(platform, data)
    outlooks = [Outlook(shop, made.clock_ms) for shop in made.shops.values()]
    stands = [standing(shop, made.clock_ms) for shop in made.shops.values()]
    plans = [shop.plan for shop in made.shops.values()]
    working = [outlook.work() for outlook in outlooks]
    more = [events for events, _ in data.draw(shop_commit_cycles(platform))]
    while working:
        working = [each for each in working if next(each, "done") is None]
        apply(made, more.pop() if more else [])
        made.advance(to_ms)
        if [outlook.shop.plan for outlook in outlooks] != plans:
            return  # the publisher begins such a shop again
    for stand, outlook in zip(stands, outlooks, strict=True):
        found = add_forecast(stand, outlook)
        assert len(found["due"]) == found["due_total"]
        saving_any = [each for each in found["due"] if each["saves"] != {"clauses": []}]
        assert (outlook.saved.as_json() or {"orders": 0})["orders"] == len(saving_any)
        assert {each["order"] for each in found["due"]} <= {order for _, order in facts_of(made)}


def test_it_pauses_after_every_stretch_of_orders():
    made = engine(LATE, *(placed(f"{n}") for n in range(7)))
    made.advance(ms("1h"))
    (shop,) = made.shops.values()
    outlook = Outlook(shop, made.clock_ms)
    assert len(list(outlook.work())) == 7
    assert outlook.due_total == 7


def test_an_order_that_is_shipped_meanwhile_is_not_to_be_shipped_next():
    made = engine(LATE, *(placed(f"{n}") for n in range(3)))
    made.advance(ms("1h"))
    (shop,) = made.shops.values()
    outlook = Outlook(shop, made.clock_ms)
    working = outlook.work()
    next(working)
    apply(made, [shipped("1", "2h")])
    for _ in working:
        pass
    assert ([each["order"] for each in outlook.due], outlook.due_total) == (["0", "2"], 2)
    assert all(each["rules"] for each in outlook.due)


class Counted(str):
    """A place in the list that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    def __lt__(self, other: str) -> bool:
        Counted.comparisons += 1
        return str.__lt__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize(("shown", "at_most"), [(4, 500), (400, 4_000)])
def test_a_turn_at_a_list_takes_few_comparisons_whether_it_is_long_or_short(monkeypatch, shown, at_most):
    monkeypatch.setattr(forecast, "RANKED", 100)
    monkeypatch.setattr(Outlook, "_rank", lambda outlook, order: (Counted(order.id),))
    made = engine(LATE, *(placed(f"{n * 7_919 % 1_000:03}") for n in range(1_000)))
    made.advance(ms("1h"))
    (shop,) = made.shops.values()
    outlook, turns = Outlook(shop, made.clock_ms, shown), list[int]()
    for _ in outlook.find():
        pass
    Counted.comparisons = 0
    for _ in outlook._list():
        turns.append(Counted.comparisons)
        Counted.comparisons = 0
    assert 0 < max(turns) < at_most
    assert [each["order"] for each in outlook.due] == [f"{n:03}" for n in range(shown)]


@every_pack
@given(st.data())
@fewer
def test_a_longer_list_begins_with_the_shorter_one(platform, data):
    made = lived(platform, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecast, "RANKED", 1)
        for shop in made.shops.values():
            assert_the_longer_begins_with_the_shorter(shop, made.clock_ms)


def assert_the_longer_begins_with_the_shorter(shop: Shop, at_ms: int) -> None:
    long, short, alone = Outlook(shop, at_ms, 10_000), Outlook(shop, at_ms, 2), Outlook(shop, at_ms, 10_000)
    for working in (long.work(), short.work(), alone.find()):
        for _ in working:
            pass
    assert (len(long.due), len(long.chase)) == (long.due_total, long.chase_total)
    assert (short.due, short.chase) == (long.due[:2], long.chase[:2])
    assert (short.due_total, short.chase_total) == (long.due_total, long.chase_total)
    assert alone.chase == long.chase
