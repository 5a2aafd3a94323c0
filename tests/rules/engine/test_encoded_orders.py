"""Orders that wait are encoded: an engine that encodes each as soon as it may says, keeps and computes what one does
that encodes none."""

import gc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import NEVER
from rules.engine import quiet_orders
from rules.engine.engine import Engine
from rules.facts.stored import encode_facts
from rules.kinds.ratio.counters import evidence_of
from rules.plan.rule_book import RuleBook
from rules.reports.forecast import with_forecast
from rules.reports.standing import nearest, standing
from rules.state.encoded_order import EncodedOrder, RestoredOrder
from rules.state.order_ledger import OrderLedger
from rules.state.shop import Order
from streams.kafka.keys import order_key
from streams.metrics.shop_stats import WorkerStats, collect
from tests.rules.engine.test_eviction import (
    AFTERWARDS,
    SHIPPED_IN_TIME,
    Forgetful,
    counts_of,
    in_memory,
    orders_of,
    restarted,
    state_of,
)
from tests.rules.engine.test_eviction import at_once as leaving_at_once
from tests.rules.engine.test_periods_on_disk import WEEKLY
from tests.rules.engine.test_properties import DOUYIN, JOB, JOOM, PLAIN, platform_of
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, computed_of, fewer
from tests.rules.engines import FULL
from tests.rules.histories import Cycle, Worker, apply, assert_well_formed, commit_cycles, in_no_order
from tests.rules.history import TimedEvent, book, cancelled, late_ship, ms, placed, refunded, rule, scanned, shipped
from tests.rules.made_up_rules import books, order_lives
from tests.rules.shop_histories import shop_commit_cycles

__all__ = ["leaving_at_once"]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders are encoded whenever nothing is to be done with them in the hour that has begun."""
    monkeypatch.setattr(quiet_orders, "QUIET_MS", 0)


encoding_at_once = pytest.mark.usefixtures("at_once")


class Encodes(Worker):
    """A worker that encodes its orders after each commit cycle."""

    def write(self) -> None:
        super().write()
        self.engine.encode_quiet()


class EncodesAndForgets(Forgetful):
    """The same, and its finished orders leave memory."""

    def write(self) -> None:
        super().write()
        self.engine.encode_quiet()


class Crowded(Forgetful):
    """A worker that always has more orders decoded than it should: those that are over leave memory at once, others
    are encoded."""

    def write(self) -> None:
        Worker.write(self)
        self.engine.encode_quiet(most=0)


def reports_of(engine: Engine) -> list[Any]:
    """What is told of the shops without an event."""
    stats = WorkerStats()
    for _ in collect([engine], {}, stats):
        pass
    return [
        *(with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms) for shop in engine.shops.values()),
        sorted((order.shop.key, order.id, *due) for order, *due in nearest(engine, 100)),
        [shop.open_orders() for shop in engine.shops.values()],
        [
            [
                (day, {order: encode_facts(evidence_of(facts)) for order, facts in counter.bad[day].items()})
                for day in counter.bad
            ]
            for shop in engine.shops.values()
            for counter in shop.counters
        ],
        (stats.open_orders, stats.timers_due, stats.timers_waiting, stats.silent),
    ]


def assert_that_only_orders_in_memory_may_be_encoded(engine: Engine) -> None:
    decoded = engine.ledger.decoded
    assert engine.decoded_orders == len(decoded)
    assert all(order.shop.orders.get(order.id) is order for order in decoded), "nothing else holds those that have left"


def assert_nothing_differs(
    rules: RuleBook, stepping: bool, lived: list[Cycle], restarts: set[int], kind: type[Worker]
) -> None:
    keeps, encodes = Worker(rules, stepping), kind(rules, stepping)
    for n, (events, to_ms) in enumerate([*lived, *AFTERWARDS]):
        if n in restarts:
            keeps, encodes = restarted(keeps), restarted(encodes)
        for worker in (keeps, encodes):
            worker.commit_cycle(events, to_ms)
        assert in_no_order(keeps.alerts) == in_no_order(encodes.alerts)
        assert keeps.kept() == encodes.kept()
        assert state_of(keeps.engine) == state_of(encodes.engine)
        assert reports_of(keeps.engine) == reports_of(encodes.engine)
        assert_that_only_orders_in_memory_may_be_encoded(encodes.engine)
    assert_well_formed(encodes.alerts)
    assert orders_of(keeps.engine) == orders_of(encodes.engine)
    assert state_of(keeps.engine) == state_of(encodes.engine)


workers = st.sampled_from([Encodes, EncodesAndForgets, Crowded])


@encoding_at_once
@pytest.mark.usefixtures("leaving_at_once")
@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), workers, st.data())
@fewer
def test_nothing_differs_by_every_built_in_pack(
    platform: str, stepping: bool, kind: type[Worker], data: st.DataObject
) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    restarts = data.draw(st.sets(st.integers(1, len(lived)), max_size=2))
    assert_nothing_differs(RULES[platform], stepping, lived, restarts, kind)


@encoding_at_once
@given(st.sampled_from([JOB, JOOM, DOUYIN, PLAIN]), st.booleans(), workers, st.data())
def test_nothing_differs_of_orders_with_more_than_the_plain_case(
    rules: RuleBook, stepping: bool, kind: type[Worker], data: st.DataObject
) -> None:
    lived = data.draw(commit_cycles(platform_of(rules)))
    assert_nothing_differs(rules, stepping, lived, data.draw(st.sets(st.integers(1, len(lived)), max_size=2)), kind)


@encoding_at_once
@given(books(), st.booleans(), workers, order_lives())
@fewer
def test_nothing_differs_by_rules_made_up_at_random(
    rules: RuleBook, stepping: bool, kind: type[Worker], lived: list[Cycle]
) -> None:
    assert_nothing_differs(rules, stepping, lived, set(), kind)


# -- which are encoded, and when ------------------------------------------------------------------------------


def encoding_worker(*cycles: tuple[list[TimedEvent], str]) -> Encodes:
    worker = Encodes(FULL, stepping=False)
    for events, at in cycles:
        worker.commit_cycle(events, ms(at))
    return worker


def encoded(worker: Worker) -> set[str]:
    return {
        order.id
        for shop in worker.engine.shops.values()
        for order in shop.orders.values()
        if isinstance(order, EncodedOrder)
    }


def test_an_order_is_encoded_once_nothing_was_heard_of_it_for_an_hour() -> None:
    worker = encoding_worker(([placed("1")], "0h"), ([placed("2", "50m")], "50m"))
    assert encoded(worker) == set()
    worker.commit_cycle([], ms("61m"))
    assert encoded(worker) == {"1"}
    worker.commit_cycle([], ms("2h"))
    assert encoded(worker) == {"1", "2"}


def test_an_order_whose_timer_fires_within_the_hour_is_not_encoded() -> None:
    worker = encoding_worker(([placed("1", ship_by=ms("30h"))], "1h"), ([], "5h"))
    assert encoded(worker) == {"1"}
    order = worker.engine.shops["joom", "s1"].orders["1"]
    next_ms = order.next_eval_ms
    worker.engine.advance(next_ms)
    worker.write()
    assert encoded(worker) == set(), "what it waits for has come, and it has an alert"


def test_an_encoded_order_whose_timer_fires_is_not_taken_to_be_finished_before_it_is_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = encoding_worker(([placed("1")], "1h"), ([], "5h"))
    assert encoded(worker) == {"1"}
    finished: list[str] = []
    monkeypatch.setattr(OrderLedger, "note_finished", lambda ledger, order: finished.append(order.id))
    worker.commit_cycle([], ms("75h"))
    assert any(alert.order == "1" for alert in worker.alerts)
    assert finished == ["1"], "once it had been evaluated, and not when it was decoded"


def test_an_encoded_order_whose_timer_fires_too_early_stays_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = encoding_worker(([placed("1"), shipped("1", "70h")], "1h"), ([], "71h"), ([], "72h"))
    order = worker.engine.shops["joom", "s1"].orders["1"]
    assert isinstance(order, EncodedOrder)
    early_ms = ms("73h")
    order.scheduled_ms = NEVER
    worker.engine.timers.schedule(order, early_ms)
    due_ms = order.next_eval_ms
    monkeypatch.setattr(EncodedOrder, "decoded", None)
    worker.engine.advance(early_ms)
    assert worker.engine.shops["joom", "s1"].orders["1"] is order
    assert order.scheduled_ms == due_ms > early_ms


def test_news_of_a_encoded_order_finds_it_as_it_was() -> None:
    worker = encoding_worker(([placed("1")], "0h"), ([], "2h"), ([shipped("1", "3h")], "3h"))
    assert encoded(worker) == set()
    facts = worker.engine.shops["joom", "s1"].orders["1"].facts
    assert facts.placed is not None
    assert facts.shipped is not None
    worker.commit_cycle([], ms("80h"))
    assert not worker.alerts, "the timer of the order as it was before counts no more"


def test_an_order_that_is_not_saved_yet_is_not_encoded() -> None:
    worker = Worker(FULL, stepping=False)
    apply(worker.engine, [placed("1")])
    worker.engine.advance(ms("2h"))
    worker.engine.encode_quiet()
    assert encoded(worker) == set()
    worker.write()
    worker.engine.encode_quiet()
    assert encoded(worker) == {"1"}


def test_orders_with_alerts_or_more_than_plain_facts_are_not_encoded() -> None:
    two_parcels = [shipped("2", "1h", tracking_no=number) for number in ("P1", "P2")]
    worker = encoding_worker(([placed("1"), placed("2"), *two_parcels, placed("3")], "1h"), ([], "10h"))
    assert encoded(worker) == {"1", "3"}
    worker.commit_cycle([cancelled("3", "75h")], ms("80h"))
    assert any(alert.order == "1" for alert in worker.alerts)
    worker.commit_cycle([], ms("90h"))
    assert "1" not in encoded(worker)


def test_a_silent_order_is_encoded_until_it_leaves_memory_and_not_decoded_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = EncodesAndForgets(FULL, stepping=False)
    for events, at in (([placed("1"), shipped("1", "5h"), scanned("1", "6h", status="delivered")], "6h"), ([], "70h")):
        worker.commit_cycle(events, ms(at))
    assert encoded(worker) == {"1"}
    monkeypatch.delattr(EncodedOrder, "facts")
    worker.commit_cycle([], ms("200h"))
    assert not worker.engine.shops["joom", "s1"].orders
    assert len(worker.engine.ledger) == 1


def test_an_order_that_is_unpacked_by_news_without_a_say_leaves_memory_like_others() -> None:
    worker = EncodesAndForgets(FULL, stepping=False)
    news = scanned("1", "60h", status="in_transit")
    for events, at in ((SHIPPED_IN_TIME, "30h"), ([], "50h"), ([news], "60h"), ([], "100h")):
        worker.commit_cycle(events, ms(at))
    assert encoded(worker) == {"1"}, "of the other nothing was heard"
    worker.commit_cycle([], ms("140h"))
    assert not worker.engine.shops["joom", "s1"].orders


def test_where_a_encoded_order_counts_as_bad_its_facts_are_those_it_has() -> None:
    unshipped = rule("ratio", "unshipped", numerator={"not": "shipped"}, window={"length": "30d"}, threshold="50%")
    worker = Encodes(book(late_ship(), unshipped), stepping=False)
    for events, at in (([placed("1")], "0h"), ([], "2h")):
        worker.commit_cycle(events, ms(at))
    assert encoded(worker) == {"1"}
    worker.commit_cycle([refunded("1", "3h")], ms("3h"))
    shop = worker.engine.shops["joom", "s1"]
    [bad] = [facts for counter in shop.counters for day in counter.bad for facts in counter.bad[day].values()]
    assert bad.refunded is not None


def test_where_too_many_are_decoded_those_decoded_for_longest_are_encoded_though_they_came_just_now() -> None:
    worker = Worker(FULL, stepping=False)
    for n in range(5):
        worker.commit_cycle([placed(str(n))], ms("1m"))
    worker.engine.encode_quiet(most=5)
    assert encoded(worker) == set()
    worker.engine.encode_quiet(limit=3, most=2)
    assert encoded(worker) == {"0", "1", "2"}
    worker.engine.encode_quiet(most=2)
    assert encoded(worker) == {"0", "1", "2"}


def test_where_too_many_are_decoded_those_whose_timers_fire_within_the_hour_stay_up_to_half_as_many_again() -> None:
    worker = Worker(FULL, stepping=False)
    for n in range(5):
        worker.commit_cycle([placed(str(n), "0h")], ms("1m"))
    worker.commit_cycle([placed("new", "47h30m")], ms("47h30m"))
    worker.engine.encode_quiet(most=4)
    assert encoded(worker) == {"new"}
    worker.engine.encode_quiet(most=3)
    assert encoded(worker) == {"new", "0"}


def test_where_some_of_those_due_soon_have_got_their_alerts_the_others_have_room() -> None:
    worker = Worker(FULL, stepping=False)
    worker.commit_cycle([placed("3", "3m"), placed("4", "4m")], ms("5m"))
    worker.commit_cycle([placed("0", "0m"), placed("1", "1m"), placed("2", "2m")], ms("5m"))
    third = worker.engine.shops["joom", "s1"].orders["2"]
    worker.engine.advance(third.next_eval_ms)
    assert worker.engine.decoded_orders == 2
    worker.write()
    worker.engine.encode_quiet(most=2)
    assert encoded(worker) == set()


def test_where_too_many_are_decoded_those_that_are_over_leave_memory_though_they_came_just_now() -> None:
    worker = Crowded(FULL, stepping=False)
    delivered = [placed("1"), shipped("1", "5h"), scanned("1", "80h", status="delivered")]
    on_its_way = [placed("2"), shipped("2", "5h"), scanned("2", "80h", status="in_transit")]
    late = [placed("3"), shipped("3", "90h"), scanned("3", "91h", status="delivered")]
    worker.commit_cycle([*delivered, *on_its_way, *late, cancelled("4", "9h")], ms("92h"))
    assert in_memory(worker) == {"2", "4"}, "more may be heard of the one, and of the other not even the start was"
    assert encoded(worker) == {"2", "4"}
    worker.commit_cycle([scanned("1", "95h")], ms("96h"))
    assert in_memory(worker) == {"2", "4"}, "it has come back for its news, and left again"
    assert worker.engine.order_count == 4


def test_an_order_that_news_has_decoded_is_encoded_after_those_decoded_before() -> None:
    worker = Worker(FULL, stepping=False)
    worker.commit_cycle([placed("1"), placed("2")], ms("1m"))
    worker.engine.encode_quiet(limit=1, most=0)
    worker.commit_cycle([shipped("1", "2m")], ms("2m"))
    worker.engine.encode_quiet(limit=1, most=0)
    assert encoded(worker) == {"2"}


def test_an_order_that_is_not_settled_is_not_encoded_however_many_are_decoded() -> None:
    worker = Worker(FULL, stepping=False)
    apply(worker.engine, [placed("1")])
    worker.engine.encode_quiet(most=0)
    worker.engine.advance(ms("1m"))
    worker.engine.encode_quiet(most=0)
    assert encoded(worker) == set()
    worker.write()
    worker.engine.encode_quiet(most=0)
    assert encoded(worker) == {"1"}


# -- after a restart --------------------------------------------------------------------------------------------


def states_of(worker: Worker) -> list[type]:
    return [type(order) for shop in worker.engine.shops.values() for order in shop.orders.values()]


@pytest.mark.parametrize("rules", [FULL, WEEKLY], ids=["full", "weekly"])
def test_a_restart_holds_no_more_objects_of_orders_than_it_evaluates_at_a_time(rules: RuleBook) -> None:
    worker = Worker(rules, stepping=False)
    worker.commit_cycle([placed(str(n)) for n in range(5)], ms("1m"))
    again = worker.restarted(worker.alerts)
    assert states_of(again) == [RestoredOrder] * 5
    while not again.engine.settle(limit=2):
        assert {*states_of(again)} <= {RestoredOrder, EncodedOrder}
    assert states_of(again) == [EncodedOrder] * 5
    assert computed_of(again.engine) == computed_of(worker.engine)
    again.commit_cycle([], ms("75h"))
    assert {alert.order for alert in again.alerts} >= {str(n) for n in range(5)}


def test_finished_orders_leave_memory_as_soon_as_they_are_evaluated_after_a_restart() -> None:
    worker = Forgetful(FULL, stepping=False)
    worker.commit_cycle([*SHIPPED_IN_TIME, scanned("1", "60h", status="delivered")], ms("61h"))
    worker.commit_cycle([], ms("300h"))
    again = worker.restarted(worker.alerts)
    assert states_of(again) == [RestoredOrder] * 2
    again.engine.settle()
    assert states_of(again) == []
    assert len(again.engine.ledger) == 2
    assert counts_of(again.engine) == counts_of(worker.engine)


def test_news_of_a_restored_order_may_come_before_its_turn() -> None:
    worker = Worker(FULL, stepping=False)
    worker.commit_cycle([placed("1"), placed("2")], ms("1m"))
    again = worker.restarted(worker.alerts)
    again.commit_cycle([shipped("1", "2h")], ms("3h"))
    assert states_of(again) == [Order, EncodedOrder]
    worker.commit_cycle([shipped("1", "2h")], ms("3h"))
    assert state_of(again.engine) == state_of(worker.engine)


def test_a_restored_order_may_be_dropped_before_its_turn() -> None:
    worker = Worker(FULL, stepping=False)
    worker.commit_cycle([placed("1"), placed("2")], ms("1m"))
    again = worker.restarted(worker.alerts)
    again.partition.restore_fact(order_key("joom", "s1", "1"), None)
    again.engine.settle()
    assert again.engine.order_count == 1
    other = Worker(FULL, stepping=False)
    other.commit_cycle([placed("2")], ms("1m"))
    assert counts_of(again.engine) == counts_of(other.engine)


def test_no_more_orders_are_looked_at_than_asked_for() -> None:
    worker = Worker(FULL, stepping=False)
    worker.commit_cycle([placed(str(n)) for n in range(5)], ms("0h"))
    worker.engine.advance(ms("2h"))
    found = [0]
    while len(found) < 5:
        worker.engine.encode_quiet(limit=2)
        found.append(len(encoded(worker)))
    assert all(after - before <= 2 for before, after in pairwise(found))
    assert found[-1] == 5


def test_an_order_that_was_encoded_is_held_by_no_queue() -> None:
    """Not even where it was scheduled for earlier meanwhile, in the same hour or another, and has several entries."""
    worker = Worker(FULL, stepping=False)
    worker.commit_cycle([placed("1", "30m")], ms("30m"))
    order = worker.engine.shops["joom", "s1"].orders["1"]
    for minutes in (60, 10):
        worker.engine.timers.schedule(order, order.scheduled_ms - minutes * 60_000)
    worker.engine.advance(ms("3h"))
    worker.engine.encode_quiet()
    worker.engine.encode_quiet()
    assert encoded(worker) == {"1"}
    assert [each for each in gc.get_referrers(order) if isinstance(each, list)] == []
