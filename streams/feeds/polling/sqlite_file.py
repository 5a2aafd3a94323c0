"""Files of SQLite that several processes write. While one of them writes, the others wait, and it may be stopped within
a write. A call would keep the event loop waiting, so it waits for a moment only; `until_free` waits beside the loop.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

OTHERS_S = 0.5
"""How long a call waits for another process; a write takes some 10 ms."""

AGAIN_S = 0.5


def opened(file: Path) -> sqlite3.Connection:
    """A connection to a file that is this user's alone, made where it isn't there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    return sqlite3.connect(file, timeout=OTHERS_S, isolation_level=None)


async def until_free(write: Callable[[], None]) -> None:
    """Writes, again and again as long as another process is in the midst of a write. Raises other `sqlite3.Error`."""
    while True:
        try:
            write()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise
        else:
            return
        log.warning("another process has not come to the end of a write in DATADIR; what this one has to write waits")
        await asyncio.sleep(AGAIN_S)
