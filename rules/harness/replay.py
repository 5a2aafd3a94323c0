"""Running history through the rules: the same engine as the worker's, with no broker."""

from collections.abc import Callable, Iterable, Iterator

from rules.calendar.instants import MIN_MS, NEVER
from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from rules.messages.bad_events import BadEvent, as_bad_event, leap
from rules.messages.events import AnyEvent


def refuse(bad: BadEvent) -> None:
    """Raises what is wrong with an event."""
    raise bad


def take(engine: Engine, event: AnyEvent, at_ms: int, max_leap_ms: int = NEVER) -> None:
    """Has the clock go on to an event's time, firing first what is due before that, and evaluates what the event
    changes. Raises BadEvent where it can't be applied, or leaps more than `max_leap_ms` past everything before it: its
    time says nothing then."""
    if at_ms > engine.clock_ms:
        if at_ms - max_leap_ms > engine.clock_ms > MIN_MS:
            raise leap(at_ms, max_leap_ms)
        engine.check(event)
        engine.advance(at_ms, including=False)
    try:
        engine.apply(event, at_ms)
    except Exception as error:
        raise as_bad_event(error) from error
    engine.settle()


def replay(
    engine: Engine,
    events: Iterable[tuple[AnyEvent, int]],
    until_ms: int | None = None,
    set_aside: Callable[[BadEvent], None] = refuse,
    max_leap_ms: int = NEVER,
) -> Iterator[Alert]:
    """Alerts in the order they arise from `(event, at_ms)` in order of arrival.

    The clock is the largest time seen and never goes back. Timers due before an event fire first, each at its
    own due time. After the last event the clock runs on to `until_ms` (the last event's time, if not given).
    `set_aside` hears why the event that was taken last doesn't count, and the rest goes on: it can't be applied, or
    leaps more than `max_leap_ms` past everything before it.
    """
    for event, at_ms in events:
        try:
            take(engine, event, at_ms, max_leap_ms)
        except BadEvent as bad:
            set_aside(bad)
            continue
        yield from engine.drain().alerts
    engine.advance(engine.clock_ms if until_ms is None else max(until_ms, engine.clock_ms))
    yield from engine.drain().alerts
