"""What polling has to remember over a restart, in one file of SQLite: marks, tokens, the deadlines of open orders,
and when pushes came last.

One process at a time polls: `Ledger.lock`. Others may ask the platforms meanwhile, with the same tokens. A refresh
token that two of them used would be lost, so one at a time refreshes: `Ledger.refreshing`. Whoever can read the file
has the shops' tokens: it is the user's alone.
"""

import asyncio
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from streams.feeds.polling.sqlite_file import opened

_TABLES = """
CREATE TABLE IF NOT EXISTS marks (poll TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pushes (shop TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    shop TEXT PRIMARY KEY, access TEXT NOT NULL, refresh TEXT NOT NULL, expires_ms INTEGER NOT NULL, given TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deadlines (
    shop TEXT, "order" TEXT, ship_by TEXT NOT NULL, PRIMARY KEY (shop, "order")
) WITHOUT ROWID;
"""


LEDGER = "polls.sqlite"
"""In the data directory."""

PUSHED_EVERY_S = 60.0

ASK_AGAIN_S = 0.05
"""How often to check whether another process has refreshed the token."""


class InUse(Exception):
    """Another process polls with this ledger."""


class Tokens(NamedTuple):
    """Those of one shop. `given` is the digest of the refresh token in the settings that they come from."""

    access: str
    refresh: str
    expires_ms: int
    given: str


class Ledger:
    """Each write is on the disk when its call returns. Not for several threads. Where another process is within a
    write, each call raises `sqlite3.Error` after a moment, and nothing has changed (`until_free`)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: int | None = None
        self._pushed_ms: dict[str, int] = {}
        self._push_due_s: dict[str, float] = {}
        self._database = opened(file, _prepare)

    def lock(self) -> None:
        """Until `close`, or the end of this process. Raises InUse."""
        self._held = _locked(self._file.with_suffix(".lock"))

    @asynccontextmanager
    async def refreshing(self, shop: str) -> AsyncIterator[None]:
        """Holds other processes, and other clients of this one, off from refreshing this shop's token."""
        digest = hashlib.sha256(shop.encode()).hexdigest()[:16]
        held = None
        while held is None:
            try:
                held = _locked(self._file.with_name(f"token-{digest}.lock"))
            except InUse:
                await asyncio.sleep(ASK_AGAIN_S)
        try:
            yield
        finally:
            os.close(held)

    def close(self) -> None:
        self._database.close()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def mark(self, poll: str) -> int | None:
        """The newest change that was read (epoch ms)."""
        found = self._database.execute("SELECT at_ms FROM marks WHERE poll = ?", (poll,)).fetchone()
        return None if found is None else int(found[0])

    def set_mark(self, poll: str, at_ms: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (poll, at_ms))

    def move_back(self, at_ms: int) -> None:
        """Moves all marks that are later back to this moment."""
        self._database.execute("UPDATE marks SET at_ms = ? WHERE at_ms > ?", (at_ms, at_ms))

    def pushed(self, shop: str) -> int | None:
        """When its last push was mapped, by another process to about a minute; None where this isn't known."""
        found = self._database.execute("SELECT at_ms FROM pushes WHERE shop = ?", (shop,)).fetchone()
        known = [at_ms for at_ms in (self._pushed_ms.get(shop), found and found[0]) if at_ms is not None]
        return max(known, default=None)

    def set_pushed(self, shop: str, at_ms: int) -> None:
        """Pushes may come many a second, and a write takes many milliseconds: one a minute is on the disk."""
        self._pushed_ms[shop] = at_ms
        now_s = monotonic()
        if now_s >= self._push_due_s.get(shop, 0.0):
            self._database.execute("INSERT OR REPLACE INTO pushes VALUES (?, ?)", (shop, at_ms))
            self._push_due_s[shop] = now_s + PUSHED_EVERY_S

    def tokens(self, shop: str) -> Tokens | None:
        found = self._database.execute(
            "SELECT access, refresh, expires_ms, given FROM tokens WHERE shop = ?", (shop,)
        ).fetchone()
        return None if found is None else Tokens(*found)

    def set_tokens(self, shop: str, tokens: Tokens) -> None:
        self._database.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?)", (shop, *tokens))

    def deadline(self, shop: str, order: str) -> str | None:
        found = self._database.execute(
            'SELECT ship_by FROM deadlines WHERE shop = ? AND "order" = ?', (shop, order)
        ).fetchone()
        return None if found is None else str(found[0])

    def set_deadlines(self, shop: str, deadlines: dict[str, str | None]) -> None:
        """Sets the deadlines of open orders; None removes an order that is no longer open."""
        if not deadlines:
            return
        gone = [(shop, order) for order, ship_by in deadlines.items() if ship_by is None]
        there = [(shop, order, ship_by) for order, ship_by in deadlines.items() if ship_by is not None]
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany('DELETE FROM deadlines WHERE shop = ? AND "order" = ?', gone)
            self._database.executemany("INSERT OR REPLACE INTO deadlines VALUES (?, ?, ?)", there)


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(_TABLES)


def _locked(file: Path) -> int:
    """A descriptor that holds the lock until it is closed. Raises InUse."""
    held = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise InUse from None
    return held
