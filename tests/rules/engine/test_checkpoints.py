"""A restart that reads shops' checkpoints in place of their finished orders: it says, keeps and computes what one does
that reads all of them. Checkpoints are taken, and workers killed, at any time."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS, MIN_MS, NEVER
from rules.engine.engine import Engine
from rules.messages.alerts import encode
from rules.messages.names import shop_key
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standings
from rules.state.order_ledger import Worth
from rules.state.shop import Shop
from streams.runtime.orders_on_disk import OrdersOnDisk
from streams.runtime.restoring_facts import restore_facts, restore_record
from streams.runtime.snapshot import CHECKPOINT, COUNTED
from tests.rules.copy_in_memory import Copy, Records
from tests.rules.engine.test_eviction import AFTERWARDS, at_once, counts_of, in_memory, orders_of, restarted
from tests.rules.engine.test_periods_on_disk import WEEKLY
from tests.rules.engine.test_properties import DOUYIN, JOB, JOOM, PLAIN, platform_of
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, computed_of, fewer, words_of
from tests.rules.engines import FULL
from tests.rules.histories import Cycle, Worker, assert_well_formed, commit_cycles, in_no_order, open_alerts
from tests.rules.history import TimedEvent, book, cancelled, event, late_ship, ms, placed, rule, scanned, shipped
from tests.rules.made_up_rules import books, order_lives
from tests.rules.shop_histories import shop_commit_cycles

__all__ = ["at_once"]

pytestmark = pytest.mark.usefixtures("at_once")


class Checkpointed(Worker):
    """A worker with a local copy, which its finished orders leave memory for."""

    def __init__(self, rules: RuleBook, stepping: bool) -> None:
        super().__init__(rules, stepping)
        self.copy = Copy()
        self.log: Records = []
        self.engine.ledger.store = OrdersOnDisk(self.copy)  # type: ignore[arg-type]

    def write(self) -> None:
        super().write()
        self.engine.evict()

    def keep(self, records: Records) -> None:
        super().keep(records)
        self.log += records
        self.copy.note_all(records, len(self.log))

    def checkpoint(self, of: Iterable[str] | None = None) -> None:
        for shop in self.engine.shops.values():
            if of is None or shop.name in of:
                self.engine.checkpoint(shop)

    def stop(self) -> None:
        self.checkpoint()
        self.copy.write()

    def restart(self, rules: RuleBook) -> "Checkpointed":
        """Another worker, from the local copy as it is on the disk, and what of the changelog came later. The copy of
        `alerts` has none that were forgotten."""
        other = type(self)(rules, self.engine.stepping)
        self.copy.kill()
        other.copy, other.alerts = self.copy, list(self.alerts)
        other.engine.ledger.store = OrdersOnDisk(other.copy)  # type: ignore[arg-type]
        other.facts, other.log, other.clock_ms = dict(self.facts), list(self.log), self.clock_ms
        other.forgotten = self.forgotten
        restore_facts(other.copy, other.partition)  # type: ignore[arg-type]
        for name, newest in {alert.data.alert: alert for alert in other.alerts}.items():
            if name not in self.forgotten:
                other.partition.restore_alert(b"", encode(newest))
        later = self.log[self.copy.written_to :]
        other.copy.note_all([(restore_record(other.partition, *record), record[1]) for record in later], len(self.log))
        other.engine.clock_ms = self.clock_ms
        other.engine.settle()
        other.write()
        return other


def named(rules: RuleBook, digest: str) -> RuleBook:
    return RuleBook(rules.packs, digest=digest)


def state_of(worker: Worker) -> Any:
    """What it says, computes and counts. (When there was last news of a shop may differ by a restart: of news that its
    facts don't keep. So may the orders without facts: a start from the changelogs makes them again of the alerts of
    those that have expired.)"""
    engine = worker.engine
    known = {shop.key for shop in engine.shops.values() if knows_anything(shop, worker.forgotten)}
    words = {name: entries for name, entries in words_of(engine).items() if entries}
    figures = {shop_key(each["platform"], each["shop"]): each for each in standings(engine)}
    counts = {each[0]: each[1:-1] for each in counts_of(engine)}
    of_shops = [{shop: found for shop, found in each.items() if shop in known} for each in (figures, counts)]
    return words, computed_of(engine), *of_shops, engine.order_count - len(without_facts(engine))


def without_facts(engine: Engine) -> set[tuple[str, str]]:
    shops = engine.shops.values()
    return {(shop.key, order.id) for shop in shops for order in shop.orders.values() if order.last_ms == MIN_MS}


def known_orders(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    unknown = without_facts(engine)
    return {key: slots for key, slots in orders_of(engine).items() if key not in unknown}


def knows_anything(shop: Shop, forgotten: set[str]) -> bool:
    """Nothing may be known any more of a shop whose orders have all expired: it isn't there after a restart."""
    has_orders = any(order.last_ms > MIN_MS for order in shop.orders.values()) or shop.evicted
    has_alerts = shop.emitted.alerts.keys() - forgotten
    return bool(has_orders or has_alerts or shop.facts.first_at_ms() < NEVER or shop.computed)


BOOKS = ("one", "one", "one", "other")
"""The digest after a restart: where it is another, checkpoints don't fit."""


def assert_nothing_differs(rules: RuleBook, stepping: bool, lived: list[Cycle], data: st.DataObject) -> None:
    named_as = {digest: named(rules, digest) for digest in BOOKS}
    keeps, evicts = Worker(rules, stepping), Checkpointed(named_as["one"], stepping)
    for events, to_ms in [*lived, *AFTERWARDS]:
        for worker in (keeps, evicts):
            worker.commit_cycle(events, to_ms)
        before, evicts = evicts, at_random(evicts, named_as, data)
        if evicts is not before:
            keeps = restarted(keeps)
        assert in_no_order(keeps.alerts) == in_no_order(evicts.alerts)
        assert keeps.kept() == evicts.kept()
        assert state_of(keeps) == state_of(evicts)
    assert_well_formed(evicts.alerts)
    assert known_orders(keeps.engine) == known_orders(evicts.engine)
    assert state_of(keeps) == state_of(evicts)


def at_random(worker: Checkpointed, named_as: dict[str, RuleBook], data: st.DataObject) -> Checkpointed:
    """What may happen after a commit cycle."""
    worker.engine.ledger.fill(data.draw(st.sampled_from([0, 1, 2, 100])))
    match data.draw(st.sampled_from(["nothing", "checkpoint", "written", "stop", "stop", "kill", "kill", "lost"])):
        case "checkpoint":
            worker.checkpoint(data.draw(st.sampled_from([["a", "s1"], ["b"], None])))
        case "written":
            worker.checkpoint()
            worker.copy.write()
        case "lost":
            worker.copy = Copy()
            return worker.restart(named_as["one"])
        case "stop":
            worker.stop()
            return worker.restart(named_as[data.draw(st.sampled_from(BOOKS))])
        case "kill":
            if data.draw(st.booleans()):
                worker.copy.write()
            return worker.restart(named_as[data.draw(st.sampled_from(BOOKS))])
    return worker


@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.data())
@fewer
def test_nothing_differs_by_every_built_in_pack(platform: str, stepping: bool, data: st.DataObject) -> None:
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    assert_nothing_differs(RULES[platform], stepping, lived, data)


@given(st.sampled_from([JOB, JOOM, DOUYIN, PLAIN]), st.booleans(), st.data())
def test_nothing_differs_of_orders_with_more_than_the_plain_case(
    rules: RuleBook, stepping: bool, data: st.DataObject
) -> None:
    assert_nothing_differs(rules, stepping, data.draw(commit_cycles(platform_of(rules))), data)


@given(books(), st.booleans(), order_lives(), st.data())
@fewer
def test_nothing_differs_by_rules_made_up_at_random(
    rules: RuleBook, stepping: bool, lived: list[Cycle], data: st.DataObject
) -> None:
    assert_nothing_differs(rules, stepping, lived, data)


@pytest.mark.parametrize("platform", ["shopee", "joom", "ozon"])
@given(st.booleans(), st.data())
@fewer
def test_nothing_differs_in_the_end_where_the_clock_is_set_back(
    platform: str, stepping: bool, data: st.DataObject
) -> None:
    """Meanwhile those that a checkpoint counts stay counted by the wrong time, as without a restart, and so do the
    alerts and results that were told by it."""
    lived = data.draw(order_lives(platform) | shop_commit_cycles(platform))
    set_back_h = data.draw(st.dictionaries(st.integers(0, len(lived)), st.integers(1, 300), min_size=1, max_size=2))
    named_as = {digest: named(RULES[platform], digest) for digest in BOOKS}
    keeps, evicts = Worker(RULES[platform], stepping), Checkpointed(named_as["one"], stepping)
    for n, (events, to_ms) in enumerate([*lived, *AFTERWARDS]):
        for worker in (keeps, evicts):
            worker.commit_cycle(events, to_ms)
            if n in set_back_h:
                worker.set_back(set_back_h[n] * HOUR_MS)
        before, evicts = evicts, at_random(evicts, named_as, data)
        if evicts is not before:
            keeps = restarted(keeps)
    assert_well_formed(evicts.alerts)
    assert open_alerts(keeps.alerts) == open_alerts(evicts.alerts)
    assert counted(keeps) == counted(evicts)


def counted(worker: Worker) -> Any:
    """What its shops count of their orders."""
    return {shop: counts[:-2] for shop, *counts in counts_of(worker.engine) if any(counts[0])}


# -- one by one ----------------------------------------------------------------------------------------------


def checkpointed(rules: RuleBook, *cycles: tuple[list[TimedEvent], str], stepping: bool = False) -> Checkpointed:
    worker = Checkpointed(named(rules, "one"), stepping)
    for events, at in cycles:
        worker.commit_cycle(events, ms(at))
    return worker


def finished(number: int) -> list[TimedEvent]:
    return [each for n in range(number) for each in (placed(f"f{n}"), shipped(f"f{n}", "5h"))]


@pytest.mark.parametrize("number", [10, 1_000])
def test_a_restart_reads_what_is_open_however_many_orders_are_finished(number: int) -> None:
    worker = checkpointed(FULL, ([*finished(number), placed("open", "95h")], "100h"))
    worker.stop()
    assert len(worker.engine.ledger) == number
    worker.copy.read = 0
    again = worker.restart(worker.engine.book)
    assert again.copy.read == 3, "the open order, the checkpoint, and where the orders begin that it counts"
    assert in_memory(again) == {"open"} and again.engine.order_count == number + 1
    assert state_of(again) == state_of(worker)


def test_orders_that_had_ended_when_the_changelog_was_read_are_put_at_once_where_checkpoints_count_them() -> None:
    delivered = [scanned(f"f{n}", "9h", "delivered") for n in range(10)]
    worker = checkpointed(FULL, ([*finished(10), *delivered, placed("open", "95h")], "100h"))
    known = state_of(worker)
    worker.copy = Copy()
    worker = worker.restart(worker.engine.book)
    worker.copy.write()
    counted = {key for key in worker.copy.disk if key.startswith(COUNTED)}
    assert len(counted) == 10 == len(worker.engine.ledger)
    worker = worker.restart(worker.engine.book)  # none has a checkpoint yet
    assert state_of(worker) == known
    worker.stop()
    assert {key for key in worker.copy.disk if key.startswith(COUNTED)} == counted
    worker.copy.read = 0
    again = worker.restart(worker.engine.book)
    assert again.copy.read == 3, "as above"
    assert state_of(again) == known


def test_an_order_that_had_ended_when_the_rest_of_the_changelog_was_read_is_not_counted_by_an_older_checkpoint() -> (
    None
):
    worker = checkpointed(FULL, (finished(5), "100h"))
    worker.stop()
    worker.commit_cycle([placed("later", "100h"), shipped("later", "101h"), cancelled("later", "102h")], ms("200h"))
    known = state_of(worker)
    worker = worker.restart(worker.engine.book)
    worker.copy.write()
    assert state_of(worker.restart(worker.engine.book)) == known


def test_an_order_that_another_worker_wrote_ended_is_not_counted_by_a_checkpoint_that_was_taken_before_it() -> None:
    """It is read in the next rebalance, while the worker keeps its partition."""
    worker = checkpointed(FULL, (finished(5), "100h"))
    worker.stop()
    other = checkpointed(
        FULL, ([placed("later", "100h"), shipped("later", "101h"), cancelled("later", "102h")], "102h")
    )
    for key, value in other.log:
        worker.log.append((key, value))
        worker.copy.note_all([(restore_record(worker.partition, key, value), value)], len(worker.log))
    worker.commit_cycle([], ms("200h"))
    known = state_of(worker)
    worker.copy.write()
    assert state_of(worker.restart(worker.engine.book)) == known


def test_no_checkpoint_is_taken_of_a_shop_while_restored_orders_of_it_wait_to_be_evaluated() -> None:
    before = checkpointed(FULL, (finished(5), "100h"))
    worker = Checkpointed(before.engine.book, stepping=False)
    for key, value in before.log:
        worker.partition.restore_fact(key, value)
    [shop] = worker.engine.shops.values()
    worker.engine.settle(limit=2)
    assert not worker.engine.checkpoint(shop)
    worker.engine.settle()
    assert worker.engine.checkpoint(shop)


@pytest.mark.parametrize("digest", ["other", ""])
def test_a_restart_under_other_rules_reads_all_orders_and_lets_go_of_them_again(digest: str) -> None:
    worker = checkpointed(FULL, (finished(10), "100h"))
    worker.stop()
    worker.copy.read = 0
    again = worker.restart(named(FULL, digest))
    assert again.copy.read > 10
    assert in_memory(again) == set() and len(again.engine.ledger) == 10
    again.copy.write()
    assert again.restart(worker.engine.book).engine.order_count == 10


def test_an_order_that_a_checkpoint_counts_comes_back_after_restarts_and_kills() -> None:
    late = book(late_ship())
    worker = checkpointed(late, ([placed("1")], "75h"), ([cancelled("1", "80h")], "100h"))
    worker.stop()
    worker = worker.restart(worker.engine.book)
    assert in_memory(worker) == set()
    worker.commit_cycle([event("order.reopened", "1", "101h")], ms("102h"))
    worker = worker.restart(worker.engine.book)  # nothing of that was written to the disk
    assert in_memory(worker) == {"1"}
    worker.commit_cycle([], ms("103h"))
    assert [(alert.data.state, alert.data.revision) for alert in worker.alerts] == [
        ("open", 1),
        ("resolved", 2),
        ("open", 3),
    ]


def test_what_was_emitted_of_orders_that_have_left_memory_brings_none_back() -> None:
    worker = checkpointed(book(late_ship()), ([placed("1")], "75h"), ([cancelled("1", "80h")], "100h"))
    worker.stop()
    again = worker.restart(worker.engine.book)
    assert in_memory(again) == set()
    assert all(key.startswith((CHECKPOINT, COUNTED)) for key in {**again.copy.disk, **again.copy.pending})


def test_what_a_checkpoint_says_was_emitted_is_taken_from_alerts_only_where_that_is_another_revision() -> None:
    worker = checkpointed(book(late_ship()), ([placed("1")], "75h"), ([cancelled("1", "80h")], "100h"))
    worker.stop()
    again = worker.restart(worker.engine.book)
    [shop] = again.engine.shops.values()
    held, newest = shop.evicted_alerts["1"], worker.alerts[-1]
    again.partition.restore_alert(b"", encode(newest))
    assert shop.evicted_alerts["1"] is held
    newest.data.revision += 2  # opened and resolved again after the checkpoint
    again.partition.restore_alert(b"", encode(newest))
    assert in_memory(again) == set()
    again.commit_cycle([event("order.reopened", "1", "101h")], ms("102h"))
    assert again.alerts[-1].data.revision == newest.data.revision + 1


def late_news(worker: Checkpointed) -> None:
    """Of an order that was part of a result already."""
    worker.commit_cycle([cancelled("f1", "31h", by="seller")], ms("471h"))


def of_weeks() -> Checkpointed:
    lived = [([placed(f"f{n}", "30h") for n in range(9)], "40h"), ([shipped(f"f{n}", "41h") for n in range(9)], "120h")]
    worker = checkpointed(WEEKLY, *lived, ([], "270h"), ([], "470h"))
    worker.stop()
    assert in_memory(worker) == set()
    return worker


def test_a_restart_computes_no_result_again_that_is_saved() -> None:
    worker = of_weeks()
    again = worker.restart(worker.engine.book)
    assert in_memory(again) == set()
    assert computed_of(again.engine) == computed_of(worker.engine) != {}


@pytest.mark.parametrize("written", [True, False])
def test_late_news_that_may_not_be_in_a_result_yet_has_it_computed_from_all_orders(written: bool) -> None:
    worker = of_weeks()
    late_news(worker)
    if written:
        worker.copy.write()
    worker.copy.read = 0
    again = worker.restart(worker.engine.book)
    assert (again.copy.read > 9) is written, "else it is read from the store, order by order"
    assert computed_of(again.engine) == computed_of(worker.engine)
    assert computed_of(again.engine)["s1", "joom.share"][ms("96h")].bad == 1


def test_a_result_that_was_saved_without_the_late_news_it_rests_on_is_computed_again() -> None:
    """As where the worker is killed while Kafka takes the records."""
    worker, twin = of_weeks(), of_weeks()
    late_news(twin)
    worker.log += [(key, value) for key, value in twin.log[len(worker.log) :] if b"computed" in key]
    worker.facts |= dict(worker.log)
    again = worker.restart(worker.engine.book)
    late_news(again)
    assert computed_of(again.engine) == computed_of(twin.engine)


def test_no_checkpoint_is_taken_of_a_shop_while_its_orders_are_gone_through() -> None:
    worker = checkpointed(FULL, (finished(5), "100h"))
    [shop] = worker.engine.shops.values()
    walk = shop.every_order()
    next(walk)
    assert not worker.engine.checkpoint(shop)
    del walk
    assert worker.engine.checkpoint(shop)


def test_a_checkpoint_is_due_once_a_quarter_has_changed_of_what_is_written_for_it() -> None:
    worker = checkpointed(FULL, (finished(5), "100h"))
    ledger, [shop], worth = worker.engine.ledger, worker.engine.shops.values(), Worth(7, 4)
    assert not ledger.is_checkpoint_due(shop, worth)
    shop.moved = 7
    assert ledger.is_checkpoint_due(shop, worth)
    shop.checkpoint_size = 4 * 8
    assert not ledger.is_checkpoint_due(shop, worth)
    shop.moved += 1
    assert ledger.is_checkpoint_due(shop, worth)
    worker.engine.checkpoint(shop)
    assert not ledger.is_checkpoint_due(shop, Worth(1, 100)), "nothing has changed"


def test_the_store_is_asked_of_each_new_order_until_all_that_have_left_memory_are_known() -> None:
    worker = checkpointed(FULL, (finished(5), "100h"))
    worker.stop()
    again = worker.restart(worker.engine.book)
    asked: list[str] = []
    store = again.engine.ledger.store
    assert store is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OrdersOnDisk, "get", lambda self, platform, shop, order: asked.append(order))
        again.commit_cycle([placed("new", "100h")], ms("101h"))
        assert asked == ["new"]
        assert not again.engine.ledger.fill(3)
        again.commit_cycle([placed("newer", "100h")], ms("101h"))
        assert asked == ["new", "newer"]
        assert again.engine.ledger.fill(10)
        again.commit_cycle([placed("newest", "100h")], ms("101h"))
    assert asked == ["new", "newer"]
    assert len(again.engine.ledger) == 5


def test_nothing_is_asked_of_the_store_in_time_to_spare_while_its_disk_takes_nothing() -> None:
    worker = checkpointed(FULL, (finished(5), "100h"))
    worker.stop()
    again = worker.restart(worker.engine.book)
    again.copy.is_suspended = True
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OrdersOnDisk, "counted_of", None)
        assert not again.engine.ledger.fill(10)
    again.copy.is_suspended = False
    assert again.engine.ledger.fill(10)


def test_sales_too_large_for_the_wire_are_checkpointed_all_the_same() -> None:
    cover = book(rule("level", "cover", of="stock_cover", velocity="7d", near=7, below=3))
    item = {"sku": "A", "qty": 2**53}
    sold = [each for n in range(2_049) for each in (placed(f"{n}", "1h", items=[item]), shipped(f"{n}", "5h"))]
    worker = checkpointed(cover, ([event("stock.level", None, "0h", sku="A", on_hand=1), *sold], "100h"))
    worker.stop()
    assert in_memory(worker) == set()
    again = worker.restart(worker.engine.book)
    assert sales_of(again) == sales_of(worker) == {"A": [2_049 * 2**53]}


def sales_of(worker: Checkpointed) -> dict[str, list[Any]]:
    [shop] = worker.engine.shops.values()
    return {sku: list(by_day.values()) for sku, by_day in shop.sales.by_sku.items()}
