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

OPEN_S = 30.0
"""How long an opening waits for another process, which may be making the file ready."""

OTHERS_S = 0.2
"""How long a call waits for another process; a write takes some 10 ms."""

AGAIN_S, LONGEST_AGAIN_S = 0.5, 5.0
"""After how long a write is tried again, at first and at most: many may wait, and each try keeps the loop waiting."""


def opened(file: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """A connection to a file that is this user's alone, made where it isn't there. `prepare` makes its tables."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    database = sqlite3.connect(file, timeout=OPEN_S, isolation_level=None)
    prepare(database)
    database.execute(f"PRAGMA busy_timeout = {OTHERS_S * 1000:.0f}")
    return database


async def until_free(write: Callable[[], None]) -> None:
    """Writes, again and again as long as another process is within a write. Raises other `sqlite3.Error`."""
    pause_s = AGAIN_S
    while True:
        try:
            write()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise
        else:
            return
        if pause_s > AGAIN_S:
            log.warning("another process is within a write in DATADIR for long; what this one has to write waits")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_AGAIN_S)
