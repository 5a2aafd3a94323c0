"""Records of alerts that somebody else has written: found after a restart, or while the engine runs."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.engine import Engine
from rules.engine.restore import correct_alert, restore_alert, restore_order
from rules.facts.stored import encode_facts
from rules.messages.alerts import Alert, decode, encode
from rules.reports.standing import standings
from tests.rules.engines import FULL, LATE, apply, engine
from tests.rules.history import drained, every_pack, ms, placed, shipped

ALL = every_pack()
RULES = sorted(ALL.rules)


def forged(of: Alert, **others: Any) -> Alert:
    """A record like another, as a writer of its own would make it."""
    fake = decode(encode(of))
    for name, value in others.items():
        setattr(fake if name in ("order", "shop", "platform", "time") else fake.data, name, value)
    return fake


def opened(made: Engine) -> Alert:
    made.advance(ms("80h"))
    *_, alert = drained(made)
    return alert


LIES = [
    {"state": "resolved", "revision": 1_000_000_000},
    {"state": "resolved"},
    {"state": "resolved", "time": "2099-12-31T00:00:00Z"},
    {"summary": "nothing to see here", "revision": 7},
    {"severity": "info", "stage": "due_soon", "revision": 7},
    {"state": "resolved", "revision": 7, "rule": "joom.other", "order": "2", "shop": "s2"},
]


@pytest.mark.parametrize("rules", [LATE, FULL])
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("stepping", [True, False])
def test_what_should_be_open_is_written_again_above_a_record_that_says_otherwise(rules, lie, stepping):
    made = engine(rules, placed("1"), stepping=stepping)
    true = opened(made)
    before = standings(made)[0]["open_alerts"]
    fake = forged(true, **lie)
    assert correct_alert(made, fake)
    made.settle()
    (again,) = drained(made)
    assert again.data.revision == max(true.data.revision, fake.data.revision) + 1
    assert (again.data.alert, again.data.state) == (true.data.alert, "open")
    assert (again.data.stage, again.data.severity) == (true.data.stage, true.data.severity)
    assert again.data.summary == true.data.summary
    assert again.type == "alert.updated"
    assert again.data.opened_at == true.data.opened_at
    made.settle()
    assert not drained(made)
    assert standings(made)[0]["open_alerts"] == before


def test_one_that_was_made_up_is_resolved():
    made = engine(LATE, placed("1"), shipped("1", "2h"), placed("2"), stepping=True)
    fake = forged(opened(made), order="1", alert="made up", revision=9)
    assert correct_alert(made, fake)
    made.settle()
    (resolved,) = drained(made)
    assert (resolved.data.alert, resolved.data.state, resolved.data.revision) == ("made up", "resolved", 10)


def test_one_that_has_ended_is_resolved_again_over_a_record_that_opens_it():
    made = engine(LATE, placed("1"), shipped("1", "90h"), stepping=True)
    made.advance(ms("100h"))
    *_, resolved = drained(made)
    assert resolved.data.state == "resolved"
    assert correct_alert(made, forged(resolved, state="open", revision=20))
    made.settle()
    (again,) = drained(made)
    assert (again.data.alert, again.data.state, again.data.revision) == (resolved.data.alert, "resolved", 21)
    assert standings(made)[0]["open_alerts"] == 0


def test_what_was_last_said_said_once_more_changes_nothing():
    made = engine(FULL, placed("1"), stepping=True)
    assert not correct_alert(made, opened(made))
    made.settle()
    assert not drained(made)


@pytest.mark.parametrize("lie", [{"revision": 10**9}, {"revision": 2**62}, {"revision": -5}])
def test_after_a_restart_what_should_be_open_is_opened_above_it_too(lie):
    made = engine(LATE, placed("1"), stepping=False)
    fake = forged(opened(made), state="resolved", **lie)
    fresh = Engine(LATE, stepping=False)
    restore_alert(fresh, fake)
    restore_order(fresh, "joom", "s1", "1", encode_facts(made.shops["joom", "s1"].orders["1"].facts))
    fresh.advance(ms("81h"))
    (again,) = drained(fresh)
    assert (again.data.alert, again.data.state) == (fake.data.alert, "open")
    assert again.data.revision == lie["revision"] + 1


def test_after_that_the_alert_goes_on_as_ever():
    made = engine(LATE, placed("1"), stepping=True)
    fake = forged(opened(made), state="resolved", revision=50)
    correct_alert(made, fake)
    made.settle()
    apply(made, shipped("1", "81h"))
    made.advance(ms("82h"))
    assert [(alert.data.revision, alert.data.state) for alert in drained(made)] == [(51, "open"), (52, "resolved")]


def record(rule: str, **others: Any) -> Alert:
    made = engine(LATE, placed("1"), stepping=True)
    platform = rule.partition(".")[0]
    return forged(opened(made), rule=rule, platform=platform, **others)


TEXT = st.text(max_size=12) | st.sampled_from(["-", "a:b", "2026-11", "2026-W03", "2026-01-04T00:00:00Z", "%", "::"])
TIME = st.sampled_from(["2001-01-01T00:00:00Z", "2026-01-04T00:00:00Z", "2026-03-01T00:00:00Z", "2099-12-31T00:00:00Z"])


@settings(max_examples=200)
@given(
    rule=st.sampled_from(RULES) | st.just("gone.rule"),
    subject=TEXT,
    episode=TEXT,
    order=st.sampled_from(["1", "2", "no such order"]),
    state=st.sampled_from(["open", "resolved"]),
    stage=st.sampled_from(["due_soon", "overdue", "near", "crossed", "active", "no such stage", ""]),
    revision=st.integers(-(2**63), 2**63 - 1),
    due_at=st.none() | TIME,
    until=st.none() | TIME,
    time=TIME,
    running=st.booleans(),
)
def test_whatever_a_record_says_the_engine_goes_on(
    rule, subject, episode, order, state, stage, revision, due_at, until, time, running
):
    platform = rule.partition(".")[0]
    fake = record(
        rule,
        alert=f"{rule}:{platform}/s1:{subject}:{episode}",
        order=order,
        state=state,
        stage=stage,
        revision=revision,
        due_at=due_at,
        until=until,
        time=time,
    )
    made = Engine(ALL, stepping=False)
    apply(made, placed("1", platform=platform), placed("2", platform=platform))
    if running:
        made.advance(ms("100h"))
        correct_alert(made, fake)
    else:
        restore_alert(made, fake)
    made.settle()
    made.advance(ms("500h"))
    made.advance(ms("3000h"))
    for alert in drained(made):
        decode(encode(alert))
