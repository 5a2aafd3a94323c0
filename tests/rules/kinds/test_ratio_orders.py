"""Which orders a ratio counts, and on which day."""

from typing import Any

import pytest

from rules.calendar.instants import DAY_MS
from rules.engine.engine import Engine
from rules.kinds.evaluation import Evaluation
from rules.kinds.ratio.counters import DayBuckets, RatioCounter
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.reports.standing import standing
from tests.rules.history import (
    START_MS,
    book,
    brief,
    cancelled,
    collected,
    drained,
    event,
    ms,
    placed,
    rule,
    run,
    shipped,
    tick,
)
from tests.rules.kinds.ratios import emitted, share


def test_shops_are_counted_apart():
    events = [
        placed("1", shop="a"),
        cancelled("1", "1h", shop="a", by="seller"),
        placed("1", shop="b"),
        shipped("1", "1h", shop="b"),
    ]
    assert {alert.shop for alert in emitted(share(), events)} == {"a"}


def test_the_anchor_says_on_which_day_an_order_counts():
    rules = share(anchor="shipped", denominator="shipped", window={"length": "1d"}, numerator={"late": "joom.late"})
    assert brief(emitted(rules, [placed(), shipped(at="75h"), tick("200h")])) == [
        "75h opened crossed threshold_crossed",
        "96h resolved crossed fell_back",
    ]


def test_an_order_counts_from_its_anchor_on_even_when_no_other_rule_looks_at_that():
    rules = share(anchor="collected", denominator={"term": "predeclared"}, numerator={"term": "sensitive"})
    events = [placed(predeclared=True, sensitive=True), collected(at="5h")]
    assert brief(emitted(rules, events)) == ["5h opened crossed threshold_crossed"]


def test_an_order_outside_the_denominator_counts_for_nothing():
    rules = share(denominator={"term": "predeclared"})
    events = [
        placed("1", predeclared=True),
        placed("2"),
        cancelled("1", "1h", by="seller"),
        cancelled("2", "1h", by="seller"),
    ]
    assert emitted(rules, events)[-1].data.evidence["denominator"] == 1


def test_a_cancellation_that_arrives_before_its_order_counts_once_it_was_placed():
    events = [cancelled(at="2h", by="seller"), tick("4h"), placed(at="1h")]
    assert brief(emitted(share(), events)) == ["4h opened crossed threshold_crossed"]


def test_late_evidence_takes_an_order_out_of_the_numerator():
    assert brief(emitted(share(), [placed(), tick("80h"), shipped(at="70h")])) == [
        "72h opened crossed threshold_crossed",
        "80h resolved crossed fell_back",
    ]


def test_of_orders_beyond_a_slack_only_the_first_has_the_ratio_checked():
    buckets = DayBuckets()
    buckets.set_slack(0b10, 1)
    assert [buckets.add(1), buckets.add(1)] == [True, False]
    assert buckets.take_used_up() == 0b10
    assert [buckets.add(1), buckets.take_used_up()] == [True, 0]
    buckets.set_slack(0b10, 0)
    assert [buckets.add(1), buckets.take_used_up()] == [False, 0b10]


def test_days_that_no_order_lies_on_are_not_kept():
    engine = Engine(share(), stepping=False)
    happened, at_ms = placed(at="5h")
    engine.apply(happened, at_ms)
    engine.advance(START_MS + DAY_MS)
    earlier, at_ms = placed(at="0h", id="earlier")
    engine.apply(earlier, at_ms - DAY_MS)
    engine.settle()
    [counter] = engine.shop("joom", "s1").counters
    assert list(counter.buckets.by_day.values()) == [1]


def test_a_standing_asked_for_another_moment_moves_nothing():
    engine = Engine(share(window={"length": "1d"}), stepping=True)
    happened, at_ms = event("order.placed", "1", "0h")
    engine.apply(happened, at_ms)
    engine.advance(ms("5h"))
    shop = engine.shop("joom", "s1")
    assert standing(shop, ms("30h"))["metrics"]["own-share"]["denominator"] == 0
    assert standing(shop, engine.clock_ms)["metrics"]["own-share"]["denominator"] == 1
    cancellation, at_ms = cancelled(at="5h", by="seller")
    engine.apply(cancellation, at_ms)
    engine.settle()
    assert brief(drained(engine)) == ["5h opened crossed threshold_crossed"]


def test_a_cancellation_found_to_have_another_reason_counts_for_that():
    parts = {"numerator": "cancelled", "by": "reason", "threshold": "5%", "at_least": 1}
    split = book(rule("ratio", "causes", of={"stock": {"name": "stock"}, "quality": {"name": "quality"}}, **parts))
    events = [placed("1"), cancelled("1", "10h", by="seller", reason="stock")]
    events.append(cancelled("1", "20h", by="seller", reason="quality"))
    alerts = run(split, events, until="21h")
    still_open = {alert.data.alert for alert in alerts} - {a.data.alert for a in alerts if a.data.state == "resolved"}
    assert still_open == {"joom.causes:joom/s1:quality:-"}


def test_of_many_orders_late_at_once_the_counts_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    look = RatioCounter.has_changed_stage

    def counted(counter: RatioCounter) -> bool:
        nonlocal looks
        looks += 1
        return look(counter)

    engine = Engine(share(), stepping=False)
    engine.advance(START_MS)
    for happened, at_ms in [placed(str(n), "0h") for n in range(300)]:
        engine.apply(happened, at_ms)
    engine.settle()
    monkeypatch.setattr(RatioCounter, "has_changed_stage", counted)
    engine.advance(ms("100h"))
    alerts = engine.drain().alerts
    assert [alert.data.value for alert in alerts if alert.data.rule == "joom.share"] == [1.0]
    assert len(alerts) == 301
    assert looks == 1


def test_a_shop_in_which_nothing_is_bad_is_not_evaluated_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated_ms, evaluate = list[int](), RatioEvaluator.evaluate

    def noted(evaluator: RatioEvaluator, shop: Any, state: Any, at_ms: int) -> Evaluation:
        evaluated_ms.append(at_ms)
        return evaluate(evaluator, shop, state, at_ms)

    engine = Engine(share(), stepping=True)
    for each in range(40):
        for happened in (placed(str(each), "1h"), shipped(str(each), "2h")):
            engine.apply(*happened)
    engine.advance(ms("3h"))
    monkeypatch.setattr(RatioEvaluator, "evaluate", noted)
    engine.advance(ms("470h"))
    assert evaluated_ms == []
    for each in range(20):
        engine.apply(*placed(f"late-{each}", "471h"))
    engine.advance(ms("600h"))
    share_alerts = [alert for alert in engine.drain().alerts if alert.data.rule == "joom.share"]
    assert brief(share_alerts)[0].startswith("543h opened"), "72 h later, by the window of then"
