"""Replays a history through the same engine as the worker's, without a broker."""

from collections.abc import Callable, Iterable, Iterator

from rules.calendar.instants import MIN_MS, NEVER
from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from rules.messages.bad_events import BadEvent, as_bad_event, leap
from rules.messages.events import AnyEvent


def refuse(bad: BadEvent) -> None:
    """Raises the error of an event that was set aside."""
    raise bad


def apply_event(engine: Engine, event: AnyEvent, at_ms: int, max_leap_ms: int = NEVER) -> BadEvent | None:
    """Moves the clock to an event's time, firing first what is due before, then applies and evaluates the event.
    Returns what of it doesn't fit its order. Raises BadEvent if it can't be applied, or its time leaps more than
    `max_leap_ms` past everything before it; the clock stays then."""
    if at_ms > engine.clock_ms:
        if at_ms - max_leap_ms > engine.clock_ms > MIN_MS:
            raise leap(at_ms, max_leap_ms)
        engine.check(event)
        engine.advance(at_ms, including=False)
    try:
        odd = engine.apply(event, at_ms)
    except Exception as error:
        raise as_bad_event(error) from error
    engine.settle()
    return odd


def replay(
    engine: Engine,
    events: Iterable[tuple[AnyEvent, int]],
    until_ms: int | None = None,
    set_aside: Callable[[BadEvent], None] = refuse,
    max_leap_ms: int = NEVER,
    note: Callable[[BadEvent], None] = lambda _: None,
) -> Iterator[Alert]:
    """Yields alerts in the order in which they arise from `(event, at_ms)` in order of arrival.

    The clock is the largest time seen and never goes back. Timers due before an event fire first, each at its own due
    time. After the last event the clock runs on to `until_ms` (the last event's time by default). `set_aside` is called
    with the error of an event that can't be applied, or leaps more than `max_leap_ms` past everything before it; the
    rest goes on. `note` is called with what of an event was left out because it doesn't fit its order.
    """
    for event, at_ms in events:
        try:
            odd = apply_event(engine, event, at_ms, max_leap_ms)
        except BadEvent as bad:
            set_aside(bad)
            continue
        if odd is not None:
            note(odd)
        yield from engine.drain().alerts
    engine.advance(engine.clock_ms if until_ms is None else max(until_ms, engine.clock_ms))
    yield from engine.drain().alerts
