"""A carrier in trouble, and the line to switch to."""

from rules.engine.engine import Engine
from tests.rules.history import book, brief, drained, emitted_of, event, ms, rule, tick

LINES = {"saturated": "backup line", "paralysed": "overseas warehouse", "extreme": "express line"}
SAID = dict.fromkeys(LINES, "{where}: take the {line}")
RULES = book(rule("route", "line", stages=tuple(LINES), lines=LINES, summary=SAID))


def state(at, state, **where):
    return event("carrier.state", None, at, state=state, **where or {"carrier": "C"})


def test_each_state_names_its_line_and_the_way_back_is_told_as_such():
    alerts = emitted_of(
        "line", RULES, [state(f"{n}h", each) for n, each in enumerate(("saturated", "extreme", "paralysed", "normal"))]
    )
    assert brief(alerts) == [
        "0h opened saturated threshold_crossed",
        "1h updated extreme threshold_crossed",
        "2h updated paralysed fell_back",
        "3h resolved paralysed fell_back",
    ]
    assert [alert.data.summary for alert in alerts[:2]] == ["C: take the backup line", "C: take the express line"]


def test_carriers_and_regions_are_told_each_by_itself():
    events = [
        state("0h", "extreme"),
        state("1h", "saturated", carrier="C", region="R"),
        state("2h", "normal", region="R"),
    ]
    assert [alert.data.alert for alert in emitted_of("line", RULES, events)] == [
        "joom.line:joom/s1:C:-",
        "joom.line:joom/s1:C R:-",
    ]


def test_an_old_state_heard_of_late_changes_nothing():
    assert emitted_of("line", RULES, [state("5h", "normal"), tick("6h"), state("1h", "extreme")]) == []


def test_a_state_ahead_of_the_clock_leaves_the_one_before_in_force():
    engine = Engine(RULES, stepping=True)
    engine.apply(*state("0h", "extreme"))
    engine.apply(*state("9h", "normal"))
    engine.advance(ms("9h"))
    assert brief(drained(engine)) == ["0h opened extreme threshold_crossed", "9h resolved extreme fell_back"]
