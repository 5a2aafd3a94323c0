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
        if at_ms > engine.clock_ms:
            if at_ms - max_leap_ms > engine.clock_ms > MIN_MS:
                set_aside(leap(at_ms, max_leap_ms))
                continue
            try:
                engine.check(event)
            except BadEvent as bad:
                set_aside(bad)  # and its time says nothing
                continue
            engine.advance(at_ms, including=False)
        try:
            engine.apply(event, at_ms)
        except Exception as error:
            set_aside(as_bad_event(error))
            continue
        engine.settle()
        yield from engine.drain().alerts
    engine.advance(engine.clock_ms if until_ms is None else max(until_ms, engine.clock_ms))
    yield from engine.drain().alerts
