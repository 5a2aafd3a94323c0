"""Ends the process some time after it is asked to stop, even if something keeps it from stopping by itself."""

import logging
import os
import signal
import threading
from types import FrameType

log = logging.getLogger(__name__)


class ForcedExit:
    """Ends the process so many seconds after the first stop signal, or the first `begin`."""

    def __init__(self, after_s: float) -> None:
        self._timer = threading.Timer(after_s, _leave, [after_s])
        self._timer.daemon = True
        self._begun = False

    def listen(self) -> None:
        """Has SIGTERM and SIGINT begin it. The event loop's own handlers must be installed already, and are called as
        well: they run only when the loop's current callback has ended."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._on_signal)
            signal.siginterrupt(each, False)  # as asyncio does it

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.begin()

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._timer.start()


def _leave(after_s: float) -> None:
    # Faust and aiokafka may wait for a broker for minutes. State is written by now, or is read again after a restart.
    log.error(
        "not stopped within %g s, maybe since Kafka doesn't answer: the worker ends without leaving its group", after_s
    )
    os._exit(1)
