"""Events as JSON lines."""

from collections.abc import Iterable
from typing import BinaryIO

import orjson

from streams.importing.history import Event


def write(events: Iterable[Event], out: BinaryIO) -> None:
    """Write one event a line. Raises OSError when `out` takes no more."""
    for event in events:
        out.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
