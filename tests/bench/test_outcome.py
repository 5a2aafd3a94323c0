"""How a system's alerts are held against the expectation."""

from types import SimpleNamespace

import orjson

from tests.bench.expected import Expected
from tests.bench.outcome import Outcome, of_shipclock

EXPECTED = Expected(
    raised={"late_48h": {"joom/s1/o1"}, "late_72h": set(), "pickup_24h": set()},
    ratio={"joom/s1": True, "joom/s2": False},
    end=0,
    events=0,
)


def alert(rule: str, stage: str, state: str = "open", order: str = "o1") -> SimpleNamespace:
    data = {"rule": f"job.{rule}", "stage": stage, "state": state}
    return SimpleNamespace(value=orjson.dumps({"platform": "joom", "shop": "s1", "order": order, "data": data}))


def test_a_system_that_raised_what_it_should_has_no_differences() -> None:
    alerts = [
        alert("late_48h", "overdue"),
        alert("late_48h", "overdue", "resolved"),
        alert("ratio_5pct", "crossed"),
    ]
    assert of_shipclock(alerts).differences(EXPECTED) == []


def test_a_warning_ahead_is_not_yet_late() -> None:
    found = of_shipclock([alert("late_48h", "due_soon"), alert("ratio_5pct", "crossed")])
    assert found.differences(EXPECTED) == ["late_48h: 1 missing, 0 too many, such as joom/s1/o1"]


def test_an_alert_that_should_not_be_is_named() -> None:
    alerts = [alert("late_48h", "overdue"), alert("late_72h", "overdue"), alert("ratio_5pct", "crossed")]
    found = of_shipclock(alerts)
    assert found.differences(EXPECTED) == ["late_72h: 0 missing, 1 too many, such as joom/s1/o1"]


def test_the_last_word_on_a_ratio_counts() -> None:
    alerts = [alert("late_48h", "overdue"), alert("ratio_5pct", "crossed"), alert("ratio_5pct", "near")]
    assert of_shipclock(alerts).differences(EXPECTED) == ["ratio_5pct: 1 shops end wrong, such as joom/s1"]


def test_a_system_that_sent_nothing_is_wrong() -> None:
    assert len(Outcome().differences(EXPECTED)) == 2
