"""Protects the log: no secrets, no records' contents at any level, and no terminal escapes."""

import logging
from typing import Any

from rules.messages.text import visible

TALKATIVE = ("aiokafka", "kafka", "apprise", "urllib3")
"""Libraries that at debug level log each request: Kafka's password, addresses with secrets, whole records."""

_LINES = "\n\t"


def protect() -> None:
    """Applies to every log line of this process from now on."""
    for library in TALKATIVE:
        logging.getLogger(library).setLevel(logging.INFO)
    logging.setLogRecordFactory(_Record)


class _Record(logging.LogRecord):
    """A record whose text is safe to print, in its message as in its traceback.

    Faust writes tables of several lines. Our own messages are one line each, so in these a line break comes from
    outside and would forge another line.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        if self.exc_info:
            # Formatters use this instead of formatting the traceback again.
            self.exc_text = visible(logging.Formatter().formatException(self.exc_info), keep=_LINES)

    def getMessage(self) -> str:  # noqa: N802
        return visible(super().getMessage(), keep="" if self.name.startswith("streams.") else _LINES)
