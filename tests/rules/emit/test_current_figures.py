"""While an alert is open, its figures are those of the last full hour, to a tenth."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from rules.emit.reconcile import Reconciler
from rules.engine.engine import Engine
from rules.harness.replay import apply_event, replay
from rules.kinds.evaluation import Evaluation, Finding
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.messages.alert_state import Desired
from rules.messages.alerts import Alert, AlertData, Penalty, subject_and_episode
from rules.messages.figures import Figures, differs, figures_in
from rules.plan.rule_book import RuleBook
from rules.state.findings import MORE
from rules.state.shop import Shop
from tests.rules.conformance.example import Example
from tests.rules.conformance.example import histories as histories_of
from tests.rules.conformance.examples import examples
from tests.rules.histories import Worker, assert_well_formed, in_no_order
from tests.rules.history import (
    START_MS,
    TimedEvent,
    book,
    brief,
    cancelled,
    drained,
    event,
    late_ship,
    ms,
    placed,
    rule,
)

DAY_H = 24
LONG_H = 6 * DAY_H
"""How long the histories here are followed, hour by hour."""

MONEY = rule(
    "ratio",
    "share",
    ("near", "crossed"),
    numerator={"any": [{"late": "joom.late"}, {"has": "cancelled", "by": ["seller"]}]},
    window={"length": "3d"},
    threshold="10%",
    near="5%",
    penalty={"share": "20%"},
    summary={"near": "{numerator} of {denominator}", "crossed": "{numerator} of {denominator}"},
)
SHARE = {key: value for key, value in MONEY.items() if key != "penalty"}
GOOD = SHARE | {
    "numerator": {"not": SHARE["numerator"]},
    "good": True,
    "threshold": "90%",
    "near": "95%",
}
TIERED = {key: value for key, value in MONEY.items() if key not in ("threshold", "near", "severity", "summary")} | {
    "tiers": [
        {"name": "low", "share": "4%", "penalty": {"share": "3%", "cap": {"amount": "1", "currency": "USD"}}},
        {"name": "high", "share": "10%", "count": 3, "penalty": {"share": "30%"}},
    ],
    "severity": {"low": "warning", "high": "critical"},
    "summary": {"low": "low", "high": "high"},
}


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        (100, 109, False),
        (100, 110, True),
        (100, 90, True),
        (0.7, 0.63, True),
        (0.7, 0.6301, False),
        (-20, -21, False),
        (-20, -22, True),
        (0, 0, False),
        (0, 0.001, True),
        (None, 0, True),
        (0, None, True),
        (None, None, False),
    ],
)
def test_a_figure_has_moved_when_it_differs_by_a_tenth_or_more(before: float, now: float, moved: bool):
    assert differs(before, now) is moved


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        ({"USD": "100"}, {"USD": "109.99"}, False),
        ({"USD": "100"}, {"USD": "110.00"}, True),
        ({"USD": "100"}, {"USD": "100", "EUR": "0.01"}, True),
        ({"USD": "100", "EUR": "0"}, {"USD": "100"}, False),
        ({"USD": "1"}, {}, True),
    ],
)
def test_money_has_moved_when_one_currency_has(before: dict[str, str], now: dict[str, str], moved: bool):
    sums = [Figures(1, 1, {name: Decimal(amount) for name, amount in each.items()}) for each in (before, now)]
    assert sums[0].have_moved_to(sums[1]) is moved


@pytest.mark.parametrize("amount", ["", "much", "NaN", "Infinity", "1e999999999"])
def test_money_in_a_record_of_somebody_else_that_is_no_sum_is_left_out(amount: str):
    data = AlertData(
        alert="", revision=1, rule="", clause="", state="open", severity="info", stage="", reason="happened",
        opened_at="", summary="", evidence={}, actions=[],
        penalty=Penalty(amount=amount, currency="USD", others=[{"currency": "EUR"}, {"amount": "2", "currency": "A"}]),
    )  # fmt: skip
    found = figures_in(data)
    assert found is not None and {**(found.money or {})}.keys() <= {"A", "USD"}
    assert found.have_moved_to(Figures(money={"A": Decimal(2), "USD": Decimal(1)}))


# -- by example ---------------------------------------------------------------------------------------------------


def orders(n: int, at: str, *, bad: int = 0, **terms: Any) -> Iterator[TimedEvent]:
    """`n` orders placed at an instant, of which the seller cancels the first `bad` at once."""
    for i in range(n):
        yield placed(f"{at}-{i}", at, **terms)
        if i < bad:
            yield cancelled(f"{at}-{i}", at, by="seller")


def emitted(rules: RuleBook, events: Iterable[TimedEvent], until: str) -> list[Alert]:
    alerts = list(replay(Engine(rules, stepping=True), events, ms(until)))
    return [alert for alert in alerts if alert.data.rule == "joom.share"]


USD = {"amount": "10", "currency": "USD"}


def test_it_is_written_again_at_the_next_full_hour_with_the_figures_of_then():
    events = [*orders(20, "10m", bad=4, **USD), *orders(20, "70m", bad=8, **USD), *orders(1, "80m", bad=1, **USD)]
    alerts = emitted(book(late_ship(), MONEY), events, "5h")
    assert brief(alerts[-1:]) == ["2h updated crossed figures_moved"]
    last, first = alerts[-1].data, alerts[-2].data
    assert first.summary != last.summary == "13 of 41"
    assert (last.value, last.headroom) == (13 / 41, -9)
    assert last.penalty is not None and (last.penalty.amount, last.penalty.currency) == ("26.00", "USD")
    assert last.revision == first.revision + 1
    assert last.opened_at == first.opened_at
    assert last.evidence["numerator"] == 13


def test_money_alone_has_it_written_again_also_when_only_an_amount_was_put_right():
    events = [*orders(30, "10m", bad=20, **USD), placed("10m-3", "3h", amount="500", currency="USD")]
    alerts = emitted(book(late_ship(), MONEY), events, "5h")
    assert brief(alerts[-1:]) == ["3h updated crossed figures_moved"]
    assert [each.data.penalty.amount for each in alerts[-2:] if each.data.penalty] == ["40.00", "138.00"]


def test_another_usual_currency_of_the_shop_has_it_written_again():
    events = [*orders(30, "10m", bad=20, amount="1"), event("shop.profile", None, "90m", currency="EUR")]
    alerts = emitted(book(late_ship(), MONEY), events, "5h")
    assert brief(alerts[-1:]) == ["2h updated crossed figures_moved"]
    assert alerts[-1].data.penalty is not None and alerts[-1].data.penalty.currency == "EUR"


def test_a_figure_that_comes_back_before_the_hour_is_none_that_moved():
    events = [
        *orders(20, "10m", bad=4),
        *orders(4, "65m"),
        *(event("order.voided", f"65m-{i}", "70m") for i in range(4)),
    ]
    alerts = emitted(book(late_ship(), SHARE), events, "5h")
    assert brief(alerts)[-1] == "1h updated crossed figures_moved"


def test_in_wall_time_it_is_written_with_the_first_look_after_the_hour():
    engine = Engine(book(late_ship(), SHARE), stepping=False)
    for happened, at_ms in orders(20, "10m", bad=4):
        engine.apply(happened, at_ms)
    engine.advance(ms("30m"))
    for happened, at_ms in orders(20, "31m", bad=8):
        engine.apply(happened, at_ms)
    engine.advance(ms("59m"))
    assert brief(drained(engine)) == ["0.5h opened crossed threshold_crossed"]
    engine.advance(ms("61m"))
    engine.advance(ms("62m"))
    [again] = drained(engine)
    assert (again.time, again.data.reason) == ("2026-01-01T01:01:00Z", "figures_moved")


def test_in_wall_time_a_clock_that_rests_after_the_hour_has_it_written_once():
    engine = Engine(book(late_ship(), SHARE), stepping=False)
    for happened in orders(20, "10m", bad=4):
        engine.apply(*happened)
    engine.advance(ms("61m"))
    for minute in (31, 32, 33):  # what came before this moment isn't all applied yet
        for happened in orders(20, f"{minute}m", bad=12):
            engine.apply(*happened)
        engine.settle()
    assert brief(drained(engine)) == ["1.01667h opened crossed threshold_crossed"]
    engine.advance(ms("119m"))
    assert drained(engine) == []
    engine.advance(ms("120m"))
    assert brief(drained(engine)) == ["2h updated crossed figures_moved"]


def test_in_wall_time_a_restart_is_no_full_hour():
    rules = book(late_ship(), SHARE)
    worker = Worker(rules, stepping=False)
    worker.commit_cycle(list(orders(20, "10m", bad=4)), ms("70m"))
    worker.commit_cycle(list(orders(20, "75m", bad=12)), ms("80m"))
    other = worker.restarted(worker.alerts)
    other.engine.settle()
    other.write()
    assert brief(other.alerts) == brief(worker.alerts)
    other.commit_cycle([], ms("120m"))
    assert brief(other.alerts[-1:]) == ["2h updated crossed figures_moved"]


def test_nothing_is_looked_at_where_no_alert_with_figures_is_open(monkeypatch: pytest.MonkeyPatch):
    def looked(*_: object) -> Figures:
        raise AssertionError("its figures were compared")

    monkeypatch.setattr(Reconciler, "_figures", looked)
    engine = Engine(book(late_ship(), SHARE), stepping=True)
    for happened in [*orders(200, "10m"), *orders(1, "11m", bad=1), *orders(200, "70m")]:
        apply_event(engine, *happened)
    engine.advance(ms("70h"))
    assert engine.shop("joom", "s1").figures_due == {}


def test_figures_that_move_between_two_full_hours_have_nothing_evaluated_before_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluated_ms, evaluate = list[int](), RatioEvaluator.evaluate

    def noted(evaluator: RatioEvaluator, shop: Any, state: Any, at_ms: int) -> Evaluation:
        evaluated_ms.append(at_ms)
        return evaluate(evaluator, shop, state, at_ms)

    engine = Engine(book(late_ship(), SHARE), stepping=True)
    for happened in [*orders(20, "10m", bad=4), *orders(1, "60m")]:
        apply_event(engine, *happened)
    engine.advance(ms("61m"))
    monkeypatch.setattr(RatioEvaluator, "evaluate", noted)
    for minute in range(62, 119):
        for happened in orders(3, f"{minute}m", bad=1):
            apply_event(engine, *happened)
    engine.advance(ms("121m"))
    assert evaluated_ms == [ms("120m")]
    assert brief(drained(engine))[-1] == "2h updated crossed figures_moved"


# -- against the slow reference -----------------------------------------------------------------------------------


def assert_current(engine: Engine, alerts: Iterable[Alert]) -> None:
    """The slow, obvious reference: works out the figures of every open alert, and compares them with its record's."""
    for alert in {each.data.alert: each for each in alerts}.values():
        shop = engine.shops[alert.platform, alert.shop]
        rule_id = alert.data.rule
        if alert.data.state == "open" and engine.book.rules[rule_id].HAS_FIGURES:
            before, now = figures_in(alert.data) or Figures(), figures_now(shop, alert, engine.clock_ms)
            assert not before.have_moved_to(now), (alert.data.alert, before, now)


def figures_now(shop: Shop, alert: Alert, at_ms: int) -> Figures:
    data = alert.data
    evaluator = shop.plan.evaluator_of[data.rule]
    about = subject_and_episode(data.alert, data.rule, shop.key)
    if about == MORE:
        return shop.findings[evaluator.n].evidence_of_more().figures() or Figures()
    last = shop.emitted.alerts[data.alert]
    finding = Finding(Desired(last.stage, "info", last.due_ms, 0, last.until_ms, last.tier), "happened", *about)
    return evaluator.evidence(shop, shop.states[evaluator.n], finding, at_ms).figures() or Figures()


def by_the_hour(rules: RuleBook, events: list[TimedEvent], stepping: bool) -> list[Alert]:
    """What a history brings; at each full hour all figures are looked at."""
    engine, found, waiting = Engine(rules, stepping=stepping), list[Alert](), sorted(events, key=lambda each: each[1])
    for hour in range(1, LONG_H):
        to_ms = START_MS + hour * HOUR_MS
        while waiting and waiting[0][1] <= to_ms:
            happened, at_ms = waiting.pop(0)
            if stepping:
                apply_event(engine, happened, at_ms)
            else:
                engine.apply(happened, at_ms)
                engine.advance(max(at_ms, engine.clock_ms))
        engine.advance(to_ms)
        found += drained(engine)
        assert_current(engine, found)
    return found


def assert_only_at_full_hours(alerts: Iterable[Alert]) -> None:
    before: dict[str, Alert] = {}
    for alert in alerts:
        if alert.data.reason == "figures_moved":
            assert alert.time.endswith(":00:00Z") or alert.time.endswith(":00:00.000Z")
            last, now = (figures_in(each.data) or Figures() for each in (before[alert.data.alert], alert))
            assert last.have_moved_to(now)
        before[alert.data.alert] = alert


minutes = st.integers(0, 59).map(lambda n: n * 60_000)

with_figures = pytest.mark.parametrize(
    "example",
    [
        pytest.param(each, id=f"{each.kind}: {each.name}")
        for each in examples()
        if each.book().rules[each.rule_id].HAS_FIGURES
    ],
)

fewer = settings(max_examples=max(settings().max_examples // 20, 1))


@st.composite
def at_odd_minutes(draw: st.DrawFn, example: Example) -> list[TimedEvent]:
    """Histories of a kind, of which nothing need happen at a full hour."""
    events = draw(histories_of(example))
    moved = [(happened, at_ms + draw(minutes)) for happened, at_ms in events]
    return [each for each in moved if each[1] < START_MS + (LONG_H - 1) * HOUR_MS]


@with_figures
@given(st.booleans(), st.data())
@fewer
def test_at_each_full_hour_each_kind_says_its_figures_to_a_tenth(example: Example, stepping: bool, data: st.DataObject):
    alerts = by_the_hour(example.book(), data.draw(at_odd_minutes(example)), stepping)
    assert_well_formed(alerts)
    if stepping:
        assert_only_at_full_hours(alerts)


Sales = list[tuple[int, int, int, int]]

sales: st.SearchStrategy[Sales] = st.lists(
    st.tuples(
        st.integers(0, 3 * DAY_H * 60),  # minutes
        st.integers(1, 25),  # how many orders
        st.integers(0, 3),  # how many of them are cancelled
        st.sampled_from([0, 1, 5, 90]),  # what each comes to
    ),
    min_size=3,
    max_size=8,
)


def of_sales(drawn: Sales) -> list[TimedEvent]:
    return [
        each
        for n, (minute, number, bad, amount) in enumerate(drawn)
        for i, each in enumerate(orders(number, f"{minute}m", bad=bad, id="", amount=str(amount + n), currency="USD"))
        if i < number + bad
    ]


several_rules = pytest.mark.parametrize(
    "share",
    [
        pytest.param(MONEY, id="money"),
        pytest.param(SHARE, id="none"),
        pytest.param(GOOD, id="of good ones"),
        pytest.param(TIERED, id="tiers"),
        pytest.param(SHARE | {"inclusive": True, "at_least": 30}, id="inclusive"),
        pytest.param(SHARE | {"window": {"align": "week", "lag": "1d"}}, id="weeks"),
        pytest.param(MONEY | {"every": "week", "window": {"length": "7d"}}, id="computed"),
    ],
)


@several_rules
@given(st.booleans(), sales)
@fewer
def test_a_ratio_that_sleeps_through_most_orders_says_its_figures_to_a_tenth(
    share: dict[str, Any], stepping: bool, drawn: Sales
):
    events = of_sales(drawn)
    alerts = by_the_hour(book(late_ship(), share), events, stepping)
    if stepping:
        assert_only_at_full_hours(alerts)
        in_one_go = list(replay(Engine(book(late_ship(), share), stepping=True), sorted_by_time(events), long_until()))
        assert in_no_order(in_one_go) == in_no_order(alerts)


@several_rules
@given(st.booleans(), sales, st.integers(0, 3 * DAY_H * 60), st.data())
@fewer
def test_a_restart_in_between_makes_no_difference(
    share: dict[str, Any], stepping: bool, drawn: Sales, cut: int, data: st.DataObject
):
    events, cut_ms = sorted_by_time(of_sales(drawn)), START_MS + cut * 60_000
    worker = Worker(book(late_ship(), share), stepping)
    worker.commit_cycle([each for each in events if each[1] <= cut_ms], cut_ms)
    other = worker.restarted(worker.alerts, data.draw(st.booleans()))
    for cycle in (([each for each in events if each[1] > cut_ms], cut_ms + HOUR_MS), ([], long_until())):
        worker.commit_cycle(*cycle)
        other.commit_cycle(*cycle)
    assert in_no_order(other.alerts) == in_no_order(worker.alerts)


def sorted_by_time(events: list[TimedEvent]) -> list[TimedEvent]:
    return sorted(events, key=lambda each: each[1])


def long_until() -> int:
    return START_MS + (LONG_H - 1) * HOUR_MS
