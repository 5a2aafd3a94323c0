"""Ratios: exact thresholds, windows, money and headroom."""

from typing import Any

import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.reports.standing import standing
from tests.rules.history import (
    TimedEvent,
    book,
    brief,
    cancelled,
    drained,
    event,
    ms,
    placed,
    rule,
    run,
    shipped,
    tick,
)
from tests.rules.kinds.ratios import emitted, many, share


def at_once(rules: Any, batches: dict[str, list[TimedEvent]], until: str | None = None) -> list[Any]:
    """The alerts when each batch is judged as a whole."""
    engine = Engine(rules, stepping=True)
    for at, events in batches.items():
        engine.advance(ms(at))
        for happened, at_ms in events:
            engine.apply(happened, at_ms)
        engine.settle()
    engine.advance(engine.clock_ms if until is None else ms(until))
    return [alert for alert in drained(engine) if alert.data.rule == "joom.share"]


def test_above_the_threshold_it_is_crossed_and_back_at_it_resolved():
    opened, resolved = at_once(share(), {"1h": many(good=94, bad=6), "5h": many(good=20, bad=0, at="5h")})
    assert brief([opened, resolved]) == ["1h opened crossed threshold_crossed", "5h resolved crossed fell_back"]
    assert (opened.data.value, opened.data.threshold, opened.data.headroom) == (0.06, 0.05, -1)
    assert (resolved.data.value, resolved.data.threshold, resolved.data.headroom) == (0.05, 0.05, 0)


@pytest.mark.parametrize(("good", "bad", "crossed"), [(95, 5, False), (94, 6, True), (19, 1, False), (18, 1, True)])
def test_exactly_the_threshold_is_not_above_it(good, bad, crossed):
    assert bool(at_once(share(), {"1h": many(good, bad)})) is crossed


@pytest.mark.parametrize(
    ("good", "bad", "headroom"),
    [(100, 0, 5), (97, 3, 2), (95, 5, 0), (94, 6, -1), (80, 20, -15), (19, 0, 0), (18, 1, -1), (20, 0, 1)],
)
def test_headroom_is_how_many_more_may_go_bad_and_below_nothing_once_crossed(good, bad, headroom):
    engine = Engine(share(), stepping=True)
    for happened, at_ms in many(good, bad):
        engine.apply(happened, at_ms)
    engine.advance(ms("2h"))
    metric = standing(engine.shop("joom", "s1"), engine.clock_ms)["metrics"]["own-share"]
    assert (metric["numerator"], metric["denominator"], metric["headroom"]) == (bad, good + bad, headroom)


def test_ratios_of_the_same_orders_fall_back_each_with_the_very_order_that_takes_it_there():
    buyers, sellers = (
        rule("ratio", f"{who}s", numerator={"has": "cancelled", "by": [who]}, threshold=share, window={"length": "30d"})
        for who, share in (("buyer", "20%"), ("seller", "9%"))
    )
    bad = {"0h": ("buyer", "seller"), "6h": ("buyer",)}
    events: list[TimedEvent] = []
    for hour in range(12):
        for who in (*bad.get(f"{hour}h", ()), None):
            name = f"{hour} {who}"
            events += [placed(name, f"{hour}h"), *([cancelled(name, f"{hour}h", by=who)] if who else [])]
    alerts = [alert for alert in run(book(buyers, sellers), events) if alert.data.reason != "figures_moved"]
    assert brief([alert for alert in alerts if alert.data.rule == "joom.buyers"]) == [
        "0h opened crossed threshold_crossed",  # 1 of 3
        "2h resolved crossed fell_back",  # 1 of 5
        "6h opened crossed threshold_crossed",  # 2 of 9, then 2 of 10
        "6h resolved crossed fell_back",
    ]
    assert brief([alert for alert in alerts if alert.data.rule == "joom.sellers"]) == [
        "0h opened crossed threshold_crossed",  # 1 of 3
        "8h resolved crossed fell_back",  # 1 of 12
    ]


def test_few_orders_say_nothing():
    rules = share(at_least=20)
    assert at_once(rules, {"1h": many(good=9, bad=10)}) == []
    assert len(at_once(rules, {"1h": many(good=10, bad=10)})) == 1


def test_near_crossed_near_again_and_over():
    rules = share(near="4%")
    events = [
        *[placed(str(n)) for n in range(100)],
        *[cancelled(str(n), f"{n + 1}h", by="seller") for n in range(6)],
        *[shipped(str(n), "7h") for n in range(6, 100)],
        *[placed(f"more{n}", "8h") for n in range(20)],
        *[placed(f"most{n}", "9h") for n in range(100)],
    ]
    assert brief(emitted(rules, events, "10h")) == [
        "5h opened near threshold_near",
        "6h updated crossed threshold_crossed",
        "8h updated near fell_back",
        "9h resolved near fell_back",
    ]


def test_orders_leave_a_rolling_window_with_their_day():
    batches = {"1h": many(good=1, bad=1, at="1h"), "30h": many(good=1, bad=0, at="30h")}
    alerts = at_once(share(window={"length": "2d"}), batches, "100h")
    assert brief(alerts) == [
        "1h opened crossed threshold_crossed",
        "30h updated crossed figures_moved",
        "48h resolved crossed fell_back",
    ]
    assert [alert.data.evidence["denominator"] for alert in alerts] == [2, 3, 1]


def test_late_orders_count_on_the_day_they_were_placed():
    # Placed on the 1st, late on the 4th, when the window has just left the 1st.
    assert emitted(share(window={"length": "3d"}), [placed("1", "1h")], "200h") == []
    assert brief(emitted(share(window={"length": "4d"}), [placed("1", "1h")], "200h")) == [
        "73h opened crossed threshold_crossed",
        "96h resolved crossed fell_back",
    ]


def test_a_window_with_lag_leaves_today_out():
    rules = share(window={"length": "1d", "lag": "1d"})
    assert brief(emitted(rules, many(good=0, bad=1), "100h")) == [
        "24h opened crossed threshold_crossed",
        "48h resolved crossed fell_back",
    ]


# -- months ---------------------------------------------------------------------------------------------------

MONTH = {"align": "month"}


@pytest.mark.parametrize(
    ("at", "zone", "period"),
    [
        ("2026-01-31T23:59:59Z", "UTC", "2026-01"),
        ("2026-02-01T00:00:00Z", "UTC", "2026-02"),
        ("2026-01-31T15:59:59Z", "Asia/Shanghai", "2026-01"),
        ("2026-01-31T16:00:00Z", "Asia/Shanghai", "2026-02"),
        ("2024-02-29T12:00:00Z", "UTC", "2024-02"),
    ],
)
def test_an_order_belongs_to_the_local_month_it_was_placed_in(at, zone, period):
    rules = share(window={**MONTH, "lag": "10d"}, zone=zone)
    [alert, *_] = emitted(rules, [placed(at=at), cancelled(at=at, by="seller")])
    assert alert.data.alert == f"joom.share:joom/s1:-:{period}"


def test_a_month_without_lag_is_over_with_its_last_instant():
    last = "2026-01-31T23:00:00Z"
    alerts = emitted(share(window=MONTH), [placed(at=last), cancelled(at=last, by="seller")], "2026-03-15T00:00:00Z")
    assert [(alert.time, alert.data.reason) for alert in alerts] == [
        (last, "threshold_crossed"),
        ("2026-02-01T00:00:00Z", "period_ended"),
    ]


def test_with_lag_a_month_and_the_next_are_judged_side_by_side():
    january, february = "2026-01-31T23:00:00Z", "2026-02-01T01:00:00Z"
    rules = share(window={**MONTH, "lag": "10d"})
    events = [placed("1", january), placed("2", february)]
    alerts = emitted(rules, events, "2026-03-15T00:00:00Z")
    assert [(alert.data.alert[-7:], alert.type[6:], alert.time) for alert in alerts] == [
        ("2026-01", "opened", "2026-02-03T23:00:00Z"),
        ("2026-02", "opened", "2026-02-04T01:00:00Z"),
        ("2026-01", "resolved", "2026-02-11T00:00:00Z"),
        ("2026-02", "resolved", "2026-03-11T00:00:00Z"),
    ]


def test_an_order_that_falls_due_after_the_lag_counts_for_no_month():
    last = "2026-01-31T23:00:00Z"
    assert emitted(share(window={**MONTH, "lag": "2d"}), [placed(at=last)], "2026-03-15T00:00:00Z") == []


def test_an_alert_of_a_period_that_is_over_says_what_it_came_to():
    last = "2026-01-31T23:00:00Z"
    rules = share(window=MONTH, summary={"crossed": "{numerator} of {denominator} in {period}"})
    alerts = emitted(rules, [placed(at=last), cancelled(at=last, by="seller")], "2026-03-15T00:00:00Z")
    assert [alert.data.summary for alert in alerts] == [
        "1 of 1 in 2026-01",
        "2026-01 ended at 100 % of 5 %: 1 of 1 orders",
    ]
    assert (alerts[1].data.value, alerts[1].data.evidence["orders"]) == (1.0, ["1"])


@pytest.mark.parametrize(("later", "figures"), [([], (1, 2)), ([placed("later", "33d")], (0, 1))])
def test_until_a_new_month_has_orders_its_figures_are_those_of_the_month_that_was_computed(later, figures):
    engine = Engine(share(window=MONTH, every="month"), stepping=True)
    list(replay(engine, [*many(1, 1, "24h"), *later], ms("34d")))
    found = standing(engine.shop("joom", "s1"), ms("34d"))["metrics"]["own-share"]
    assert (found["numerator"], found["denominator"]) == figures


def test_a_week_turns_from_sunday_to_monday():
    sunday, monday = "2026-11-29T23:59:59Z", "2026-11-30T00:00:00Z"
    rules = share(window={"align": "week"})
    alerts = emitted(
        rules, [placed(at=sunday), cancelled(at=sunday, by="seller"), tick(monday)], "2026-12-08T00:00:00Z"
    )
    assert [(alert.data.alert[-8:], alert.time) for alert in alerts] == [
        ("2026-W48", sunday),
        ("2026-W48", monday),
    ]


# -- money, evidence ------------------------------------------------------------------------------------------

TAKEN = {"penalty": {"share": "20%", "effect": "taken from the deposit"}}


def test_the_penalty_is_a_share_of_the_bad_orders_amounts_currencies_apart():
    events = [
        placed("1", amount="10.00", currency="USD"),
        placed("2", amount="0.10", currency="USD"),
        placed("3", amount="100", currency="IDR"),
        placed("4"),
        placed("5", amount="999", currency="USD"),
        shipped("5", "1h"),
    ]
    penalty = emitted(share(**TAKEN), events, "73h")[-1].data.penalty
    assert (penalty.amount, penalty.currency, penalty.others) == (
        "20.00",
        "IDR",
        [{"amount": "2.02", "currency": "USD"}],
    )


def test_an_order_without_a_currency_is_in_that_of_the_shops_profile():
    events = [
        placed("1", amount="10.00"),
        placed("2", amount="5.00", currency="USD"),
        event("shop.profile", None, "1h", currency="EUR"),
    ]
    penalty = emitted(share(**TAKEN), events, "73h")[-1].data.penalty
    assert (penalty.amount, penalty.currency) == ("2.00", "EUR")
    assert penalty.others == [{"amount": "1.00", "currency": "USD"}]


def test_amounts_at_the_edges_of_what_is_money_are_added_up():
    events = [
        placed("1", amount="999999999999999.99"),
        placed("2", amount="1e-40"),
        placed("3", amount="0." + "3" * 39),
    ]
    assert emitted(share(**TAKEN), events, "73h")[-1].data.penalty.amount == "200000000000000.06"


def test_an_amount_corrected_by_a_later_event_counts_corrected():
    events = [placed("1", "5h", amount="30"), placed("1", "1h", amount="10"), placed("2", "5h", amount="1")]
    assert emitted(share(**TAKEN), events, "73h")[-1].data.penalty.amount == "6.00"


def test_the_evidence_names_the_bad_orders_and_the_windows_bounds():
    [alert] = at_once(share(zone="Asia/Shanghai"), {"1h": many(good=10, bad=30)})
    evidence = alert.data.evidence
    assert (evidence["numerator"], evidence["denominator"], evidence["orders_total"]) == (30, 40, 30)
    assert evidence["orders"] == sorted(f"0h-{n}" for n in range(30))[:20]
    assert evidence["window"] == {"from": "2025-12-02T16:00:00Z", "to": "2026-01-01T16:00:00Z"}
