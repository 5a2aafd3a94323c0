"""The timer queue: whatever is scheduled comes due at its own instant, near or far, in order and once."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS, NEVER
from rules.engine.timer_queue import TimerQueue

TARGETS = 4
INSTANTS = st.integers(-3, 12).map(lambda quarter: quarter * HOUR_MS // 4)


def fired(timers: TimerQueue, to_ms: int) -> list[tuple[int, int]]:
    """What comes due by then: `(due_ms, target)`."""
    found = []
    while (due_ms := timers.next_ms(to_ms)) <= to_ms:
        target: Any = timers.pop()
        if target is not None:
            found.append((due_ms, target.name))
    return found


@given(st.lists(st.tuples(st.integers(0, TARGETS - 1), INSTANTS, st.none() | INSTANTS)))
def test_each_target_comes_due_once_at_the_earliest_instant_it_was_scheduled_for(
    steps: list[tuple[int, int, int | None]],
) -> None:
    timers = TimerQueue()
    targets: list[Any] = [SimpleNamespace(name=n, scheduled_ms=NEVER) for n in range(TARGETS)]
    scheduled: dict[int, int] = {}
    for n, next_eval_ms, to_ms in steps:
        timers.schedule(targets[n], next_eval_ms)
        scheduled[n] = min(next_eval_ms, scheduled.get(n, next_eval_ms))
        if to_ms is not None:
            due = [(at_ms, name) for name, at_ms in scheduled.items() if at_ms <= to_ms]
            found = fired(timers, to_ms)
            assert found == sorted(found, key=lambda each: each[0])
            assert sorted(found) == sorted(due)
            scheduled = {name: at_ms for name, at_ms in scheduled.items() if at_ms > to_ms}
    assert sorted(fired(timers, NEVER - 1)) == sorted((at_ms, name) for name, at_ms in scheduled.items())
    assert timers.next_ms(NEVER - 1) == NEVER


def test_what_is_scheduled_sooner_than_the_next_timer_comes_due_before_it_and_all_after_it_in_time():
    timers, names = TimerQueue(), ("far", "a little further", "sooner", "soonest")
    far, further, sooner, soonest = targets = [SimpleNamespace(name=name, scheduled_ms=NEVER) for name in names]
    schedule: Any = timers.schedule
    schedule(far, 720 * HOUR_MS)
    schedule(further, 720 * HOUR_MS + 1)
    assert timers.next_ms(720 * HOUR_MS) == 720 * HOUR_MS
    schedule(sooner, 49 * HOUR_MS)
    schedule(soonest, 48 * HOUR_MS)
    assert [name for _, name in fired(timers, NEVER - 1)] == ["soonest", "sooner", "far", "a little further"]
    assert all(target.scheduled_ms == NEVER for target in targets)
