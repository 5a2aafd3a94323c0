"""Counts of late marks, and the sanction they bring."""

from typing import Any

import pytest

from tests.rules.history import book, brief, late_ship, moved, placed, rule, run, shipped, tick


def marks(**parts: Any) -> Any:
    written = {"of": {"missed": "joom.late"}, "threshold": 3, "sanction": {"name": "suspended", "lasts": "14d"}}
    return book(late_ship(ship_by=True), rule("count", "marks", **{**written, **parts}))


def emitted(rules: Any, events: Any, until: str | None = None) -> list[Any]:
    return [alert for alert in run(rules, events, until) if alert.data.rule == "joom.marks"]


def late(*hours: int) -> list[Any]:
    """Orders that fall due at these hours and are shipped much later."""
    names = [f"due{hour}" for hour in hours]
    events = [placed(name, f"{hour - 72}h") for name, hour in zip(names, hours, strict=True)]
    return sorted(events, key=lambda timed: timed[1])


def test_so_many_late_marks_bring_a_sanction_for_its_time():
    alerts = emitted(marks(), late(100, 110, 120), "900h")
    assert brief(alerts) == ["120h opened active sanction_started", "456h resolved active sanction_ended"]
    assert alerts[0].data.until == alerts[1].data.until == "2026-01-20T00:00:00Z"
    assert [mark["order"] for mark in alerts[0].data.evidence["marks"]] == ["due100", "due110", "due120"]


def test_an_order_shipped_after_its_deadline_keeps_its_mark():
    events = [*late(100, 110, 120), shipped("due100", "105h")]
    assert len(emitted(marks(), sorted(events, key=lambda each: each[1]), "900h")) == 2


def test_what_comes_at_the_very_deadline_leaves_no_mark():
    warned = late_ship(warn=[{"before": "24h", "severity": "info"}])
    sanction = {"name": "suspended", "lasts": "14d"}
    rules = book(warned, rule("count", "marks", of={"missed": "joom.late"}, threshold=1, sanction=sanction))
    assert emitted(rules, [placed(), shipped(at="72h")], "900h") == []


def test_near_says_how_many_are_left():
    alerts = emitted(marks(near=1), late(100, 110, 120), "130h")
    assert brief(alerts) == [
        "100h opened near threshold_near",
        "110h updated near figures_moved",
        "120h updated active sanction_started",
    ]
    assert (alerts[0].data.value, alerts[0].data.threshold, alerts[0].data.headroom) == (1, 3, 2)


def test_marks_gathered_before_a_sanction_are_spent_with_it():
    alerts = emitted(marks(near=2), late(100, 110, 120, 500, 510), "900h")
    assert brief(alerts) == [
        "110h opened near threshold_near",
        "120h updated active sanction_started",
        "456h resolved active sanction_ended",
        "510h opened near threshold_near",
    ]
    assert [alert.data.revision for alert in alerts] == [1, 2, 3, 4]


def test_no_marks_gather_while_a_sanction_lasts():
    alerts = emitted(marks(near=2), late(100, 110, 120, 130, 140, 150, 160), "900h")
    assert brief(alerts) == [
        "110h opened near threshold_near",
        "120h updated active sanction_started",
        "456h resolved active sanction_ended",
    ]


def test_a_sanction_may_follow_another():
    alerts = emitted(marks(), late(100, 110, 120, 460, 470, 480), "900h")
    assert brief(alerts) == [
        "120h opened active sanction_started",
        "456h resolved active sanction_ended",
        "480h opened active sanction_started",
        "816h resolved active sanction_ended",
    ]


def test_marks_count_again_from_the_instant_a_sanction_ends():
    alerts = emitted(marks(), late(100, 110, 120, 456, 460, 470), "500h")
    assert brief(alerts)[1:] == ["456h resolved active sanction_ended", "470h opened active sanction_started"]


@pytest.mark.parametrize("near", [None, 2])
def test_evidence_that_one_mark_was_none_lifts_the_sanction(near):
    events = [*late(100, 110, 120), tick("200h"), shipped("due110", "109h")]
    alerts = emitted(marks(near=near), events, "900h")
    lifted = brief(alerts)[-2 if near else -1]
    assert lifted == "200h resolved active evidence_arrived"
    if near:
        assert brief(alerts)[-1] == "200h opened near threshold_near"


def test_evidence_against_a_mark_below_the_threshold_says_so():
    events = [*late(100, 110), tick("200h"), shipped("due110", "109h")]
    assert brief(emitted(marks(near=2), events, "900h")) == [
        "110h opened near threshold_near",
        "200h resolved near evidence_arrived",
    ]


def test_a_moved_deadline_moves_its_mark():
    events = [*late(100, 110, 120), tick("130h"), moved("due120", "125h", to="150h")]
    assert brief(emitted(marks(), events, "160h")) == [
        "120h opened active sanction_started",
        "130h resolved active evidence_arrived",
        "150h opened active sanction_started",
    ]


def test_marks_fall_out_of_a_window():
    rules = marks(near=2, window="50h")
    alerts = emitted(rules, late(100, 110, 155), "300h")
    assert brief(alerts) == [
        "110h opened near threshold_near",
        "150h resolved near fell_back",
        "155h opened near threshold_near",
        "160h resolved near fell_back",
    ]


def test_a_mark_found_late_takes_its_place_in_time():
    events = [*late(100, 110), tick("200h"), placed("found", "33h")]
    alerts = emitted(marks(), events, "900h")
    assert brief(alerts) == ["200h opened active sanction_started", "446h resolved active sanction_ended"]
    assert alerts[0].data.until == "2026-01-19T14:00:00Z"


def test_shops_gather_their_own_marks():
    events = [placed("1", shop="a"), placed("2", shop="a"), placed("3", shop="b")]
    assert emitted(marks(), events, "900h") == []
