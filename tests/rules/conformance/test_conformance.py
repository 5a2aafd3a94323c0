"""What every registered kind of rule must do, on histories of each of its examples: the same properties for all."""

from collections.abc import Iterable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, from_rfc3339
from rules.engine.engine import Engine
from rules.engine.restore import restore_alert
from rules.facts.order_facts import EVERY_FACT
from rules.harness.replay import replay
from rules.kinds.nothing import NOTHING
from rules.kinds.registry import AnyRule
from rules.messages.alerts import Alert, decode, encode
from rules.reports.standing import standings
from tests.rules.conformance.example import END_MS, Example, early_ms, histories, moments_ms
from tests.rules.conformance.examples import examples
from tests.rules.histories import (
    Worker,
    apply,
    assert_well_formed,
    facts_of,
    in_no_order,
    open_alerts,
    shuffled_with_repeats,
)
from tests.rules.history import START_MS, TimedEvent, drained, ms

KINDS = sorted(str(kind.__struct_config__.tag) for kind in get_args(AnyRule))

every_example = pytest.mark.parametrize(
    "example", [pytest.param(each, id=f"{each.kind}: {each.name}") for each in examples()]
)

fewer = settings(max_examples=max(settings().max_examples // 40, 1))
"""There are three dozen examples to each test."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_registered_kind_has_an_example(kind: str):
    assert kind in {each.kind for each in examples()}, (
        f"no example of kind {kind}: add tests/rules/conformance/examples/{kind}.py, see deploy/docs/adding-a-kind.md"
    )


@every_example
def test_each_stage_opens_and_what_has_opened_is_resolved(example: Example):
    rules = example.book()
    alerts = list(replay(Engine(rules, stepping=True), example.life, ms(example.until)))
    about = [each for each in alerts if each.data.rule == example.rule_id]
    assert_well_formed(alerts)
    rule = rules.rules[example.rule_id]
    assert {each.data.stage for each in about if each.data.state == "open"} == {*rule.stages()}
    assert rule.never_ends() or not open_alerts(about)


@every_example
def test_a_rule_names_those_it_depends_on_and_they_can_be_what_it_wants_of_them(example: Example):
    rules = example.book().rules
    rule = rules[example.rule_id]
    assert {each.rule for each in rule.references()} == rule.depends_on()
    for each in rule.references():
        assert each.role in rules[each.rule].ROLES


@every_example
@given(st.booleans(), st.data())
@fewer
def test_nothing_changes_before_the_instant_that_a_rule_has_named(
    example: Example, stepping: bool, data: st.DataObject
):
    """`next_ms` is honest: an engine that evaluates everything at other instants as well says the same."""
    events, instants = data.draw(histories(example)), data.draw(st.lists(moments_ms, min_size=1, max_size=5))
    plain, eager = lived(example, stepping, events), lived(example, stepping, events)
    for at_ms in [*sorted(instants), END_MS]:
        plain.advance(at_ms)
        eager.advance(at_ms)
        evaluate_again(eager)
    assert in_no_order(drained(eager)) == in_no_order(drained(plain))


@every_example
@given(st.booleans(), moments_ms, st.data())
@fewer
def test_evaluating_twice_says_the_same(example: Example, stepping: bool, at_ms: int, data: st.DataObject):
    engine = lived(example, stepping, data.draw(histories(example)))
    engine.advance(at_ms)
    drained(engine)
    before = standings(engine)
    evaluate_again(engine)
    assert drained(engine) == []
    assert standings(engine) == before


@every_example
@given(st.booleans(), moments_ms, st.data())
@fewer
def test_an_evaluator_with_a_new_state_says_the_same(example: Example, stepping: bool, at_ms: int, data: st.DataObject):
    """A state only saves work. Asked once more with the old one, it says the same, too."""
    engine = lived(example, stepping, data.draw(histories(example)))
    engine.advance(at_ms)
    for shop in engine.shops.values():
        for evaluator in shop.plan.evaluators:
            kept = shop.states[evaluator.n]
            first, again, anew = (
                evaluator.evaluate(shop, state, engine.clock_ms) for state in (kept, kept, evaluator.new_state())
            )
            assert first.desired == again.desired == anew.desired
            assert first.next_ms == again.next_ms


@every_example
@given(st.booleans(), early_ms, st.data())
@fewer
def test_the_order_of_arrival_and_repetition_do_not_matter(
    example: Example, stepping: bool, at_ms: int, data: st.DataObject
):
    events = data.draw(histories(example))
    states = []
    for arrived in (events, data.draw(shuffled_with_repeats(events)) if events else events):
        engine = lived(example, stepping, arrived)
        engine.advance(at_ms)
        alerts = drained(engine)
        assert_well_formed(alerts)
        states.append((facts_of(engine), standings(engine), open_alerts(alerts), in_no_order(alerts)))
    assert states[0] == states[1]


@every_example
@given(st.booleans(), st.booleans(), st.data())
@fewer
def test_a_restart_is_as_if_there_had_been_none(example: Example, stepping: bool, backwards: bool, data: st.DataObject):
    events = data.draw(histories(example))
    cut, instants = data.draw(st.integers(0, len(events))), sorted(data.draw(st.tuples(moments_ms, moments_ms)))
    worker = Worker(example.book(), stepping)
    worker.commit_cycle(events[:cut], instants[0])
    other = worker.restarted(worker.alerts, backwards)
    other.engine.settle()
    other.write()
    assert other.alerts == worker.alerts
    assert standings(other.engine) == standings(worker.engine)
    for cycle in ((events[cut:], instants[1]), ([], END_MS)):
        worker.commit_cycle(*cycle)
        other.commit_cycle(*cycle)
    assert in_no_order(other.alerts) == in_no_order(worker.alerts)
    assert standings(other.engine) == standings(worker.engine)
    assert other.kept() == worker.kept()


@every_example
@given(st.booleans(), st.data())
@fewer
def test_what_is_open_can_be_told_of_and_ended_without_the_facts_it_came_from(
    example: Example, stepping: bool, data: st.DataObject
):
    """Retention lets facts go, and a worker may lose some: evidence and reasons are found without them."""
    events = data.draw(st.one_of(st.just(example.life), histories(example)))
    alerts = list(replay(Engine(example.book(), stepping=True), events, ms(example.until)))
    alerts = alerts[: data.draw(st.integers(0, len(alerts)))]
    left = data.draw(st.just([]) if not events else st.lists(st.sampled_from(events), unique_by=id))
    other = lived(example, stepping, left)
    for alert in newest(alerts):
        restore_alert(other, decode(encode(alert)))
    last_ms = from_rfc3339(alerts[-1].time) if alerts else START_MS
    for later_ms in (last_ms, last_ms + DAY_MS, last_ms + 450 * DAY_MS, last_ms + 900 * DAY_MS):
        other.advance(later_ms)
        evaluate_again(other)
        standings(other)
    again = drained(other)
    revisions = {alert.data.alert: alert.data.revision for alert in newest(alerts)}
    assert all(alert.data.revision > revisions.get(alert.data.alert, 0) for alert in again)
    assert left or not open_alerts([*alerts, *again])


def lived(example: Example, stepping: bool, events: Iterable[TimedEvent]) -> Engine:
    engine = Engine(example.book(), stepping=stepping)
    apply(engine, events)
    return engine


def evaluate_again(engine: Engine) -> None:
    """Has everything evaluated at the clock as it stands, as if there were news of all."""
    for shop in engine.shops.values():
        for order in engine.load_all(shop):
            order.changed_facts = EVERY_FACT
            engine.work.mark_order(order)
        shop.findings = NOTHING
        engine.work.mark_rules(shop, shop.plan.every_evaluator)
    engine.settle()


def newest(alerts: Iterable[Alert]) -> Iterable[Alert]:
    """The last record of each alert."""
    return {alert.data.alert: alert for alert in alerts}.values()
