"""Orders that go out in several parcels, in parts, again, or not at all, as rules look at them."""

import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from tests.rules.history import (
    book,
    brief,
    cancelled,
    collected,
    event,
    late_ship,
    ms,
    placed,
    refunded,
    rule,
    run,
    scanned,
    shipped,
    stood,
)

PICKUP = rule("deadline", "pickup", **{"from": "shipped"}, until=["collected", "scanned", "cancelled"], within="24h")
SILENT = rule("silence", "silent", after=["collected", "news"], until=["delivered", "sent_back"], within="48h")
P1, P2 = {"tracking_no": "P1"}, {"tracking_no": "P2"}
WARN_6H = {"before": "6h", "severity": "info"}
TWO = [{"sku": "A", "qty": 2}, {"sku": "B"}]


def changes_of(events, until, *rules):
    return brief(run(book(*rules), events, until))


def test_each_parcel_has_its_own_pickup_deadline():
    events = [placed(), shipped(at="1h", **P1), shipped(at="5h", **P2), collected(at="20h", **P2)]
    [alert] = run(book(PICKUP), events, "60h")
    assert (brief([alert]), alert.data.evidence["parcel"]) == (["25h opened overdue deadline_passed"], "P1")


def test_a_parcel_is_warned_of_in_its_own_time_whatever_another_waits_for():
    pickup = rule("deadline", "pickup", **{"from": "shipped"}, until=["collected"], within="24h", warn=[WARN_6H])
    first = [placed(), shipped(at="1h", **P1)]
    second = [shipped(at="20h", **P2), collected(at="30h", **P2)]
    assert changes_of(first + second, "60h", pickup) == [
        "19h opened due_soon deadline_near",
        "25h updated overdue deadline_passed",
    ]


def test_silence_of_a_parcel_is_warned_of_while_another_is_heard_of():
    silent = rule("silence", "silent", after=["collected", "news"], until=["delivered"], within="48h", warn=[WARN_6H])
    events = [placed(), shipped(at="1h", **P1), shipped(at="2h", **P2)]
    events += [scanned(at="5h", **P1), scanned(at="42h", **P2)]
    assert changes_of(events, "60h", silent) == ["47h opened due_soon deadline_near", "53h updated overdue went_silent"]


def test_parcels_due_at_one_instant_are_one_alert_until_the_last_is_collected():
    events = [
        placed(),
        shipped(at="1h", **P1),
        shipped(at="1h", **P2),
        collected(at="30h", **P1),
        collected(at="40h", **P2),
    ]
    assert changes_of(events, "60h", PICKUP) == ["25h opened overdue deadline_passed", "40h resolved overdue fulfilled"]


def test_parcels_under_one_number_are_collected_together():
    both = [shipped(at="1h", parcel="A", **P1), shipped(at="2h", parcel="B", **P1)]
    assert changes_of([placed(), *both, collected(at="9h", **P1)], "60h", PICKUP) == []


def test_a_number_that_was_corrected_is_the_other_parcels():
    events = [placed(), shipped(at="1h", parcel="A", **P1), shipped(at="2h", parcel="A", **P2)]
    events += [shipped(at="2h", parcel="B", **P1), collected(at="9h", **P1)]
    [alert] = run(book(PICKUP), events, "60h")
    assert (brief([alert]), alert.data.evidence["parcel"]) == (["25h opened overdue deadline_passed"], "A")


def test_silence_is_looked_at_parcel_by_parcel():
    events = [placed(), shipped(at="1h", **P1), shipped(at="1h", **P2)]
    events += [scanned(at="5h", **P1), scanned(at="7h", status="delivered", **P1), scanned(at="9h", **P2)]
    assert changes_of(events, "90h", SILENT) == ["57h opened overdue went_silent"]


def test_an_order_is_shipped_once_all_that_is_open_is():
    part = [placed(items=TWO), shipped(at="5h", **P1, items=[{"sku": "A", "qty": 2}])]
    assert changes_of(part, "80h", late_ship()) == ["72h opened overdue deadline_passed"]
    assert changes_of([*part, shipped(at="6h", **P2, items=[{"sku": "B"}])], "80h", late_ship()) == []
    assert changes_of([*part, cancelled(at="6h", items=[{"sku": "B"}])], "80h", late_ship()) == []
    assert changes_of([*part, shipped(at="6h", complete=True)], "80h", late_ship()) == []
    assert len(changes_of([*part, shipped(at="6h", complete=False, **P2)], "80h", late_ship())) == 1


def test_a_reopened_order_is_due_as_before_or_when_that_was_said():
    events = [placed(), cancelled(at="5h"), event("order.reopened", "1", "6h")]
    assert changes_of(events, "80h", late_ship()) == ["72h opened overdue deadline_passed"]
    events[-1] = event("order.reopened", "1", "6h", ship_by=ms("30h"))
    assert changes_of(events, "80h", late_ship(ship_by=True)) == ["30h opened overdue deadline_passed"]


def test_an_order_reopened_after_it_was_taken_for_settled_is_watched_again():
    events = [placed(), cancelled(at="80h"), event("order.reopened", "1", "90h")]
    assert changes_of(events, "99h", late_ship()) == [
        "72h opened overdue deadline_passed",
        "80h resolved overdue cancelled",
        "90h opened overdue deadline_passed",
    ]


def test_a_voided_order_has_never_been():
    ratio = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="5%", window={"align": "month"})
    events = [placed(), placed("2"), shipped("2", "1h"), event("order.voided", "1", "80h", reason="merged", into="2")]
    alerts = [alert for alert in run(book(late_ship(), ratio), events, "90h") if alert.data.rule == "joom.late"]
    assert brief(alerts) == ["72h opened overdue deadline_passed", "80h resolved overdue voided"]
    metric = stood(book(late_ship(), ratio), events, "90h")["metrics"]["own-share"]
    assert (metric["numerator"], metric["denominator"]) == (0, 1)


def test_an_order_that_is_not_paid_has_no_deadline_and_counts_nowhere():
    ratio = rule("ratio", "share", numerator="cancelled", threshold="5%", window={"align": "month"})
    events = [placed(paid=False), placed("2")]
    assert {alert.order for alert in run(book(late_ship()), events, "80h")} == {"2"}
    assert stood(book(ratio), events, "80h")["metrics"]["own-share"]["denominator"] == 1
    assert changes_of([placed(paid=False), event("order.paid", "1", "60h")], "140h", late_ship()) == [
        "132h opened overdue deadline_passed"
    ]
    assert changes_of([placed(), event("order.paid", "1", "60h")], "80h", late_ship()) == [
        "72h opened overdue deadline_passed"
    ]


def test_an_event_sent_again_with_another_time_counts_once():
    order, half = placed(amount="10", items=TWO), {"items": [{"sku": "A", "qty": 1}], "id": "again"}
    rules = late_ship(until=["shipped", "cancelled", "refunded"])
    for kind, data in ((cancelled, half), (refunded, {"amount": "5", "id": "again"})):
        twice = [order, kind(at="5h", **data), kind(at="6h", **data), cancelled(at="7h", items=[{"sku": "B"}])]
        for events in (twice, [*reversed(twice)]):
            assert changes_of(events, "80h", rules) == ["72h opened overdue deadline_passed"]


def test_only_a_refund_of_all_of_it_ends_an_order():
    rules = late_ship(until=["shipped", "refunded"])
    order = placed(amount="10", items=TWO)
    for refunds, is_over in (
        ([refunded(at="5h", amount="4")], False),
        ([refunded(at="5h", amount="4"), refunded(at="6h", amount="6")], True),
        ([refunded(at="5h", amount="1", full=True)], True),
        ([refunded(at="5h", full=False)], False),
        ([refunded(at="5h", items=[{"sku": "A"}])], False),
        ([refunded(at="5h", items=[{"sku": "A"}, {"sku": "B"}])], True),
    ):
        assert (changes_of([order, *refunds], "80h", rules) == []) is is_over


def test_a_part_that_is_cancelled_is_a_fact_of_its_own():
    ratio = rule(
        "ratio",
        "share",
        numerator={"has": "part_cancelled", "by": "seller"},
        threshold="5%",
        window={"align": "month"},
    )
    events = [placed(items=TWO), cancelled(at="5h", by="seller", reason="stock", items=[{"sku": "B"}]), placed("2")]
    metric = stood(book(ratio), events, "9h")["metrics"]["own-share"]
    assert (metric["numerator"], metric["denominator"]) == (1, 2)


def test_orders_in_one_parcel_have_no_reused_number():
    reused = rule("event", "reused", ("crossed",), of={"reused": "tracking_no"}, lasts="30d")
    one, other = placed("1"), placed("2")
    same = {"tracking_no": "P1", "carrier": "X"}
    assert changes_of([one, other, shipped("1", "5h", **same), shipped("2", "5h", **same)], "9h", reused) == []
    assert changes_of([one, other, shipped("1", "5h", **same), shipped("2", "7h", **same)], "9h", reused) == [
        "7h opened crossed happened"
    ]
    together = shipped("2", "7h", **same, combined_with="1")
    assert changes_of([one, other, shipped("1", "5h", **same), together], "9h", reused) == []


def test_an_alert_of_the_shop_about_a_voided_order_ends_with_that_reason():
    reused = rule("event", "reused", ("crossed",), of={"reused": "tracking_no"}, lasts="30d")
    events = [placed("1"), placed("2"), shipped("1", "1h", **P1), shipped("2", "5h", **P1)]
    assert changes_of([*events, event("order.voided", "2", "9h")], "10h", reused) == [
        "5h opened crossed happened",
        "9h resolved crossed voided",
    ]


def test_the_number_of_a_replaced_parcel_is_free_again():
    reused = rule("event", "reused", ("crossed",), of={"reused": "tracking_no"}, lasts="30d")
    events = [placed("1"), placed("2"), shipped("1", "1h", **P1), shipped("1", "2h", **P2, replaces="P1")]
    assert changes_of([*events, shipped("2", "9h", **P1)], "10h", reused) == []


@pytest.mark.parametrize(
    ("events", "left_out"),
    [
        ([shipped(at="5h", **P2, replaces="P9")], "data.replaces: P9 is no parcel of this order"),
        ([shipped(at="5h", **P1, combined_with="1")], "data.combined_with: it names the order itself"),
        ([shipped(at="5h", items=[{"sku": "Q"}])], "data.items: Q is no line of this order"),
        ([cancelled(at="5h", items=[{"sku": "Q"}])], "data.items: Q is no line of this order"),
        ([cancelled(at="5h", items=[{"sku": "B", "qty": 3}])], "data.items: more of B was cancelled than ordered"),
        ([placed(at="1500h")], "time: the order had been placed before, 62 days earlier"),
        ([shipped(at="5h", **P1), shipped(at="6h", **P2, replaces="P1")], None),
        (
            [cancelled(at="5h", items=[{"sku": "A", "qty": 1}]), cancelled(at="6h", items=[{"sku": "A", "qty": 1}])],
            None,
        ),
    ],
)
def test_what_does_not_fit_its_order_is_left_out_and_said_once(events, left_out):
    engine, found = Engine(book(late_ship()), stepping=True), []
    for _ in replay(engine, [placed(items=TWO), *events, *events], note=lambda odd: found.append(str(odd))):
        pass
    assert found == ([] if left_out is None else [f"kept without {left_out}"])


MANY_PARCELS = 150


def test_an_order_of_very_many_parcels_is_shipped_with_the_last_of_them():
    events = [placed(items=[{"sku": "A", "qty": MANY_PARCELS}])]
    events += [shipped(at=f"{n}m", tracking_no=f"P{n}", items=[{"sku": "A", "qty": 1}]) for n in range(MANY_PARCELS)]
    events += [collected(at=f"{300 + n}m", tracking_no=f"P{n}") for n in range(MANY_PARCELS)]
    assert changes_of(events, "80h", late_ship(), PICKUP) == []
    [left] = run(book(PICKUP), [*events[:-10], *events[-9:]], "80h")
    assert left.data.evidence["parcel"] == f"P{MANY_PARCELS - 10}"
    assert changes_of(events[:90] + events[91:], "80h", late_ship()) == ["72h opened overdue deadline_passed"]


@pytest.mark.parametrize(("statements", "message"), [(100, 0), (101, 1), (130, 1)])
def test_what_is_more_than_is_kept_of_a_parcel_is_said_once(statements, message):
    engine = Engine(book(late_ship()), stepping=True)
    engine.apply(*placed(items=TWO))
    odd = [engine.apply(*shipped(at=f"{n}m", **P1, carrier=f"C{n}", items=[{"sku": "A"}])) for n in range(statements)]
    assert [str(each) for each in odd if each] == [
        "kept without some events: of more than 100 of one kind about parcel P1 the first and last are kept"
    ] * message
    [order] = engine.shop("joom", "s1").orders.values()
    assert len(order.facts.statements) <= 102
    assert order.facts.shipped is None


@pytest.mark.parametrize(
    "about_an_order",
    [
        rule("count", "judged", ("crossed",), of={"judged": "joom.late"}, per="order", threshold=1, lasts="30d"),
        rule("tasks", "tell", ("due_soon", "overdue"), of={"missed": "joom.late"}, tasks=["tell_buyer"], within="9d",
             lasts="30d", warn=[{"before": "9d", "severity": "info"}]),
    ],
    ids=["a count", "a task"],
)  # fmt: skip
def test_what_an_order_has_counted_for_ends_with_it_when_it_is_voided(about_an_order):
    events = [placed(), event("order.voided", "1", "80h")]
    ended = [each for each in run(book(late_ship(), about_an_order), events, "90h") if each.type == "alert.resolved"]
    assert {each.data.rule: each.data.reason for each in ended} == {
        "joom.late": "voided",
        about_an_order["id"]: "voided",
    }


def test_an_order_that_turns_out_to_be_unpaid_has_no_deadline():
    late_word = event("order.placed", "1", "1h", paid=False)
    alerts = run(book(late_ship()), [placed(), shipped("2", "80h"), late_word], "90h")
    assert brief(alerts) == ["72h opened overdue deadline_passed", "80h resolved overdue no_longer_applies"]
    assert alerts[-1].data.evidence["unpaid"] == "not paid yet: no deadline"


def test_cancelled_lines_are_not_sold():
    cover = {"id": "joom.cover", "clause": "own-1", "kind": "level", "source": "test", "confidence": "ours",
             "of": "stock_cover", "velocity": "7d", "below": 3,
             "severity": {"crossed": "warning"}, "summary": {"crossed": "!"}}  # fmt: skip
    engine = Engine(book(cover), stepping=True)
    lines = [{"line": "1", "sku": "A", "qty": 4}, {"line": "2", "sku": "A", "qty": 2}, {"sku": "B", "qty": 5}]
    stock = event("stock.level", None, "0h", sku="A", on_hand=9)
    gone = [{"line": "1", "qty": 3}, {"line": "2"}, {"sku": "B", "qty": 1}]
    list(replay(engine, [stock, placed(items=lines), cancelled(at="1h", items=gone)], ms("2h")))
    sold = engine.shop("joom", "s1").sales.by_sku
    assert {sku: sum(by_day.values()) for sku, by_day in sold.items()} == {"A": 1, "B": 4}
    list(replay(engine, [event("order.reopened", "1", "3h")], ms("4h")))
    assert {sku: sum(by_day.values()) for sku, by_day in sold.items()} == {"A": 6, "B": 5}
