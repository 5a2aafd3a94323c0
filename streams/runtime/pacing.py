"""When the next commit cycle begins: at once when records arrive at an idle worker; under load later, so that more
changes of an order are evaluated and written as one; far behind, once very many have come; and at once amid a burst of
deadlines, each of which falls due once, so that waiting saves nothing."""

import asyncio
import contextlib
from collections.abc import Iterator
from time import monotonic, thread_time

COMMIT_INTERVAL_S = 0.5
"""How long facts may wait to be evaluated, written and committed; and how often clocks advance."""

CYCLES_BUDGET = 0.1
"""Share of the worker's time for commit cycles that handle events, as long as `COMMIT_INTERVAL_S` is kept. A cycle
takes some 3 ms however few there are, so an event waits at most some 30 ms for the end of the rest after the last."""

BACKLOG_EVENTS = 5_000
BACKLOG_INTERVAL_S = 1.0
"""With this many events since the last commit cycle a backlog is being read, and facts are gathered for longer…"""

BUSY_EVENTS = 70_000
"""…but not more events than this."""

GATHER_S = 5.0
"""Where more records than that wait in Kafka, no alert of theirs is in time. Then so many are gathered, which takes no
longer than this unless the machine is busy. A deadline that falls due meanwhile waits as long."""

BURST_ALERTS = 500
ALERTS_PER_EVENT = 10
"""A cycle that finds more alerts than this, and this for each of its events, is amid a burst of deadlines."""


class Pacing:
    """`events` arrived since the last commit cycle began, and `behind` records waited in Kafka then. `is_burst`: in the
    last one many deadlines fell due."""

    def __init__(self) -> None:
        self.events = self.behind = self._handled = 0
        self.is_burst = False
        self._arrived, self._enough = asyncio.Event(), asyncio.Event()
        self._rest_s = 0.0

    def arrived(self, events: int) -> None:
        """Notes events that were applied."""
        self.events += events
        self._arrived.set()
        if self.events > BUSY_EVENTS:
            self.hurry()

    def hurry(self) -> None:
        """Has the next commit cycle begin at once."""
        self._enough.set()

    @property
    def is_backlog(self) -> bool:
        return self.events > BACKLOG_EVENTS

    @contextlib.contextmanager
    def cycle(self) -> Iterator[None]:
        """A context around a commit cycle; measures how long to rest after it."""
        began_s = thread_time()
        try:
            yield
        finally:
            rest_s = (thread_time() - began_s) * (1 / CYCLES_BUDGET - 1)
            self._rest_s = min(rest_s, COMMIT_INTERVAL_S) if self._handled else 0.0

    def begin(self, behind: int = 0) -> None:
        """Called when a cycle is about to evaluate all that has been applied; `behind` records wait in Kafka."""
        self._handled, self.events, self.behind = self.events, 0, behind
        self._arrived.clear()
        self._enough.clear()

    def found(self, alerts: int) -> None:
        """Notes how many alerts the cycle has found."""
        self.is_burst = alerts > BURST_ALERTS + ALERTS_PER_EVENT * self._handled

    async def until_due(self) -> None:
        """Waits for the next commit cycle."""
        if self.is_burst:
            return
        if self.behind > BUSY_EVENTS:
            await _set_within(self._enough, GATHER_S)
            return
        began_s = monotonic()
        await _set_within(self._enough, self._rest_s)
        if self.is_backlog:
            await _set_within(self._enough, began_s + BACKLOG_INTERVAL_S - monotonic())
        else:
            await _set_within(self._arrived, began_s + COMMIT_INTERVAL_S - monotonic())

    def stop(self) -> None:
        """Ends the wait."""
        self._arrived.set()
        self._enough.set()


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
