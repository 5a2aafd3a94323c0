"""One partition's state: what goes into the facts, what is set aside and why, and its clock across a restart."""

from copy import copy
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import quote

import pytest
from prometheus_client import REGISTRY

from rules.calendar.instants import HOUR_MS
from rules.facts import derive, merge
from rules.facts.order_facts import Terms
from rules.messages.alerts import decode
from rules.messages.bounds import LARGEST_BYTES
from rules.plan.rule_book import RuleBook
from streams.clock import wall_ms
from streams.kafka.keys import partition_of
from streams.kafka.topics import INPUTS
from streams.paced_log import PacedLog
from streams.runtime.changelog import fact_records
from streams.runtime.partition import Batch, MovedError, Partition, log
from tests.runtime.one_partition import apply, orders, partition, reasons
from tests.runtime.support import LATE_MS, PARTITIONS, START_MS, book, event, record, tick


@pytest.mark.parametrize(
    ("platform", "shop", "hashed"),
    [  # org.apache.kafka.common.utils.Utils.toPositive(murmur2(…)) of kafka-clients 4.1.0
        ("joom", "s17", 1480657922),
        ("joom", "s1", 1680112174),
        ("shopee", "s204", 184398188),
        ("douyin", "night-market", 1304554675),
        ("ozon", "5", 591110938),
        ("店", "一号", 713138598),
    ],
)
def test_a_shops_home_is_where_the_java_client_puts_its_key(platform: str, shop: str, hashed: int) -> None:
    assert [partition_of(platform, shop, count) for count in (1, 4, 12)] == [0, hashed % 4, hashed % 12]


def test_an_ambiguous_shop_is_found_under_its_encoded_key_alone() -> None:
    home = partition_of("joom", "a/b", PARTITIONS)
    watched = partition(number=home)
    value = event("order.placed", START_MS, shop="a/b")
    apply(watched, value, key=b"joom/a%2Fb")
    assert (orders(watched), reasons(watched)) == ({"1"}, [])
    apply(watched, value, key=b"joom/a/b")
    assert reasons(watched) == ["wrong key: the record's is joom/a/b, its event is of joom/a%2Fb"]


def test_what_is_repeated_long_after_is_set_aside_and_counted_apart() -> None:
    watched, before = partition(), REGISTRY.get_sample_value("shipclock_dead_letters_total", {"topic": "orders"})
    life = [event("order.placed", START_MS), event("order.shipped", START_MS + HOUR_MS)]
    apply(watched, *life)
    while not watched.evaluate(START_MS + 100 * 24 * HOUR_MS, 1000):
        pass
    apply(watched, *life)
    assert orders(watched) == set()
    assert [reason.partition(" is ")[2] for reason in reasons(watched)] == [
        "older than the 33 days kept, and its order isn't known"
    ] * 2
    assert REGISTRY.get_sample_value("shipclock_dead_letters_total", {"topic": "orders"}) == before
    assert REGISTRY.get_sample_value("shipclock_events_too_old_total", {"topic": "orders"}) >= 2


def test_an_event_with_an_odd_detail_counts_and_a_dead_letter_says_what_was_left_out() -> None:
    watched = partition()
    odd = event("order.placed", START_MS, "2", data={"amount": "1E+1000000", "currency": "USD"})
    apply(watched, event("order.placed", START_MS), odd)
    [letter] = watched.dead
    assert letter.reason == "kept without data.amount: amount 1E+1000000 is not a sum of money"
    assert (letter.value, dict(letter.headers)["kept"], dict(letter.headers)["offset"]) == (odd, b"true", b"1")
    assert watched.engine.shops["joom", "s17"].orders["2"].facts.terms == Terms(currency="USD")


def test_an_event_in_a_wrong_place_is_no_letter_twice_for_its_odd_detail() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS, data={"mode": "x"}), topic="pickups")
    assert reasons(watched) == ["order.placed belongs on `orders`, this is `pickups`"]


def test_what_is_applied_is_counted_and_its_offsets_are_known() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS), event("order.placed", START_MS, "2"))
    apply(watched, event("pickup.collected", START_MS), topic="pickups")
    assert (watched.events, watched.applied) == (3, {"orders": 2, "pickups": 1})
    assert orders(watched) == {"1", "2"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "JSON is malformed"),
        (b"", "the record is empty"),
        (None, "the record is empty"),
        (b"[]", "Expected `object`"),
        (b"\xff\xfe", "JSON is malformed"),
        (b'{"note":' + b"[" * 100_000, "JSON is nested too deeply"),
        (event("order.placed", START_MS, shop=None), "missing required field `shop`"),
        (event("order.placed", START_MS, order=None), "missing required field `order`"),
        (event("order.placed", START_MS, time=None), "missing required field `time`"),
        (event("order.placed", START_MS, order=8412), "Expected `str`, got `int` - at `$.order`"),
        (event("order.vanished", START_MS), "order.vanished"),
        (event("order.placed", START_MS, time="2026-01-01T00:00:00"), "timezone"),
        (event("order.placed", START_MS, time=START_MS // 1000), "looks like seconds"),
        (event("order.placed", START_MS, time="9999-01-01T00:00:00Z"), "outside 2001-2100"),
        (event("order.placed", START_MS, note="x" * LARGEST_BYTES), "an event may have 262,144"),
        (event("rating.updated", START_MS, data={"score": "1E+1000000"}), "score 1E+1000000 is no number"),
        (event("order.placed", START_MS, order="1\u202e2"), "order '1\\u202e2' has control, bidirectional"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_a_reason_and_the_rest_is_applied(
    value: bytes | None, reason: str
) -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS, "1"), value, event("order.placed", START_MS, "2"))
    assert orders(watched) == {"1", "2"}
    (letter,) = watched.dead
    assert (dict(letter.headers)["offset"], letter.value) == (b"1", value)
    assert reason in letter.reason
    assert watched.applied == {"orders": 3}


def test_a_record_in_another_shops_partition_is_set_aside() -> None:
    watched = partition(number=0)
    apply(watched, event("order.placed", START_MS))
    assert reasons(watched) == ["wrong partition: joom/s17 belongs in partition 2, this is 0"]
    assert not orders(watched)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (b"joom/s1", "wrong key: the record's is joom/s1, its event is of joom/s17"),
        (b"\xff", "wrong key: the record's is \N{REPLACEMENT CHARACTER}, its event is of joom/s17"),
        (None, "the record has no key; it must be joom/s17"),
    ],
)
def test_a_key_that_is_not_the_events_shop_is_set_aside(key: bytes | None, reason: str) -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS, shop="s1"), key=b"joom/s1")  # a shop known by that key
    apply(watched, event("order.placed", START_MS, "2"), key=key)
    assert reasons(watched) == [reason]
    assert orders(watched) == {"1"}


def test_in_wall_time_an_event_of_the_future_is_set_aside_but_ten_minutes_are_let_pass() -> None:
    watched, now_ms = partition("wall"), wall_ms()
    apply(
        watched,
        event("order.placed", now_ms + 590_000, "soon"),
        event("order.placed", now_ms + 660_000, "far"),
        tick(now_ms + 660_000),
    )
    assert orders(watched) == {"soon"}
    assert [reason.partition(" is ")[2] for reason in reasons(watched)] == [
        "more than 10 minutes ahead of the clock"
    ] * 2


def test_in_event_time_an_event_may_be_of_any_time() -> None:
    watched = partition()
    apply(watched, event("order.placed", wall_ms() + LATE_MS))
    assert not watched.dead


@pytest.mark.parametrize("clock", ["event", "wall"])
@pytest.mark.parametrize("topic", INPUTS)
def test_a_type_of_event_belongs_on_its_topic(topic: str, clock: str) -> None:
    watched = partition(clock)
    apply(watched, event("order.cancelled", START_MS), event("order.cancelled", START_MS, "2"), topic=topic)
    apply(watched, event("rating.updated", START_MS, data={"score": "1.0"}), topic=topic)
    wrong = {
        "orders": [f"rating.updated belongs on `shops`, this is `{topic}`"],
        "shops": [f"order.cancelled belongs on `orders`, this is `{topic}`"] * 2,
    }
    both = wrong["shops"] + wrong["orders"]
    assert reasons(watched) == wrong.get(topic, both)
    assert orders(watched) == ({"1", "2"} if topic == "orders" else set())


def test_a_tick_moves_the_clock_whatever_its_key() -> None:
    watched = partition()
    for topic in ("orders", "pickups", "tracking"):
        apply(watched, tick(START_MS), topic=topic, key=b"whoever")
    assert (watched.clock.now_ms(), watched.dead) == (START_MS, [])


def test_the_same_events_twice_change_nothing() -> None:
    watched = partition()
    twice = [event("order.placed", START_MS), event("order.shipped", START_MS + HOUR_MS)]
    apply(watched, *twice)
    watched.engine.drain()
    apply(watched, *twice)
    assert not watched.engine.drain().orders


def test_a_merge_that_fails_half_way_leaves_nothing_behind_and_the_rest_is_applied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overflow(*_: Any) -> NoReturn:
        raise OverflowError("too\nlarge")

    watched = partition()
    apply(watched, event("order.placed", START_MS + 1, "1", id="later", data={"currency": "USD"}))
    known = copy(watched.engine.shops["joom", "s17"].orders["1"].facts)
    for module in (merge, derive):  # what is made while an order placed is merged, the first and another
        monkeypatch.setattr(module, "Terms", overflow)
    apply(watched, event("order.placed", START_MS, "1"), event("order.placed", START_MS, "2"))
    monkeypatch.undo()
    apply(watched, event("order.placed", START_MS, "3"))
    assert reasons(watched) == ["can't be applied: OverflowError: too\\nlarge"] * 2
    assert orders(watched) == {"1", "3"}
    assert watched.engine.shops["joom", "s17"].orders["1"].facts == known
    assert watched.applied == {"orders": 4}


def test_what_is_set_aside_is_logged_with_its_place_one_line_of_each_kind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log, "filters", [PacedLog(now_s=lambda: 0.0)])
    watched = partition()
    apply(watched, event("order.placed", START_MS), b"not json", b"[]", event("order.placed", START_MS), key=b"a")
    assert [entry.getMessage() for entry in caplog.records] == [
        "set aside as misplaced: orders-2 at offset 0: wrong key: the record's is a, its event is of joom/s17",
        "set aside as unreadable: orders-2 at offset 1: JSON is malformed: invalid character (byte 4)",
    ]


def test_a_shop_that_no_rule_watches_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    watched = Partition(2, PARTITIONS, RuleBook([], says_unwatched=True), "event")
    for n in range(2):
        apply(watched, event("order.placed", START_MS, str(n)), tick(START_MS))
        watched.evaluate(START_MS, 10)
    assert caplog.messages == ["no rule watches the shop joom/s17: nothing of it raises an alert"]


def test_a_value_that_was_cut_when_it_was_fetched_is_told_of_as_it_was() -> None:
    watched = partition()
    fetched = replace(record("orders", b"0" * (LARGEST_BYTES + 1)), serialized_value_size=80_000_000)
    watched.apply(Batch("orders", 2, [fetched]))
    assert reasons(watched) == ["the record has 80,000,000 bytes; an event may have 262,144"]


# -- records of alerts that somebody else has written ----------------------------------------------------------


def test_a_foreign_record_under_another_alerts_key_has_both_written_again() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS, "1"), event("order.placed", START_MS, "2"))
    watched.engine.advance(START_MS + LATE_MS)
    (key, value), (other_key, other) = watched.drain_alerts()
    assert not watched.correct(key, value)
    forged = other.replace(b'"revision":1', b'"revision":40').replace(b'"state":"open"', b'"state":"resolved"')
    assert watched.correct(key, forged)
    watched.engine.settle()
    again = {key: decode(value).data for key, value in watched.drain_alerts()}
    assert {name: (data.revision, data.state) for name, data in again.items()} == {
        key: (2, "open"),
        other_key: (41, "open"),
    }


def test_a_foreign_record_without_a_key_is_nothing() -> None:
    assert partition().correct(None, b"x")


def test_a_foreign_record_of_a_shop_of_another_partition_is_not_taken_in() -> None:
    watched = partition()
    apply(watched, event("order.placed", START_MS))
    watched.engine.advance(START_MS + LATE_MS)
    ((key, value),) = watched.drain_alerts()
    elsewhere = partition(number=3)
    assert elsewhere.correct(key, value)
    assert not elsewhere.engine.shops


@pytest.mark.parametrize("console_url", ["", "https://ship.example/console"])
def test_alerts_link_to_where_people_reach_the_console(console_url: str) -> None:
    watched = Partition(2, PARTITIONS, book(), "event", console_url=console_url)
    apply(watched, event("order.placed", START_MS))
    watched.engine.advance(START_MS + LATE_MS)
    ((_, value),) = watched.drain_alerts()
    alert = decode(value)
    assert alert.data.link == f"{console_url}/#/alerts/{quote(alert.data.alert, safe='')}"


def test_state_of_a_shop_whose_events_come_to_another_partition_by_now_is_refused() -> None:
    before = partition()
    apply(before, event("order.placed", START_MS))
    changes = before.engine.drain()
    records = fact_records(changes)
    assert records
    more = Partition(3, 2 * PARTITIONS, book(), "event")
    with pytest.raises(MovedError, match=r"^partitions were added .* joom/s17 lies in partition 3, .* to 2 of 8, "):
        for key, value in records:
            more.restore_fact(key, value)


def test_that_an_alert_was_read_back_first_hides_no_state_in_the_wrong_partition() -> None:
    before = partition()
    apply(before, event("order.placed", START_MS))
    before.engine.advance(START_MS + LATE_MS)
    facts, alerts = list(fact_records(before.engine.drain())), before.drain_alerts()
    assert facts
    assert alerts
    more = Partition(3, 2 * PARTITIONS, book(), "event")
    for key, value in alerts:
        more.restore_alert(key, value)
    with pytest.raises(MovedError):
        for key, value in facts:
            more.restore_fact(key, value)
