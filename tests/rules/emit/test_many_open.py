"""So many alerts of one rule and shop are told one by one; the rest are counted in one more."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from rules.state import findings
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, state_after
from tests.rules.histories import Worker, apply, assert_well_formed, in_no_order, open_alerts, shuffled_with_repeats
from tests.rules.history import TimedEvent, book, brief, drained, event, rule, run
from tests.rules.shop_histories import END_MS, moments_ms, shop_commit_cycles, shop_histories

STATES = {"saturated": "info", "paralysed": "warning", "extreme": "critical"}


@pytest.fixture(autouse=True)
def three_at_most() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "MOST_OPEN", 3)
        yield


def route():
    written = rule("route", "route", tuple(STATES), lines=dict.fromkeys(STATES, "another"))
    return book({**written, "severity": STATES})


def carrier(name: str, at: str, state: str = "paralysed") -> TimedEvent:
    return event("carrier.state", None, at, carrier=name, state=state)


def subjects(alerts: list[Alert]) -> list[str]:
    return sorted(name.split(":")[2] for name, _, _ in open_alerts(alerts))


def more_of(alerts: list[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.data.alert == "joom.route:joom/s1:-:more"]


def test_those_beyond_the_most_are_counted_in_one_alert():
    alerts = run(route(), [carrier(name, "0h") for name in "ABCDE"], "1h")
    assert subjects(alerts) == ["-", "A", "B", "C"]
    more = more_of(alerts)[-1]
    assert (more.data.value, more.data.severity, more.data.stage) == (2, "warning", "paralysed")
    assert more.data.summary == "And 2 more: of 5 that are open, the first 3 are told one by one"
    assert more.data.evidence == {"open": 5, "shown": 3, "left_out": 2}
    assert more.data.reason == "too_many"


def test_as_many_as_the_most_are_all_told():
    alerts = run(route(), [carrier(name, "0h") for name in "ABC"], "1h")
    assert subjects(alerts) == ["A", "B", "C"]
    assert not more_of(alerts)


def test_the_worst_are_told_and_push_the_mildest_out():
    events = [*(carrier(name, "0h") for name in "ABC"), carrier("Z", "1h", "extreme")]
    alerts = run(route(), events, "2h")
    assert subjects(alerts) == ["-", "A", "B", "Z"]
    [pushed] = [alert for alert in alerts if alert.type == "alert.resolved"]
    assert (pushed.data.alert, pushed.data.reason) == ("joom.route:joom/s1:C:-", "too_many")


def test_whoever_was_counted_is_told_once_there_is_room():
    events = [*(carrier(name, "0h") for name in "ABCD"), carrier("A", "1h", "normal")]
    alerts = run(route(), events, "2h")
    assert subjects(alerts) == ["B", "C", "D"]
    assert brief(more_of(alerts)) == ["0h opened paralysed too_many", "1h resolved paralysed fell_back"]
    assert more_of(alerts)[-1].data.summary == "No more than 3 are open: all are told one by one"


def test_the_count_is_told_again_only_when_it_is_another_order_of_size():
    events = [carrier(f"C{n:04}", f"{n}m") for n in range(3 + 120)]
    alerts = [alert.data.value for alert in more_of(run(route(), events, "9h"))]
    assert alerts == [1, 2, 5, 10, 20, 50, 100]


def test_a_carrier_called_more_is_another_alert():
    alerts = run(route(), [carrier(name, "0h") for name in ("-", "A", "more", "B")], "1h")
    assert {"joom.route:joom/s1:-:-", "joom.route:joom/s1:more:-"} <= {alert.data.alert for alert in alerts}
    assert [alert.data.value for alert in more_of(alerts)] == [1]


def test_the_figures_of_a_rule_that_looks_at_the_whole_shop_are_bounded_as_well():
    feed = {"clause": "own-feed", "of": [{"violation": ["fake_orders"]}], "points": 5}
    tiers = [{"name": "stop", "at": 5, "lasts": "30d"}]
    rules = book(rule("ledger", "points", ("active",), ledger="A", feeds=[feed], expires="1h", tiers=tiers))
    events = [event("violation.recorded", None, f"{2 * n}h", kind="fake_orders") for n in range(6)]
    alerts = run(rules, events, "20h")
    assert len(open_alerts(alerts)) == 3 + 1


fewer = settings(max_examples=max(settings().max_examples // 20, 1))
every_pack = pytest.mark.parametrize("platform", PLATFORMS)


@every_pack
@given(st.booleans(), st.data())
@fewer
def test_any_order_of_arrival_shows_the_same(platform: str, stepping: bool, data: st.DataObject):
    findings.MOST_OPEN = 1
    events = data.draw(shop_histories(platform))
    at_ms = data.draw(moments_ms)
    shuffled = data.draw(shuffled_with_repeats(events))
    assert state_after(platform, stepping, events, at_ms) == state_after(platform, stepping, shuffled, at_ms)


@every_pack
@given(st.booleans(), st.data())
@fewer
def test_any_leaps_of_the_clock_show_the_same(platform: str, stepping: bool, data: st.DataObject):
    findings.MOST_OPEN = 1
    lived = data.draw(shop_commit_cycles(platform))
    everything = [each for events, _ in lived for each in events]
    found = []
    for way in ([(everything, END_MS)], [*lived, ([], END_MS)]):
        engine = Engine(RULES[platform], stepping=stepping)
        for events, to_ms in way:
            apply(engine, events)
            engine.advance(to_ms)
        alerts = drained(engine)
        assert_well_formed(alerts)
        found.append(open_alerts(alerts))
    assert found[0] == found[1]


@every_pack
@given(st.booleans(), st.booleans(), st.data())
@fewer
def test_a_restart_shows_the_same(platform: str, stepping: bool, backwards: bool, data: st.DataObject):
    findings.MOST_OPEN = 1
    lived = data.draw(shop_commit_cycles(platform))
    cut = data.draw(st.integers(1, len(lived)))
    worker = Worker(RULES[platform], stepping)
    for events, to_ms in lived[:cut]:
        worker.commit_cycle(events, to_ms)
    other = worker.restarted(worker.alerts, backwards)
    other.engine.settle()
    other.write()
    assert other.alerts == worker.alerts
    for events, to_ms in [*lived[cut:], ([], END_MS)]:
        worker.commit_cycle(events, to_ms)
        other.commit_cycle(events, to_ms)
    assert in_no_order(other.alerts) == in_no_order(worker.alerts)


def test_the_count_of_the_others_goes_on_with_its_revisions_after_years():
    trouble = [carrier(name, at, state) for at, state in (("0h", "extreme"), ("1h", "normal")) for name in "ABCD"]
    again = [carrier(name, "900d", "extreme") for name in "ABCD"]
    events = [*trouble, carrier("X", "420d", "normal"), carrier("X", "450d", "normal"), *again]
    assert [alert.data.revision for alert in more_of(run(route(), events))] == [1, 2, 3]
