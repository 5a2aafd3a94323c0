"""History through the rules: arrival order, a clock that never goes back, and the run on after the last event."""

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.bad_events import BadEvent
from tests.rules.history import book, brief, by_order, late_ship, ms, placed, run, shipped, tick

LATE = book(late_ship())


def test_timers_due_before_an_event_fire_first_each_at_its_own_time():
    events = [placed("1"), placed("2", "1h"), shipped("1", "100h")]
    assert by_order(run(LATE, events)) == [
        ("1", "72h opened overdue deadline_passed"),
        ("2", "73h opened overdue deadline_passed"),
        ("1", "100h resolved overdue fulfilled"),
    ]


def test_without_an_end_the_clock_stands_at_the_last_event_and_fires_what_is_due_then():
    assert brief(run(LATE, [placed("1"), placed("2", "72h")])) == ["72h opened overdue deadline_passed"]
    assert run(LATE, [placed("1"), placed("2", "71h")]) == []


def test_an_end_before_the_last_event_changes_nothing():
    events = [placed("1"), placed("2", "80h")]
    assert run(LATE, events, "10h") == run(LATE, events)


def test_the_clock_never_goes_back_for_an_event_from_before():
    events = [tick("100h"), placed("1"), placed("2", "90h"), shipped("2", "101h")]
    assert by_order(run(LATE, events, "101h")) == [("1", "100h opened overdue deadline_passed")]


def test_a_replay_of_nothing_brings_nothing():
    assert run(LATE, []) == []
    assert run(LATE, [], "100h") == []
    assert run(LATE, [tick("5h")], "100h") == []


def test_the_same_history_twice_over_brings_it_once():
    events = [placed("1"), shipped("1", "80h")]
    assert run(LATE, events + events) == run(LATE, events)


def test_an_event_that_is_set_aside_for_its_names_does_not_move_the_clock():
    events = [placed(), placed("2", "300h", shop="b\u200b"), placed("\u202e3", "400h"), shipped("1", "5h")]
    bad: list[BadEvent] = []
    engine = Engine(book(late_ship()), stepping=True)
    assert list(replay(engine, events, set_aside=bad.append)) == []
    assert (len(bad), engine.clock_ms) == (2, ms("5h"))
