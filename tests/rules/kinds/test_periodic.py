"""Ratios that are computed at boundaries: what holds until the next one, and what that would bring."""

from typing import Any

import pytest
from hypothesis import given, settings

from rules.calendar.instants import HOUR_MS
from rules.dsl.reader import parse
from rules.engine.engine import Engine
from rules.kinds.ratio import periodic
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standing
from tests.rules.histories import END_MS, Worker, apply, histories
from tests.rules.history import (
    START_MS,
    TimedEvent,
    book,
    brief,
    cancelled,
    event,
    late_ship,
    moved,
    ms,
    placed,
    rule,
    run,
    shipped,
)

BAD = {"has": "cancelled", "by": ["seller"]}

MONDAY = "96h"
"""The first of them after the start, a Thursday; the next comes at 264h, and the one behind it at 432h."""


def weekly(**parts: Any) -> RuleBook:
    """Cancellations of the last seven days, looked at each Monday."""
    window = {"length": "7d", "lag": "1d"}
    return book(
        rule(
            "ratio",
            "share",
            **{"numerator": BAD, "window": window, "every": "week", "threshold": "20%", "near": "10%", **parts},
        )
    )


def orders(good: int, bad: int, at: str) -> list[Any]:
    """Orders placed at a time, the bad ones cancelled at once."""
    names = [f"{at}-{n}" for n in range(good + bad)]
    return [placed(name, at) for name in names] + [cancelled(name, at, by="seller") for name in names[:bad]]


def test_a_week_without_orders_ends_what_the_week_before_brought():
    assert brief(run(weekly(), orders(6, 4, "50h"), until="600h")) == [
        "50h opened near threshold_near",
        "50h updated near figures_moved",
        f"{MONDAY} updated crossed threshold_crossed",
        "264h resolved crossed fell_back",
    ]


def test_what_monday_has_counted_is_not_held_against_the_next():
    assert brief(run(weekly(), orders(9, 1, "50h") + orders(10, 0, "120h"), until="260h")) == []
    alerts = run(weekly(near="5%"), orders(9, 1, "50h") + orders(10, 0, "120h"), until="260h")
    assert brief(alerts) == ["50h opened near threshold_near", f"{MONDAY} resolved near fell_back"]


def test_the_day_that_is_running_counts_for_the_next_computation():
    [near] = run(weekly(), orders(8, 2, "250h"), until="260h")
    assert brief([near]) == ["250h opened near threshold_near"]
    assert (near.data.evidence["numerator"], near.data.evidence["denominator"], near.data.headroom) == (2, 10, 0)
    assert near.data.evidence["window"] == {"from": "2026-01-05T00:00:00Z", "to": "2026-01-12T00:00:00Z"}


def test_a_lag_gives_what_is_young_its_time_between_the_borders_too():
    scanned = weekly(
        numerator="scanned", denominator="shipped", anchor="shipped", good=True, threshold="95%", near="97%",
        window={"length": "7d", "lag": "3d"},
    )  # fmt: skip
    young = [placed("1", "98h"), shipped("1", "99h")]
    assert brief(run(scanned, young, until="167h")) == []
    assert brief(run(scanned, young, until="169h")) == ["168h opened near threshold_near"]


POINTS = """
platform: joom
zone: Asia/Singapore
sites: {ID: {zone: Asia/Jakarta}, US: {zone: America/Los_Angeles}}
rules:
  - {id: joom.share, clause: own-1, kind: ratio, source: test, confidence: ours, every: week, threshold: 20%,
     numerator: {has: cancelled, by: [seller]}, window: {length: 7d, lag: 1d}, severity: {near: info,
     crossed: critical}, summary: {near: nearly, crossed: it happened}}
  - {id: joom.points, clause: own-2, kind: ledger, source: test, confidence: ours, ledger: points,
     feeds: [{clause: own-2, computed: joom.share, points_of: {crossed: 1}}]}
"""
"""A point for each week with too many cancellations, which begins at Monday in the site's own zone."""


def ledger_of(engine: Engine) -> dict[str, Any]:
    ledger: dict[str, Any] = standing(engine.shop("joom", "s1"), engine.clock_ms)["ledgers"]["points"]
    return ledger


def with_too_many_cancellations() -> Engine:
    """An engine with a shop that they cost a point in its first week."""
    engine = Engine(RuleBook([parse(POINTS, "test.yaml")]), stepping=True)
    for happened, at_ms in orders(6, 4, "50h"):
        engine.apply(happened, at_ms)
    engine.advance(ms("100h"))
    assert ledger_of(engine)["since"] == "2026-01-04T16:00:00Z"
    return engine


def test_a_shop_whose_site_is_told_late_is_not_computed_at_two_borders():
    engine = with_too_many_cancellations()
    engine.apply(*event("shop.profile", at="0h", site="ID"))
    engine.advance(ms("110h"))
    assert ledger_of(engine) == {
        "points": 1.0,
        "since": "2026-01-04T17:00:00Z",  # Monday in Jakarta, an hour after Singapore's
        "resets_at": None,
    }


@pytest.mark.parametrize(("site", "since"), [("ID", "2026-01-04T17:00:00Z"), ("US", "2026-01-05T08:00:00Z")])
def test_a_week_whose_orders_have_expired_keeps_what_it_came_to_when_the_site_is_told(site: str, since: str):
    engine = with_too_many_cancellations()
    for days in range(5, 120, 5):
        engine.advance(ms(f"{days}d"))
    assert not engine.shop("joom", "s1").orders
    engine.apply(*event("shop.profile", at="120d", site=site))
    engine.advance(ms("121d"))
    assert ledger_of(engine) == {"points": 1.0, "since": since, "resets_at": None}


def test_an_order_found_late_by_monday_counts_though_it_ships_later():
    late = rule(
        "ratio", "share", numerator={"late": "joom.late"}, every="week", threshold="20%", near="10%",
        window={"length": "7d", "lag": "1d"},
    )  # fmt: skip
    alerts = run(book(late_ship(), late), [placed("1", "1h"), shipped("1", "100h"), placed("2", "110h")], until="150h")
    share = [alert for alert in alerts if alert.data.rule == "joom.share"]
    assert brief(share) == ["73h opened near threshold_near", f"{MONDAY} updated crossed threshold_crossed"]


def test_nearness_is_to_the_first_step_even_when_the_next_computation_would_pass_it():
    summary = dict.fromkeys(("near", "failing", "severe"), "{numerator} of {denominator}, at {threshold}")
    steps = [{"name": "failing", "share": "10%"}, {"name": "severe", "share": "50%"}]
    tiers = weekly(threshold=None, tiers=steps, near="5%", severity=dict.fromkeys(summary, "info"), summary=summary)
    [near] = run(tiers, orders(0, 1, "50h"), until="60h")
    assert (near.data.stage, near.data.threshold, near.data.headroom) == ("near", 0.1, -1)
    assert near.data.summary == "1 of 1, at 10 %"


def test_orders_of_a_week_heard_of_only_after_its_monday_are_computed_all_the_same():
    history = [placed("new", "100h"), *orders(6, 4, "50h")]
    assert brief(run(weekly(), history, until="263h")) == [
        "100h opened crossed threshold_crossed",
        "100h updated crossed figures_moved",
    ]
    assert brief(run(weekly(), history, until="264h"))[2:] == ["264h resolved crossed fell_back"]


def test_until_the_next_border_a_ratio_stands_at_what_was_computed():
    engine = Engine(weekly(), stepping=True)
    for happened, at_ms in orders(6, 4, "50h") + orders(3, 1, "120h"):
        engine.apply(happened, at_ms)
    engine.advance(ms("60h"))
    metric = standing(engine.shop("joom", "s1"), engine.clock_ms)["metrics"]["own-share"]
    assert (metric["numerator"], metric["denominator"], "computed" in metric) == (4, 10, False)
    engine.advance(ms("130h"))
    metric = standing(engine.shop("joom", "s1"), engine.clock_ms)["metrics"]["own-share"]
    assert (metric["numerator"], metric["denominator"], metric["headroom"]) == (4, 10, -2)
    assert metric["window"] == {"from": "2025-12-29T00:00:00Z", "to": "2026-01-05T00:00:00Z"}
    assert (metric["next"]["numerator"], metric["next"]["denominator"], metric["next"]["headroom"]) == (1, 4, -1)


def test_what_was_found_failing_is_told_with_what_was_found_then_and_back_with_what_is_found_now():
    summary = {"near": "nearly", "crossed": "{numerator} of {denominator}"}
    alerts = run(weekly(summary=summary), orders(6, 4, "50h") + orders(9, 0, "120h"), until="300h")
    assert [alert.data.summary for alert in alerts] == [
        "nearly",
        "nearly",
        "4 of 10",
        "Back at 0 % of 20 %: 0 of 9 orders",
    ]


DAILY: dict[str, Any] = {
    "window": {"length": "2d", "lag": "1d"}, "every": "day", "threshold": "10%", "near": "5%",
}  # fmt: skip
LATE = {"late": "joom.late"}

EACH_DAY = book(
    late_ship(within="24h", ship_by=True),
    rule("ratio", "by_placing", numerator=BAD, **DAILY),
    rule("ratio", "by_shipping", numerator=LATE, denominator="shipped", anchor="shipped", **DAILY),
    rule("ratio", "by_due", numerator=LATE, anchor={"due": "joom.late"}, **DAILY),
    rule("ratio", "by_first", numerator=LATE, anchor=["shipped", "cancelled"], **DAILY),
    rule("ratio", "of_month", numerator=BAD, **{**DAILY, "window": {"align": "month"}}),
    rule(
        "ratio",
        "scanned",
        numerator="scanned",
        anchor="collected",
        denominator="collected",
        good=True,
        **{**DAILY, "near": "20%"},
    ),
)
"""Every way in which an order is given its day, computed at midnight."""


@pytest.mark.slow
@settings(max_examples=150)  # each has fifty rules computed every day in four engines
@given(histories())
def test_what_was_computed_at_a_border_knows_nothing_of_what_came_later(events: list[TimedEvent]):
    in_time, all_at_once, in_one_leap = (Engine(EACH_DAY, stepping=stepping) for stepping in (True, True, False))
    in_beats = Engine(EACH_DAY, stepping=True)
    for happened, at_ms in sorted(events, key=lambda each: each[1]):
        in_time.advance(at_ms, including=False)
        in_time.apply(happened, at_ms)
    for engine in (all_at_once, in_one_leap):
        apply(engine, events)
    for commit_cycle, (happened, at_ms) in enumerate(events):
        in_beats.apply(happened, at_ms)
        in_beats.drain()
        in_beats.advance(START_MS + commit_cycle * 8 * HOUR_MS)
    for engine in (in_time, all_at_once, in_one_leap, in_beats):
        engine.advance(END_MS)
    assert computed(in_time) == computed(all_at_once) == computed(in_one_leap) == computed(in_beats)


def test_a_deadline_moved_before_a_border_and_again_after_it_counts_where_it_lay_at_the_border():
    late = late_ship(within="24h", ship_by=True)
    rules = book(late, rule("ratio", "by_due", numerator=LATE, denominator=LATE, anchor={"due": "joom.late"}, **DAILY))
    moves = [moved("1", "10h", to="20h"), moved("1", "150h", to="160h"), placed("1", "151h")]
    live, leapt = Engine(rules, stepping=True), Engine(rules, stepping=False)
    for engine in (live, leapt):
        apply(engine, [*moves, placed("2", "0h")])
        engine.advance(ms("60h"))
    assert computed(live) == computed(leapt)
    assert computed(live)["joom/s1"]["joom.by_due"][ms("48h")].total == 2


def test_an_order_due_at_the_very_border_counts_though_the_border_is_looked_at_in_its_instant():
    rules = book(
        late_ship(),
        rule("ratio", "by_placing", numerator=LATE, **{**DAILY, "window": {"length": "7d", "lag": "1d"}}),
        rule("ratio", "live", numerator=BAD, threshold="5%"),
    )
    events = [placed("1", "24h"), placed("2", "24h"), placed("3", "24h"), cancelled("3", "96h", by="seller")]
    engine = Engine(rules, stepping=True)
    for happened, at_ms in events:  # the cancellation has the shop judged before what is due then has fallen due
        engine.advance(at_ms, including=False)
        engine.apply(happened, at_ms)
        engine.settle()
    engine.advance(ms("100h"))
    assert engine.shop("joom", "s1").computed["joom.by_placing"][ms("96h")].bad == 2


def test_a_border_computed_again_at_its_own_instant_sees_what_has_come_ahead_of_it_since():
    engine = Engine(weekly(), stepping=True)
    apply(engine, [placed("1", "50h"), placed("2", "50h"), placed("3", "50h"), cancelled("3", "97h", by="seller")])
    engine.advance(ms(MONDAY))
    apply(engine, [cancelled("1", "51h", by="seller"), cancelled("2", "98h", by="seller")])
    engine.settle()
    found = engine.shop("joom", "s1").computed["joom.share"][ms(MONDAY)]
    assert (found.bad, found.total) == (1, 3)


def test_a_site_told_at_the_instant_of_a_border_has_all_computed_from_what_its_own_rules_look_at():
    window = {"length": "7d", "lag": "1d"}
    common = {"window": window, "every": "week", "threshold": "20%", "near": "10%"}
    everywhere = rule("ratio", "share", numerator=BAD, **common)
    there = rule("ratio", "kept", numerator={"not": "shipped"}, sites=["ID"], **common)
    engine = Engine(book(everywhere, there, sites={"ID": {"zone": "UTC"}}), stepping=True)
    apply(engine, [placed("0", "50h")])
    engine.advance(ms("100h"))
    apply(engine, [*(placed(name, "150h") for name in "123"), shipped("1", "151h"), shipped("2", "266h")])
    engine.advance(ms("264h"))
    apply(engine, [event("shop.profile", at="100h", site="ID")])
    engine.settle()
    found = engine.shop("joom", "s1").computed["joom.kept"][ms("264h")]
    assert (found.bad, found.total) == (2, 3)


def test_a_site_whose_rules_are_computed_looks_past_what_was_known_ahead_before_it_was_told():
    common = {"window": {"length": "7d", "lag": "1d"}, "every": "week", "threshold": "20%", "near": "10%"}
    kept = rule("ratio", "kept", numerator={"not": "shipped"}, sites=["ID"], **common)
    engine = Engine(book(late_ship(), kept, sites={"ID": {"zone": "UTC"}}), stepping=True)
    apply(engine, [placed("1", "50h"), placed("2", "50h"), shipped("2", "100h")])
    engine.advance(ms("60h"))
    engine.drain()
    apply(engine, [event("shop.profile", at="61h", site="ID")])
    engine.advance(ms(MONDAY))
    found = engine.shop("joom", "s1").computed["joom.kept"][ms(MONDAY)]
    assert (found.bad, found.total) == (2, 2)


def test_where_nothing_is_computed_no_order_is_kept_for_a_border():
    common = {"window": {"length": "7d", "lag": "1d"}, "every": "week", "threshold": "20%", "near": "10%"}
    kept = rule("ratio", "kept", numerator=BAD, sites=["ID"], **common)
    lived = Worker(book(late_ship(), kept, sites={"ID": {"zone": "UTC"}, "SG": {"zone": "UTC"}}), stepping=True)
    lived.commit_cycle([placed("1", "50h"), shipped("1", "500h")], ms("60h"))
    again = lived.restarted(lived.alerts).engine
    assert again.shop("joom", "s1").period_results.future_facts == {}
    apply(again, [event("shop.profile", at="61h", site="ID")])
    again.settle()  # an order that has come back is looked at when it is evaluated
    assert len(again.shop("joom", "s1").period_results.future_facts) == 1
    apply(again, [event("shop.profile", at="62h", site="SG")])
    assert again.shop("joom", "s1").period_results.future_facts == {}


def test_after_a_restart_only_orders_are_kept_for_a_border_that_something_ahead_is_known_of():
    lived = Worker(weekly(), stepping=True)
    lived.commit_cycle([placed("1", "50h"), placed("2", "50h"), shipped("2", "100h")], ms("60h"))
    again = lived.restarted(lived.alerts).engine
    shop = again.shop("joom", "s1")
    while not again.settle(limit=1):
        assert {order.id for order in shop.period_results.future_facts} <= {"2"}
    assert {order.id for order in shop.period_results.future_facts} == {"2"}


def test_after_a_restart_an_order_is_looked_at_for_no_border_before_it_was_known(monkeypatch: pytest.MonkeyPatch):
    lived = Worker(
        book(late_ship(), rule("ratio", "by_due", numerator=LATE, anchor={"due": "joom.late"}, **DAILY)), True
    )
    lived.commit_cycle([placed("first", "0h")], ms("1h"))
    lived.commit_cycle([placed(f"{n}", "340h") for n in range(100)], ms("341h"))
    looked_at: list[int] = []
    monkeypatch.setattr(periodic, "_part_then", lambda *_: looked_at.append(1))
    lived.restarted(lived.alerts).engine.settle()
    assert len(looked_at) < 2 * 100  # and not for each of the fourteen days


def test_an_order_that_expired_is_kept_nowhere():
    engine = Engine(weekly(denominator="returned"), stepping=True)
    for day in range(200):
        engine.apply(*placed(str(day), f"{24 * day}h"))
        engine.advance(ms(f"{24 * day}h"))
    assert len(engine.shop("joom", "s1").orders) < 100


def computed(engine: Engine) -> dict[str, dict[str, Any]]:
    return {shop.key: shop.computed for shop in engine.shops.values()}
