"""Finished orders leave memory: an engine that lets each go as soon as it may says, keeps and computes what one does
that lets none go."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.engine.ceilings import Ceilings
from rules.engine.engine import Engine
from rules.facts.order_facts import Terms
from rules.facts.stored import encode_facts
from rules.messages.bad_events import BadEvent
from rules.plan.rule_book import RuleBook
from rules.reports import find_orders
from rules.reports.last_news import HABIT_MS, SHORTEST_MS, TIMES, last_news
from rules.reports.standing import standings
from rules.state import eviction_queue, order_ledger
from rules.state.shop import Order
from streams.kafka.keys import order_key
from tests.rules.engine.test_properties import DOUYIN, JOB, JOOM, PLAIN, platform_of
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, computed_of, fewer, words_of
from tests.rules.engines import FULL
from tests.rules.histories import Cycle, Worker, apply, assert_well_formed, commit_cycles, in_no_order
from tests.rules.history import TimedEvent, book, cancelled, event, late_ship, ms, placed, rule, scanned, shipped
from tests.rules.made_up_rules import books, order_lives
from tests.rules.shop_histories import END_MS, shop_commit_cycles

AFTERWARDS: list[Cycle] = [([], END_MS + days * DAY_MS) for days in (0, 14, 500, 520)]
"""Past each window, so that orders expire."""


class Changelog:
    """The orders in a worker's changelog, as its local copy has them."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    takes_more = True

    def get(self, platform: str, shop: str, order: str) -> bytes | None:
        return self._worker.facts.get(order_key(platform, shop, order))

    def of_shop(self, platform: str, shop: str) -> Iterator[tuple[str, bytes]]:
        for key, raw in list(self._worker.facts.items()):
            match orjson.loads(key):
                case [str(of), str(name), str(order)] if (of, name) == (platform, shop) and raw is not None:
                    yield order, raw

    def came_back(self, platform: str, shop: str, order: str) -> None:
        """No checkpoint counts any."""

    def distrust_checkpoint(self, platform: str, shop: str) -> None:
        """There is none."""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders leave as soon as they are finished, silent or not."""
    monkeypatch.setattr(order_ledger, "SILENT_MS", 0)
    monkeypatch.setattr(eviction_queue, "HOUR_MS", 1)


leaving_at_once = pytest.mark.usefixtures("at_once")


_Worker = TypeVar("_Worker", bound=Worker)


class Forgetful(Worker):
    """A worker whose finished orders leave memory after each commit cycle."""

    def __init__(self, rules: RuleBook, stepping: bool) -> None:
        super().__init__(rules, stepping)
        self.engine.ledger.store = Changelog(self)

    def write(self) -> None:
        super().write()
        self.engine.evict()


def orders_of(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    """Every slot of every order, after those that have left are loaded, and those that are encoded decoded. (`last_ms`
    as after a restart: news that its facts don't keep counts only until then.)"""
    found = {}
    for shop in engine.shops.values():
        for order in engine.load_all(shop):
            slots = {name: getattr(order, name) for name in Order.__slots__ if name not in ("shop", "last_ms")}
            found[shop.key, order.id] = slots | {"facts": encode_facts(order.facts)}
            assert order.last_ms >= order.facts.last_at_ms()
    return found


def counts_of(engine: Engine) -> list[Any]:
    """What the shops count of their orders."""
    return [
        (
            shop.key,
            [buckets.by_day for buckets in shop.buckets],
            [{day: {*orders} for day, orders in counter.bad.items()} for counter in shop.counters],
            [timeline.by_order for timeline in shop.timelines],
            shop.tracking_numbers.reuses.by_order,
            shop.sales.by_sku,
            shop.emitted.open_total,
            last_news(shop),
        )
        for shop in engine.shops.values()
    ]


def state_of(engine: Engine) -> tuple[Any, ...]:
    return words_of(engine), computed_of(engine), standings(engine), counts_of(engine), engine.order_count


def assert_nothing_differs(rules: RuleBook, stepping: bool, lived: list[Cycle], restarts: Iterable[int] = ()) -> None:
    keeps, evicts = Worker(rules, stepping), Forgetful(rules, stepping)
    for n, (events, to_ms) in enumerate([*lived, *AFTERWARDS]):
        if n in restarts:
            keeps, evicts = restarted(keeps), restarted(evicts)
        for worker in (keeps, evicts):
            worker.commit_cycle(events, to_ms)
        assert in_no_order(keeps.alerts) == in_no_order(evicts.alerts)
        assert keeps.kept() == evicts.kept()
        assert state_of(keeps.engine) == state_of(evicts.engine)
    assert_well_formed(evicts.alerts)
    assert orders_of(keeps.engine) == orders_of(evicts.engine)
    assert state_of(keeps.engine) == state_of(evicts.engine)


def restarted(worker: _Worker) -> _Worker:
    other = worker.restarted(worker.alerts)
    other.engine.settle()
    other.write()
    return other


@leaving_at_once
@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.data())
@fewer
def test_nothing_differs_by_every_built_in_pack(platform: str, stepping: bool, data: st.DataObject) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    restarts = data.draw(st.sets(st.integers(1, len(lived)), max_size=2))
    assert_nothing_differs(RULES[platform], stepping, lived, restarts)


@leaving_at_once
@given(st.sampled_from([JOB, JOOM, DOUYIN, PLAIN]), st.booleans(), st.data())
def test_nothing_differs_of_orders_with_more_than_the_plain_case(
    rules: RuleBook, stepping: bool, data: st.DataObject
) -> None:
    lived = data.draw(commit_cycles(platform_of(rules)))
    assert_nothing_differs(rules, stepping, lived, data.draw(st.sets(st.integers(1, len(lived)), max_size=2)))


@leaving_at_once
@given(books(), st.booleans(), order_lives())
@fewer
def test_nothing_differs_by_rules_made_up_at_random(rules: RuleBook, stepping: bool, lived: list[Cycle]) -> None:
    assert_nothing_differs(rules, stepping, lived)


# -- what leaves, and when -----------------------------------------------------------------------------------


def forgetful(rules: RuleBook, *cycles: tuple[list[TimedEvent], str]) -> Forgetful:
    worker = Forgetful(rules, stepping=False)
    for events, at in cycles:
        worker.commit_cycle(events, ms(at))
    return worker


def in_memory(worker: Worker) -> set[str]:
    return {order for shop in worker.engine.shops.values() for order in shop.orders}


SHIPPED_IN_TIME = [placed("1"), shipped("1", "5h"), placed("2"), shipped("2", "6h")]


def test_an_order_leaves_once_no_timer_waits_and_it_has_been_silent_for_three_days() -> None:
    worker = forgetful(FULL, (SHIPPED_IN_TIME, "50h"), ([scanned("2", "70h")], "76h"))
    assert in_memory(worker) == {"1", "2"}
    worker.commit_cycle([], ms("80h"))
    assert in_memory(worker) == {"2"}, "of the other something was heard since"
    assert worker.engine.order_count == 2
    worker.commit_cycle([], ms("145h"))
    assert in_memory(worker) == set()


def test_an_order_that_waits_for_something_stays_however_long() -> None:
    events = [placed("late"), placed("free", platform="nowhere"), placed("later", ship_by=ms("900h"))]
    worker = forgetful(FULL, (events, "1h"), ([], "400h"), ([], "600h"))
    assert in_memory(worker) == {"late", "free", "later"}


@leaving_at_once
def test_an_order_that_is_not_saved_yet_stays_until_it_is() -> None:
    worker = forgetful(FULL, (SHIPPED_IN_TIME, "100h"))
    worker.engine.order(worker.engine.shops["joom", "s1"], "1")
    apply(worker.engine, [scanned("1", "90h")])
    worker.engine.advance(ms("101h"))
    assert worker.engine.evict() == 0
    worker.write()
    worker.commit_cycle([], ms("172h"))
    assert in_memory(worker) == set()


@leaving_at_once
def test_an_order_comes_back_with_what_was_emitted_of_it() -> None:
    worker = forgetful(book(late_ship()), ([placed("1")], "75h"), ([cancelled("1", "80h")], "100h"))
    assert in_memory(worker) == set()
    worker.commit_cycle([event("order.reopened", "1", "101h")], ms("102h"))
    assert [(alert.data.state, alert.data.revision) for alert in worker.alerts] == [
        ("open", 1),
        ("resolved", 2),
        ("open", 3),
    ]
    worker.commit_cycle([], ms("103h"))
    assert in_memory(worker) == {"1"}, "its alert is open"


@leaving_at_once
def test_a_clock_that_is_set_back_has_no_order_come_back_for_it() -> None:
    worker = forgetful(FULL, (SHIPPED_IN_TIME, "100h"))
    worker.engine.set_back(ms("50h"))
    assert in_memory(worker) == set()


@leaving_at_once
def test_an_order_comes_back_as_it_was_counted_also_if_the_clock_was_set_back_since() -> None:
    keeps, evicts = Worker(FULL, stepping=False), Forgetful(FULL, stepping=False)
    for worker in (keeps, evicts):
        worker.commit_cycle([placed("late"), shipped("late", "80h")], ms("100h"))
        worker.engine.set_back(ms("50h"))
        apply(worker.engine, [scanned("late", "49h")])
    assert orders_of(keeps.engine) == orders_of(evicts.engine)
    assert all(slots["missed"] for slots in orders_of(evicts.engine).values())


@leaving_at_once
@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.data())
@fewer
def test_no_alert_differs_where_the_clock_is_set_back(platform: str, stepping: bool, data: st.DataObject) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    set_back_h = data.draw(st.dictionaries(st.integers(0, len(lived)), st.integers(1, 300), max_size=2))
    keeps, evicts = Worker(RULES[platform], stepping), Forgetful(RULES[platform], stepping)
    for n, (events, to_ms) in enumerate([*lived, *AFTERWARDS]):
        for worker in (keeps, evicts):
            worker.commit_cycle(events, to_ms)
            if n in set_back_h:
                worker.set_back(set_back_h[n] * HOUR_MS)
        assert in_no_order(keeps.alerts) == in_no_order(evicts.alerts)
        assert keeps.kept() == evicts.kept()
    assert state_of(keeps.engine) == state_of(evicts.engine), "long after the wrong time"
    assert orders_of(keeps.engine) == orders_of(evicts.engine)


@leaving_at_once
def test_nothing_leaves_while_the_store_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Changelog, "takes_more", False)
    worker = forgetful(FULL, (SHIPPED_IN_TIME, "100h"))
    assert in_memory(worker) == {"1", "2"}
    monkeypatch.setattr(Changelog, "takes_more", True)
    worker.commit_cycle([], ms("125h"))
    assert in_memory(worker) == set()


@leaving_at_once
def test_no_more_orders_are_looked_at_than_asked_for() -> None:
    worker = Worker(FULL, stepping=False)
    worker.engine.ledger.store = Changelog(worker)
    worker.commit_cycle(SHIPPED_IN_TIME, ms("100h"))
    assert [worker.engine.evict(limit=1) for _ in range(3)] == [1, 1, 0]
    assert len(worker.engine.ledger) == 2


@leaving_at_once
def test_a_search_can_rest_also_while_it_passes_over_what_is_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_orders, "STRETCH", 1)
    worker = forgetful(FULL, ([*SHIPPED_IN_TIME, placed("open", "90h")], "100h"))
    assert in_memory(worker) == {"open"}
    rests = list(find_orders.Search("unknown").work(worker.engine.shops.values()))
    assert len(rests) == 1 + 3, "the one in memory, and all three on the disk"


@leaving_at_once
def test_an_order_is_no_new_one_for_having_left() -> None:
    worker = Forgetful(FULL, stepping=False)
    worker.engine.ceilings = Ceilings(orders=2)
    worker.commit_cycle(SHIPPED_IN_TIME, ms("100h"))
    assert in_memory(worker) == set()
    worker.engine.apply(*scanned("1", "90h"))
    with pytest.raises(BadEvent, match="MAX_ORDERS"):
        worker.engine.apply(*scanned("3", "90h"))


@leaving_at_once
def test_of_a_bad_order_that_has_left_memory_only_what_it_comes_to_and_its_end_are_kept() -> None:
    terms: dict[str, Any] = {"amount": "12.50", "currency": "USD", "items": [{"sku": "A1"}]}
    ended = cancelled("1", "80h", by="seller", reason="stock")
    by_seller = rule(
        "ratio", "by_seller", numerator={"has": "cancelled", "by": ["seller"]}, window={"length": "30d"}, threshold="5%"
    )
    worker = forgetful(book(by_seller), ([placed("1", **terms), ended], "100h"))
    assert in_memory(worker) == set()
    [counter] = worker.engine.shops["joom", "s1"].counters
    [facts] = [facts for orders in counter.bad.values() for facts in orders.values()]
    assert facts.terms == Terms("12.50", "USD")
    assert facts.cancelled == (ms("80h"), "", "")
    assert facts.cancelled_for == "stock"
    assert facts.placed is None
    apply(worker.engine, [scanned("1", "101h")])
    [facts] = [facts for orders in counter.bad.values() for facts in orders.values()]
    assert facts.placed is not None, "it came back"


@leaving_at_once
def test_bad_orders_that_come_to_as_much_and_have_left_memory_have_one_object_for_it() -> None:
    lost = rule("ratio", "lost", numerator={"has": "cancelled"}, window={"length": "30d"}, threshold="5%")
    orders = [placed(each, amount="12.50", currency="USD") for each in "12"]
    worker = forgetful(book(lost), ([*orders, cancelled("1", "80h"), cancelled("2", "81h")], "100h"))
    assert in_memory(worker) == set()
    [counter] = worker.engine.shops["joom", "s1"].counters
    first, second = (facts.terms for orders in counter.bad.values() for facts in orders.values())
    assert first is second


def test_a_shop_is_silent_by_all_its_orders_in_memory_or_not() -> None:
    assert order_ledger.NEWEST_KEPT * SHORTEST_MS >= TIMES * HABIT_MS
