"""Tasks with a deadline, and the deposit that is to be topped up."""

from tests.rules.history import book, brief, by_order, cancelled, emitted_of, event, placed, rule, stood, tick

WARN = [{"before": "48h", "severity": "warning"}, {"before": "12h", "severity": "critical"}]


def tasks(**parts):
    written = {"tasks": ["call", "write"], "within": "48h", "warn": WARN, "lasts": "10d", **parts}
    return book(rule("tasks", "duty", stages=("overdue",), **written))


EMERGENCY = tasks(after="emergency.declared")
DEPOSIT = book(
    rule(
        "tasks", "duty", stages=("overdue",), after="deposit.deducted", within="72h",
        warn=[{"before": "72h", "severity": "warning"}], lasts="365d", sanction={"name": "suspended"},
    )
)  # fmt: skip


def declared(at="0h", **more):
    return event("emergency.declared", None, at, **more)


def done(at, task, order=None, **more):
    return event("task.done", order, at, task=task, **more)


def deducted(at, **more):
    return event("deposit.deducted", None, at, **more)


def topped_up(at, **more):
    return event("deposit.topped_up", None, at, **more)


def test_what_is_owed_is_told_from_the_start_graver_near_its_end_and_overdue():
    alerts = emitted_of("duty", EMERGENCY, [declared()], "400h")
    assert brief(alerts) == [
        "0h opened due_soon deadline_near",
        "36h updated due_soon deadline_near",
        "48h updated overdue deadline_passed",
        "288h resolved overdue period_ended",
    ]
    assert [alert.data.severity for alert in alerts] == ["warning", "critical", "critical", "critical"]
    assert alerts[0].data.due_at == "2026-01-03T00:00:00Z"


def test_only_all_tasks_together_end_it():
    alerts = emitted_of(
        "duty", EMERGENCY, [declared(), done("5h", "call"), done("6h", "sing"), done("7h", "write")], "99h"
    )
    assert brief(alerts) == ["0h opened due_soon deadline_near", "7h resolved due_soon fulfilled"]
    assert [tick["task"] for tick in alerts[-1].data.evidence["done"]] == ["call", "write"]


def test_a_task_done_before_it_was_owed_ticks_off_nothing():
    assert len(emitted_of("duty", EMERGENCY, [done("0h", "call"), declared("1h"), done("2h", "write")], "9h")) == 1


def test_a_task_done_in_time_but_heard_of_late_takes_the_alert_back():
    events = [declared(), done("5h", "call"), tick("50h"), done("47h", "write")]
    assert brief(emitted_of("duty", EMERGENCY, events))[-1] == "50h resolved overdue evidence_arrived"


def test_a_task_that_names_its_alert_ticks_off_that_one_only():
    named = {"alert": "joom.duty:joom/s1:-:2026-01-03T00:00:00Z"}
    events = [
        declared("0h"),
        declared("1h", reason="another"),
        done("2h", "call", **named),
        done("2h", "write", **named),
    ]
    alerts = emitted_of("duty", EMERGENCY, events, "3h")
    assert [(alert.type, alert.data.due_at) for alert in alerts[-1:]] == [("alert.resolved", "2026-01-03T00:00:00Z")]
    assert stood(EMERGENCY, events, "3h")["open_alerts"] == 1


def test_each_cancelled_order_has_its_buyer_told():
    rules = tasks(of={"orders": {"has": "cancelled", "by": ["seller"]}, "at": "cancelled"}, tasks=["notify_buyer"])
    events = [
        placed("1"), placed("2"), placed("3"),
        *[cancelled(order, "1h", by=by) for order, by in (("1", "seller"), ("2", "seller"), ("3", "buyer"))],
        done("2h", "notify_buyer", "1"),
    ]  # fmt: skip
    assert by_order(emitted_of("duty", rules, events, "40h")) == [
        ("1", "1h opened due_soon deadline_near"),
        ("2", "1h opened due_soon deadline_near"),
        ("1", "2h resolved due_soon fulfilled"),
        ("2", "37h updated due_soon deadline_near"),
    ]


def test_a_deposit_not_topped_up_suspends_the_shop_until_it_is():
    events = [deducted("0h", amount="10", currency="CNY"), topped_up("80h", amount="10", currency="CNY")]
    assert brief(emitted_of("duty", DEPOSIT, events)) == [
        "0h opened due_soon deadline_near",
        "72h updated overdue deadline_passed",
        "80h resolved overdue fulfilled",
    ]
    [sanction] = stood(DEPOSIT, events[:1], "75h")["sanctions"]
    assert (sanction["name"], sanction["from"], sanction["until"]) == ("suspended", "2026-01-04T00:00:00Z", None)
    assert stood(DEPOSIT, events, "80h")["sanctions"] == []


def test_a_part_of_the_sum_is_not_enough_and_the_oldest_is_paid_first():
    owed = [deducted("0h", amount="10"), deducted("1h", amount="5")]
    assert stood(DEPOSIT, [*owed, topped_up("2h", amount="9.99")], "3h")["open_alerts"] == 2
    assert stood(DEPOSIT, [*owed, topped_up("2h", amount="12")], "3h")["open_alerts"] == 1
    assert stood(DEPOSIT, [*owed, topped_up("2h", amount="12"), topped_up("3h", amount="3")], "4h")["open_alerts"] == 0


def test_other_money_pays_nothing_back_and_an_unnamed_sum_pays_all():
    owed = [deducted("0h", amount="10", currency="CNY")]
    assert stood(DEPOSIT, [*owed, topped_up("2h", amount="99", currency="USD")], "3h")["open_alerts"] == 1
    assert stood(DEPOSIT, [*owed, topped_up("2h")], "3h")["open_alerts"] == 0


def test_topped_up_before_it_was_deducted_pays_nothing():
    assert stood(DEPOSIT, [topped_up("0h", amount="10"), deducted("1h", amount="10")], "3h")["open_alerts"] == 1


def test_a_sanction_is_of_the_version_that_was_in_effect_when_it_was_owed_and_told_once():
    longer = {"source": "test", "confidence": "ours", "set": {"within": "47h"}, "effective_from": "2026-01-02"}
    suspended = tasks(after="emergency.declared", sanction={"name": "suspended"}, versions=[longer])
    found = stood(suspended, [declared("0h"), tick("100h")], "100h")
    assert [(each["from"], each["until"]) for each in found["sanctions"]] == [("2026-01-03T00:00:00Z", None)]


def test_what_is_topped_up_ends_what_is_owed_by_each_version():
    longer = {"source": "test", "confidence": "ours", "set": {"within": "96h"}, "effective_from": "2026-01-02"}
    deposit = {"after": "deposit.deducted", "within": "72h", "warn": [{"before": "96h", "severity": "warning"}]}
    rules = book(rule("tasks", "duty", stages=("overdue",), lasts="365d", versions=[longer], **deposit))
    owed = [deducted("0h", amount="10"), deducted("30h", amount="10")]
    assert stood(rules, owed, "40h")["open_alerts"] == 2
    alerts = emitted_of("duty", rules, [*owed, topped_up("50h", amount="20")], "60h")
    assert brief(alerts)[2:] == ["50h resolved due_soon fulfilled", "50h resolved due_soon fulfilled"]
