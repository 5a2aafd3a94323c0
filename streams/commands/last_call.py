"""Ends the process when it is told to, even where something keeps it from stopping by itself."""

import logging
import os
import signal
import threading
from types import FrameType

log = logging.getLogger(__name__)


class LastCall:
    """Ends the process so many seconds after the first signal to stop, or the first `begin`."""

    def __init__(self, after_s: float) -> None:
        self._timer = threading.Timer(after_s, _leave, [after_s])
        self._timer.daemon = True
        self._begun = False

    def listen(self) -> None:
        """Has SIGTERM and SIGINT begin it. The event loop's own handlers for them must be there, and are called as
        well: they are woken by a file descriptor, but only once whatever runs in the loop has come to its end."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._on_signal)
            signal.siginterrupt(each, False)  # as asyncio has it

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.begin()

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._timer.start()


def _leave(after_s: float) -> None:
    # Faust and aiokafka wait for a broker for minutes; what counts was written, or is read again, before this.
    log.error(
        "not stopped within %g s, maybe since Kafka doesn't answer: the worker ends without taking leave", after_s
    )
    os._exit(1)
