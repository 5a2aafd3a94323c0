"""All that there is to say of one order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.plan.rule_book import RuleBook
from rules.reports.find_orders import Search
from rules.reports.one_order import facts_at_hand, order_report
from tests.rules.history import (
    TimedEvent,
    book,
    cancelled,
    collected,
    event,
    every_pack,
    late_ship,
    ms,
    pack_file,
    placed,
    refunded,
    scanned,
    shipped,
)

JOOM = RuleBook([pack_file("rules/packs/joom.yaml")])
EVERY = every_pack()
ITEMS = [{"sku": "X", "qty": 2}, {"sku": "Y", "qty": 1.5}]


def engine_at(at: str, *events: TimedEvent, rules: RuleBook = JOOM) -> Engine:
    engine = Engine(rules, stepping=True)
    for _ in replay(engine, events, ms(at)):
        pass
    return engine


def report_at(at: str, *events: TimedEvent, rules: RuleBook = JOOM, order: str = "1") -> dict[str, Any]:
    engine = engine_at(at, *events, rules=rules)
    shop = engine.shop("joom", "s1")
    facts = facts_at_hand(shop, order)
    assert facts is not None
    return order_report(shop, order, facts, engine.clock_ms)


def states(report: dict[str, Any]) -> dict[str, str]:
    return {each["rule"].removeprefix("joom."): each["state"] for each in report["deadlines"]}


def test_an_order_past_its_deadline_says_where_it_counts_and_why() -> None:
    report = report_at("80h", placed(items=ITEMS))
    assert states(report) == {"late_ship": "overdue", "pickup_timeout": "not_begun", "tracking_stalled": "not_begun"}
    [month] = [each for each in report["ratios"] if each["clause"] == "joom-3"]
    assert (month["counts"], month["day"], month["bad"]) == (True, "2026-01-01", True)
    assert month["because"] == [{"what": "overdue", "rule": "joom.late_ship"}]
    assert month["now"]["numerator"] == month["now"]["denominator"] == 1
    assert [(each["rule"], each["at"]) for each in report["marks"]] == [("joom.late_marks", "2026-01-04T00:00:00Z")]
    assert report["verdict"]["overdue"] == ["joom.late_ship"]
    assert report["to_ship"] == [{"sku": "X", "qty": 2}, {"sku": "Y", "qty": 1.5}]


def test_an_order_that_does_not_count_says_what_is_lacking() -> None:
    report = report_at("1h", placed())
    [declared] = [each for each in report["ratios"] if each["clause"] == "joom-11"]
    assert not declared["counts"]
    assert declared["because"] == [{"what": "term", "name": "predeclared", "is": [True], "not": True}]


@pytest.mark.parametrize(
    ("at", "events", "state", "why"),
    [
        ("1h", [placed()], "open", "in_time"),
        ("50h", [placed()], "due_soon", "trouble"),
        (
            "80h",
            [placed(), shipped(at="10h"), collected(at="20h"), scanned(at="79h", status="delivered")],
            "met",
            "delivered",
        ),
        ("80h", [placed(), shipped(at="75h"), collected(at="76h")], "met_late", "trouble"),
        ("9h", [placed(), cancelled(at="1h", by="buyer")], "met", "cancelled"),
        ("9h", [placed(), refunded(at="1h")], "open", "refunded"),
        ("9h", [placed(), event("order.voided", "1", "1h")], "not_applicable", "voided"),
        ("9h", [placed(paid=False)], "not_begun", "unpaid"),
        ("9h", [shipped()], "not_begun", "in_time"),
    ],
)
def test_why_nothing_is_wrong_is_said_in_a_word(at: str, events: list[TimedEvent], state: str, why: str) -> None:
    report = report_at(at, *events)
    assert states(report)["late_ship"] == state
    assert report["verdict"]["why"] == why
    assert report["verdict"]["in_trouble"] == (why == "trouble")


def test_an_order_that_no_pack_watches_says_so() -> None:
    assert report_at("99h", placed(), rules=book(platform="ozon"))["verdict"]["why"] == "unwatched"


def test_parcels_are_listed_with_what_was_left_out_and_why() -> None:
    report = report_at(
        "30h",
        placed(items=ITEMS),
        shipped(at="10h", parcel="P1", carrier="SF", tracking_no="sf1", items=[{"sku": "X", "qty": 2}]),
        shipped(at="12h", parcel="P2", tracking_no="sf2", items=[{"sku": "X", "qty": 1}], replaces="P9"),
        event("tracking.updated", "1", "13h", tracking_no="nobody", status="in_transit"),
    )
    assert [(each["parcel"], each["tracking_no"]) for each in report["parcels"]] == [("P1", "sf1"), ("P2", "sf2")]
    assert report["left_out"] == [{"what": "NOBODY", "why": "no shipment of this order names it"}]
    assert report["odd"] == ["data.replaces: P9 is no parcel of this order"]
    assert [(each["sku"], each["ordered"], each["shipped"]) for each in report["lines"]] == [("X", 2, 2), ("Y", 1.5, 0)]
    assert report["to_ship"] == [{"sku": "Y", "qty": 1.5}]
    assert {each["parcel"] for each in report["deadlines"] if each["rule"] == "joom.pickup_timeout"} == {"P1", "P2"}


def test_part_of_a_line_that_was_cancelled_is_not_to_be_shipped() -> None:
    report = report_at("3h", placed(items=ITEMS), cancelled(at="1h", items=[{"sku": "X", "qty": 1}], by="buyer"))
    assert report["to_ship"] == [{"sku": "X", "qty": 1}, {"sku": "Y", "qty": 1.5}]


def test_an_override_and_the_shops_programme_decide_as_they_do_in_the_engine() -> None:
    rules = book(late_ship(within="24h"))
    assert report_at("30h", placed(), rules=rules)["verdict"]["overdue"] == ["joom.late"]
    ours = book(late_ship(programmes=["fast"]))
    assert report_at("80h", placed(), rules=ours)["verdict"]["why"] == "unwatched"
    profile = event("shop.profile", at="0h", programme="fast")
    assert report_at("80h", profile, placed(), rules=ours)["verdict"]["overdue"] == ["joom.late"]


HAPPENINGS = st.sampled_from(
    [
        placed(),
        placed(items=ITEMS, predeclared=True),
        shipped(at="10h", carrier="SF", tracking_no="1"),
        shipped(at="75h", parcel="P1", items=[{"sku": "X", "qty": 2}], logistics="own"),
        collected(at="20h"),
        scanned(at="90h", status="delivered"),
        cancelled(at="80h", by="seller"),
        cancelled(at="1h", by="buyer"),
        event("order.reopened", "1", "85h"),
        event("order.voided", "1", "95h"),
        refunded(at="96h"),
    ]
)


@given(events=st.lists(HAPPENINGS, min_size=1, max_size=6), at=st.sampled_from(["1h", "73h", "100h", "400h"]))
def test_it_counts_an_order_where_the_engine_does(events: list[TimedEvent], at: str) -> None:
    engine = engine_at(at, *events, rules=EVERY)
    shop = engine.shop("joom", "s1")
    order = shop.orders["1"]
    report = order_report(shop, "1", order.facts, engine.clock_ms)
    shown = {each["rule"]: (each["counts"], each["bad"]) for each in report["ratios"]}
    for ratio in shop.plan.ratios:
        part = ratio.part_of(order.decoded())
        assert shown[ratio.rule.id] == (part is not None, part is not None and part[1])
    overdue = {each["rule"] for each in report["deadlines"] if each["state"] == "overdue"}
    assert overdue == {timer.rule.id for timer in shop.plan.timers if timer.bit & order.overdue}


# -- the search ------------------------------------------------------------------------------------------------


def found(number: str, engine: Engine) -> list[tuple[str, str]]:
    search = Search(number)
    for _ in search.work(engine.shops.values()):
        pass
    return [(each.order, each.by) for each in search.found]


def test_an_order_is_found_by_its_number_and_by_its_parcels() -> None:
    engine = engine_at(
        "20h",
        placed("A-1"),
        shipped("A-1", "1h", tracking_no="sf 10"),
        placed("A-2", items=ITEMS),
        shipped("A-2", "1h", parcel="P1", tracking_no="SF11", items=[{"sku": "X", "qty": 2}]),
        shipped("A-2", "2h", parcel="P2", items=[{"sku": "Y", "qty": 1.5}]),
    )
    assert found("A-1", engine) == [("A-1", "order")]
    assert found(" a-1 ", engine) == [("A-1", "order")]
    assert found("SF 10", engine) == [("A-1", "parcel")]
    assert found("sf11", engine) == [("A-2", "parcel")]
    assert found("p2", engine) == [("A-2", "parcel")]
    assert found("A", engine) == []


def test_a_search_stops_where_it_has_found_enough() -> None:
    engine = engine_at("20h", *(placed("1", shop=f"s{n}") for n in range(40)))
    assert len(found("1", engine)) == 20
