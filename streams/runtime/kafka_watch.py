"""Whether Kafka answers: for readiness, for the metrics, and for the log, once a minute.

aiokafka logs some 400 times a second that a broker is away, and retries by itself. Those lines are kept out of the log;
instead, it is logged how long Kafka has not answered, with the last of aiokafka's errors.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from streams.paced_log import PacedLog

log = logging.getLogger(__name__)

SILENT_S = 5.0
"""After this long without an answer Kafka counts as away; under load not every answer comes at once."""

LOG_EVERY_S = 60.0

TRIED_AGAIN = (
    "Unable connect to",
    "Unable to update metadata",
    "Unable to request metadata",
    "Failed fetch messages from",
    "Failed fetch offsets from",
    "Error sending %s to node",
    "Heartbeat send request failed",
    "Heartbeat session expired",
    "Heartbeat failed for group %s: coordinator",
    "Group Coordinator Request failed",
    "Marking the coordinator dead",
    "OffsetCommit failed before join, ignoring",
    "LeaveGroup request failed",
    "Cannot send %r to",
    "Could not send %r",
    "Got error produce response",
    "Topic %s is not available during auto-create",
    "Topic %s not found in cluster metadata",
)
"""How aiokafka's messages about what it retries by itself begin."""


class RetryErrors(logging.Handler):
    """Keeps the last such message, and passes on aiokafka's other messages, each warning at most once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""
        self._paced = PacedLog(LOG_EVERY_S)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and str(record.msg).startswith(TRIED_AGAIN):
            self.last = record.getMessage()
        elif self._paced.filter(record):
            logging.getLogger().callHandlers(record)

    def take_over(self) -> "RetryErrors":
        """Has all log records of aiokafka come here first."""
        logger = logging.getLogger("aiokafka")
        logger.propagate = False
        logger.handlers[:] = [self]
        return self


class KafkaWatch:
    """Tracks the requests to Kafka that aren't answered yet."""

    def __init__(self, retry_errors: RetryErrors | None = None, now_s: Callable[[], float] = monotonic) -> None:
        self._retry_errors = retry_errors or RetryErrors()
        self._now_s = now_s
        self._asked_s: list[float] = []
        self._log_again_s: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A context around a call that waits for Kafka's answer."""
        began_s = self._now_s()
        self._asked_s.append(began_s)
        try:
            yield
        finally:
            self._asked_s.remove(began_s)

    @property
    def silent_s(self) -> float:
        """How long the oldest request has been waiting for its answer (s); 0 if none is."""
        return self._now_s() - min(self._asked_s) if self._asked_s else 0.0

    @property
    def is_away(self) -> bool:
        return self.silent_s >= SILENT_S

    @property
    def problem(self) -> str | None:
        """What is wrong, in words; None while Kafka answers."""
        if not self.is_away:
            return None
        why = f" ({self._retry_errors.last})" if self._retry_errors.last else ""
        return f"Kafka has not answered for {self.silent_s:,.0f} s{why}"

    def check(self) -> None:
        """To be called about once a second: logs once a minute that Kafka is away, and once that it is back."""
        problem, now_s = self.problem, self._now_s()
        if problem is None:
            if self._log_again_s is not None:
                log.warning("Kafka answers again")
                self._log_again_s, self._retry_errors.last = None, ""
        elif self._log_again_s is None or now_s >= self._log_again_s:
            log.warning("%s; no alerts are written until it does, and then all goes on by itself", problem)
            self._log_again_s = now_s + LOG_EVERY_S
