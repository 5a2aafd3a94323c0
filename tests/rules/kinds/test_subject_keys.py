"""What rules that go by subject look at: whatever else is said, the same facts bring the same alerts."""

from rules.engine.engine import Engine
from tests.rules.histories import Worker, apply
from tests.rules.history import (
    book,
    brief,
    cancelled,
    drained,
    emitted_of,
    event,
    late_ship,
    moved,
    ms,
    placed,
    rule,
    run,
)

WARN = [{"before": "48h", "severity": "info"}]
OWED = {**rule("tasks", "told", ("due_soon", "overdue"), within="48h", tasks=["t1"], warn=WARN, lasts="10d")}
SHORTER = {
    "source": "elsewhere",
    "confidence": "ours",
    "effective_from": "2026-01-02",
    "set": {"within": "24h", "warn": [{"before": "24h", "severity": "info"}]},
}
TAKING_TURNS = book({**OWED, "after": "emergency.declared", "versions": [SHORTER]})


def declared(at: str):
    return event("emergency.declared", None, at)


def test_two_versions_that_wait_until_one_instant_speak_of_one_alert():
    events = [declared("12h"), declared("36h"), event("task.done", None, "40h", task="t1")]
    assert brief(run(TAKING_TURNS, events, "60h")) == [
        "12h opened due_soon deadline_near",
        "40h resolved due_soon fulfilled",
    ]


def test_what_a_version_with_another_limit_says_has_its_evidence():
    [alert] = run(TAKING_TURNS, [declared("12h")], "13h")
    assert alert.data.evidence["left"] == ["t1"]


def test_a_task_done_for_a_subject_that_nothing_is_owed_about_opens_nothing():
    rules = book({**OWED, "after": "emergency.declared"})
    done = event("task.done", None, "1h", task="t2", alert="joom.told:joom/s1:other:2026-01-03T00:00:00Z")
    assert [alert.data.alert for alert in run(rules, [declared("0h"), done], "3h")] == [
        "joom.told:joom/s1:-:2026-01-03T00:00:00Z"
    ]


def test_a_carrier_with_a_blank_behind_it_is_not_the_one_without():
    rules = book({**rule("route", "route", ("extreme",), lines={"extreme": "another"})})
    events = [
        event("carrier.state", None, at, carrier=name, state=state)
        for at, name, state in (("0h", "C ", "normal"), ("1h", "C", "extreme"), ("2h", "C ", "normal"))
    ]
    assert [alert.data.alert for alert in run(rules, events, "3h")] == ["joom.route:joom/s1:C:-"]


def test_in_wall_time_timers_that_come_too_early_leave_a_slice_unfinished():
    made = Engine(book(late_ship(ship_by=True)), stepping=False)
    apply(made, [placed(f"{n:03}") for n in range(60)])
    made.advance(ms("1h"))
    apply(made, [moved(f"{n:03}", "1h", to="300h") for n in range(50)])
    made.advance(ms("2h"))
    while not made.advance(ms("100h"), limit=1):
        pass
    assert len(drained(made)) == 10


def crossings_of_orders():
    weekly = rule("count", "weekly", ("crossed",), of={"missed": "joom.late"}, threshold=2, per="week")
    crossing = rule("event", "crossing", ("crossed",), of={"crossed": "joom.weekly"}, lasts="30d")
    return book(late_ship(), weekly, crossing)


def test_a_weeks_count_of_orders_is_followed_by_what_rests_on_its_crossings():
    events = [placed("1"), placed("2"), cancelled("3", "100h")]
    assert brief(emitted_of("crossing", crossings_of_orders(), events, "120h")) == ["72h opened crossed happened"]


def test_restarted_it_says_nothing_new_of_them():
    worker = Worker(crossings_of_orders(), stepping=False)
    worker.commit_cycle([placed("1"), placed("2")], ms("80h"))
    other = worker.restarted(worker.alerts)
    other.engine.settle()
    other.write()
    assert other.alerts == worker.alerts
