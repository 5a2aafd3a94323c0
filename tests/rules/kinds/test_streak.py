"""Streaks: what is said of quarters in a row."""

import pytest

from rules.calendar.instants import HOUR_MS
from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.alerts import Alert
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standing
from tests.rules.histories import Worker
from tests.rules.history import book, brief, cancelled, emitted_of, ms, pack_file, placed, rule, run, shipped


def test_a_streak_is_told_with_its_figures_even_before_the_new_quarter_has_orders() -> None:
    quarters = ("2025-04-01T00:00:00Z", "2025-07-01T00:00:00Z", "2025-10-01T00:00:00Z")
    events = [event for n, at in enumerate(quarters) for event in (placed(f"{n}", at), shipped(f"{n}", at))]
    alerts = run(RuleBook([pack_file("rules/packs/joom.yaml")]), events, "200h")
    (emitted,) = [alert.data for alert in alerts if alert.data.rule == "joom.top_seller"]
    assert emitted.summary == "3 quarters in a row at 98 % or better: Top Seller pool"
    assert emitted.evidence == {"kept": 3, "times": 3}
    assert (emitted.value, emitted.threshold, emitted.headroom) == (None, 0.98, None)


def test_the_last_word_on_a_quarter_is_about_that_quarter() -> None:
    events = [placed("1"), cancelled("1", by="seller"), placed("2", "2160h"), shipped("2", "2161h")]
    alerts = run(RuleBook([pack_file("rules/packs/joom.yaml")]), events)
    last = [alert.data for alert in alerts if alert.data.rule == "joom.top_seller"][-1]
    assert (last.state, last.reason) == ("resolved", "period_ended")
    assert last.summary == "2026-Q1 ended at 0 % of 98 %; 0 of 3 periods kept in a row"


def test_a_quarter_that_more_orders_can_mend_is_still_within_reach() -> None:
    engine = Engine(RuleBook([pack_file("rules/packs/joom.yaml")]), stepping=True)
    reachable = []
    for until in ("1h", "1100h"):
        list(replay(engine, [placed("1"), cancelled("1", by="seller")], ms(until)))
        metric = standing(engine.shop("joom", "s1"), engine.clock_ms)["metrics"]["joom-10"]
        reachable.append(metric["others"]["joom.top_seller"]["reachable"])
    assert reachable == [True, False]


def test_a_quarter_counts_as_begun_where_the_clock_was_set_back_to_before_it() -> None:
    rules = RuleBook([pack_file("rules/packs/joom.yaml")])
    worker = Worker(rules, stepping=False)
    worker.commit_cycle([placed("1")], ms("1h"))
    worker.set_back(2 * HOUR_MS)
    worker.commit_cycle([cancelled("1", by="seller")], ms("0h") - HOUR_MS // 2)
    assert "joom.top_seller" in rules_open(worker.alerts)


def test_a_stricter_version_to_come_is_what_a_streak_is_held_against() -> None:
    kept = {"numerator": {"not": {"has": "cancelled", "by": ["seller"]}}, "good": True, "every": "quarter"}
    quarterly = {"window": {"align": "quarter"}, "severity": {"missed": "info"}, "summary": {"missed": "it is missed"}}
    stricter = {"effective_from": "2026-06-01", "source": "test", "confidence": "ours"}
    stricter["set"] = {"tiers": [{"name": "missed", "share": "98%"}]}
    ratio = rule("ratio", "kept", tiers=[{"name": "missed", "share": "90%"}], versions=[stricter], **kept, **quarterly)
    streak = rule("streak", "streak", stages=("near", "crossed", "top"), of="joom.kept", times=2, reached="top")
    events = [*(placed(f"{n}", "1h") for n in range(20)), cancelled("0", "2h", by="seller")]
    assert brief(emitted_of("streak", book(ratio, streak), events, "60h")) == ["2h opened near threshold_near"]


def test_a_streak_wakes_when_another_version_of_its_ratio_begins() -> None:
    nothing_shipped = {"not": {"all": ["cancelled", {"not": "shipped"}]}}
    later = {
        "effective_from": "2026-01-10",
        "source": "test",
        "confidence": "ours",
        "set": {"numerator": nothing_shipped},
    }
    parts = {"numerator": {"not": "refunded"}, "denominator": "placed", "good": True, "every": "week"}
    window, tiers = {"align": "week", "lag": "2d"}, [{"name": "missed", "share": "80%"}]
    ratio = rule("ratio", "kept", ("missed",), window=window, tiers=tiers, versions=[later], **parts)
    streak = rule("streak", "streak", stages=("near", "crossed", "top"), of="joom.kept", times=2, reached="top")
    events = [placed(f"{n}", f"{100 + n}h") for n in range(6)]
    events += [cancelled(f"{n}", f"{120 + n}h", by="seller") for n in range(5)]
    assert brief(emitted_of("streak", book(ratio, streak), events, "360h")) == [
        "216h opened crossed threshold_crossed",
        "264h resolved crossed period_ended",
    ]


@pytest.mark.parametrize("cancelled_at", ["0h", "100h"])
def test_an_order_that_was_bad_already_breaks_the_streak_once_it_is_cancelled(cancelled_at: str) -> None:
    joom = RuleBook([pack_file("rules/packs/joom.yaml")])
    order, loss = placed("1"), cancelled("1", cancelled_at, by="seller")
    engine = Engine(joom, stepping=True)
    before = list(replay(engine, [order], ms("100h")))
    late = before + list(replay(engine, [loss], ms("100h")))  # however late the cancellation is read
    at_once = list(replay(Engine(joom, stepping=True), [order, loss], ms("100h")))
    assert "joom.top_seller" in rules_open(late)
    assert rules_open(late) == rules_open(at_once)


def rules_open(alerts: list[Alert]) -> set[str]:
    newest = {alert.data.alert: alert.data for alert in alerts}
    return {data.rule for data in newest.values() if data.state == "open"}
