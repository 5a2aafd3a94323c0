"""An order's facts: the same in any order of arrival and any number of times."""

from itertools import permutations
from typing import get_args

import msgspec
import pytest

from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.merge import MERGE, MORE
from rules.facts.merge import merge as merge_event
from rules.facts.order_facts import FACT_NAMES, DetailedFacts, OrderFacts, Terms, bits_of, every_stamp
from rules.facts.stored import decode_facts, encode_facts
from rules.messages.events import Status
from tests.rules.history import cancelled, collected, event, moved, ms, placed, refunded, scanned, shipped


def facts_of(*happenings) -> OrderFacts:
    facts = OrderFacts()
    for timed in happenings:
        facts, _ = merge(facts, timed)
    return facts


def merge(facts: OrderFacts, timed) -> tuple[OrderFacts, int]:
    happened, at_ms = timed
    return merge_event(facts, happened, (at_ms, happened.source, happened.id))


WHOLE_LIFE = [
    placed(at="0h", amount="12.50", currency="USD"),
    moved(at="3h", to="60h"),
    shipped(at="10h", carrier="jnt"),
    collected(at="20h"),
    scanned(at="30h"),
    scanned(at="40h", status="delivered"),
]


def test_every_order_of_arrival_ends_in_the_same_facts():
    whole = facts_of(*WHOLE_LIFE)
    assert all(facts_of(*shuffled) == whole for shuffled in permutations(WHOLE_LIFE))


def test_what_is_heard_twice_changes_nothing():
    facts = facts_of(*WHOLE_LIFE)
    assert not any(merge(facts, again)[1] for again in WHOLE_LIFE)
    assert facts == facts_of(*WHOLE_LIFE)


@pytest.mark.parametrize("fact", ["placed", "shipped", "cancelled", "refunded", "collected"])
def test_the_earliest_statement_of_an_instant_holds(fact):
    kinds = {"placed": placed, "shipped": shipped, "cancelled": cancelled, "refunded": refunded, "collected": collected}
    first = placed(at="0h") if fact == "collected" else placed(at="5h")
    early, late = kinds[fact](at="5h"), kinds[fact](at="6h")
    stamp = getattr(facts_of(first, early), fact)
    assert stamp[0] == ms("5h")
    assert getattr(facts_of(first, late, early), fact) == getattr(facts_of(first, early, late), fact) == stamp


def test_the_newest_statement_that_gives_a_field_holds():
    for events in permutations(
        [placed(at="6h", amount="9", mode="presale"), placed(at="5h", amount="7", currency="USD")]
    ):
        assert facts_of(*events).terms == Terms(amount="9", mode="presale", currency="USD")
    for events in permutations([cancelled(at="6h", by="buyer"), cancelled(at="5h", by="seller", reason="stock")]):
        facts = facts_of(placed(), *events)
        assert (facts.cancelled[0], facts.cancelled_by, facts.cancelled_for) == (ms("5h"), "buyer", "stock")


def test_of_two_statements_of_one_instant_the_same_one_always_holds():
    one, other = placed(at="5h", amount="1", id="a"), placed(at="5h", amount="2", id="b")
    assert facts_of(one, other).terms == facts_of(other, one).terms == Terms(amount="2")


def test_the_latest_move_of_a_deadline_holds_wherever_it_moved():
    later, earlier = moved(at="3h", to="60h"), moved(at="4h", to="50h")
    assert facts_of(later, earlier).moved_to_ms == facts_of(earlier, later).moved_to_ms == ms("50h")


@pytest.mark.parametrize("status", ["in_transit", "at_hub", "ready_to_collect", "delivered", "failed_attempt"])
def test_a_carriers_scan_proves_that_it_has_the_parcel(status):
    assert facts_of(scanned(at="5h", status=status)).scanned[0] == ms("5h")


@pytest.mark.parametrize("status", ["info_received", "expired", "exception", "returned", None])
def test_a_label_that_was_only_announced_or_has_gone_wrong_proves_nothing_but_is_news(status):
    facts = facts_of(scanned(at="5h", status=status))
    assert facts.scanned is None
    assert facts.news[0] == ms("5h")


STATUSES = [*get_args(Status), None]


@pytest.mark.parametrize(
    "timed",
    [
        *(make() for make in (shipped, cancelled, refunded, collected)),
        moved(to="5h"),
        *(event(kind, "1") for kind in ("order.returned", "pickup.failed")),
        *(scanned(status=status) for status in STATUSES if status != "returned"),
    ],
    ids=lambda timed: timed[0].id,
)
def test_a_merge_says_which_facts_of_a_plain_order_an_event_has_changed(timed):
    facts, (happened, at_ms) = facts_of(placed()), timed
    stamp = (at_ms, happened.source, happened.id)
    changed = MERGE[type(happened)](facts, happened, stamp)
    assert changed | bits_of(["placed"]) == bits_of(name for name in FACT_NAMES if getattr(facts, name) is not None)
    assert MERGE[type(happened)](facts, happened, stamp) == 0


@pytest.mark.parametrize(
    "timed",
    [
        shipped(parcel="A"),
        shipped(items=[{"sku": "A"}]),
        cancelled(items=[{"sku": "A"}]),
        refunded(amount="5"),
        scanned(status="returned"),
        *(event(kind, "1") for kind in ("order.paid", "order.reopened", "order.voided")),
    ],
    ids=lambda timed: timed[0].id,
)
def test_what_a_plain_order_can_not_take_leaves_its_facts_as_they_are(timed):
    facts, (happened, at_ms) = facts_of(placed()), timed
    assert MERGE[type(happened)](facts, happened, (at_ms, happened.source, happened.id)) == MORE
    assert facts == facts_of(placed())
    assert merge(facts, timed)[0] != facts


def test_news_is_the_latest_and_a_scan_the_first():
    facts = facts_of(scanned(at="9h", status="at_hub"), scanned(at="5h"), scanned(at="7h"))
    assert (facts.scanned[0], facts.news[0]) == (ms("5h"), ms("9h"))


def test_the_buyer_returns_and_the_carrier_sends_back():
    facts = facts_of(placed(), shipped(), event("order.returned", "1", "9h"), scanned(at="8h", status="returned"))
    assert (facts.returned[0], facts.sent_back[0]) == (ms("9h"), ms("8h"))
    facts = facts_of(placed(), shipped(), event("order.returned", "1", "9h", cause="undelivered"))
    assert (facts.returned, facts.sent_back[0]) == (None, ms("9h"))


def test_a_ship_by_that_means_no_time_is_none():
    assert facts_of(placed(ship_by="2000-01-01T00:00:00Z")).terms.ship_by_ms is None
    assert facts_of(placed(ship_by=ms("30h"))).terms.ship_by_ms == ms("30h")


def test_amounts_are_kept_to_the_digit():
    assert facts_of(placed(amount="0.10")).terms.amount == "0.10"


def test_facts_survive_being_stored():
    facts = facts_of(*WHOLE_LIFE, cancelled(at="50h", by="seller"))
    assert decode_facts(encode_facts(facts)) == facts


def test_facts_stored_before_a_field_was_added_are_still_read():
    older = msgspec.msgpack.encode(msgspec.to_builtins(facts_of(*WHOLE_LIFE))[:5])
    assert decode_facts(older).shipped == facts_of(*WHOLE_LIFE).shipped


def test_when_an_order_was_first_and_last_heard_of():
    assert facts_of(*WHOLE_LIFE).last_at_ms() == ms("40h")
    assert OrderFacts().span_ms() == (NEVER, MIN_MS)


@pytest.mark.parametrize("fact", [name for name in FACT_NAMES if name in OrderFacts.__struct_fields__])
def test_each_fact_may_be_the_first_or_the_last_that_was_heard_of_an_order(fact: str):
    facts = facts_of(*WHOLE_LIFE)
    for at_ms in (ms("0h") - 1, ms("100h")):
        setattr(facts, fact, (at_ms, "test", "1"))
        assert at_ms in facts.span_ms()


@pytest.mark.parametrize("kind", [OrderFacts, DetailedFacts])
def test_all_facts_come_in_the_order_of_their_names(kind: type[OrderFacts]):
    facts = kind()
    for fact in set(FACT_NAMES) & set(kind.__struct_fields__):
        setattr(facts, fact, (ms("1h"), "test", fact))
    assert every_stamp(facts) == tuple(getattr(facts, fact) for fact in FACT_NAMES)
