"""Which tracking numbers are to be followed by which service, in one file of SQLite beside that of the polls.

Several processes write it: the mapper and the poller note numbers, the poller registers them. Each number is one row a
service, whoever notes it and however often.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from rules.calendar.instants import DAY_MS

PARCELS = "parcels.sqlite"
"""In the data directory."""

OTHERS_S = 30.0
"""How long a write waits for those of other processes."""

KEPT_MS = 120 * DAY_MS
"""A number that is settled is forgotten after this: carriers use numbers again."""

NEW, FOLLOWED, REFUSED, LEAVING, GONE = "new", "followed", "refused", "leaving", "gone"
STATES: Final = (NEW, FOLLOWED, REFUSED, LEAVING, GONE)
"""To be registered, registered, not taken, to be let go, let go."""

_TABLES = """
CREATE TABLE IF NOT EXISTS parcels (
    service TEXT, tracking_no TEXT, carrier TEXT NOT NULL, reference TEXT NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL, due_ms INTEGER NOT NULL, again INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (service, tracking_no)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parcels_of_order ON parcels (reference);
CREATE INDEX IF NOT EXISTS parcels_due ON parcels (service, state, due_ms);
"""


class Parcel(NamedTuple):
    """`carrier` is the platform's word. `tries` is how often it was refused so far. `again`: the service has stopped to
    follow it."""

    tracking_no: str
    carrier: str
    reference: str
    tries: int = 0
    again: bool = False


class Parcels:
    """Not for several threads."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        self._database = sqlite3.connect(file, timeout=OTHERS_S, isolation_level=None)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        self._database.close()

    def note(self, service: str, parcels: Iterable[Parcel], now_ms: int) -> None:
        """To be registered. One that is there already stays as it is."""
        rows = [(service, each.tracking_no, each.carrier, each.reference, NEW, 0, now_ms) for each in parcels]
        if not rows:
            return
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR IGNORE INTO parcels VALUES (?, ?, ?, ?, ?, ?, ?, 0)", rows)

    def end(self, reference: str, now_ms: int, tracking_no: str | None = None) -> None:
        """Marks all numbers of an order, or one of them, to be released: nobody waits for it any more."""
        for before, after in ((FOLLOWED, LEAVING), (NEW, GONE)):
            self._database.execute(
                "UPDATE parcels SET state = ?, due_ms = ? WHERE reference = ? AND state = ? "
                "AND (? IS NULL OR tracking_no = ?)",
                (after, now_ms, reference, before, tracking_no, tracking_no),
            )

    def again(self, reference: str, tracking_no: str, due_ms: int) -> None:
        """The service has stopped following it: it is registered once more, and no third time."""
        self._database.execute(
            "UPDATE parcels SET state = ?, due_ms = ?, tries = 0, again = 1 "
            "WHERE reference = ? AND tracking_no = ? AND state = ? AND again = 0",
            (NEW, due_ms, reference, tracking_no, FOLLOWED),
        )

    def due(self, service: str, state: str, now_ms: int, most: int) -> list[Parcel]:
        """The numbers in a state whose time has come, the one that has waited longest first."""
        found = self._database.execute(
            "SELECT tracking_no, carrier, reference, tries, again FROM parcels WHERE service = ? AND state = ? "
            "AND due_ms <= ? ORDER BY due_ms, tracking_no LIMIT ?",
            (service, state, now_ms, most),
        )
        return [
            Parcel(number, carrier, reference, tries, bool(again)) for number, carrier, reference, tries, again in found
        ]

    def settle(self, service: str, parcels: Iterable[Parcel], state: str, at_ms: int) -> None:
        """What became of them; it is their turn again at `at_ms`, if it ever is. One that nobody waited for any more
        while it was being registered is let go again."""
        late = LEAVING if state == FOLLOWED else GONE
        rows = [(GONE, late, state, each.tries, at_ms, service, each.tracking_no) for each in parcels]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "UPDATE parcels SET state = CASE state WHEN ? THEN ? ELSE ? END, tries = ?, due_ms = ? "
                "WHERE service = ? AND tracking_no = ?",
                rows,
            )

    def counts(self, service: str) -> dict[str, int]:
        """How many numbers are in each state."""
        rows = self._database.execute(
            "SELECT state, count(*) FROM parcels WHERE service = ? GROUP BY state", (service,)
        )
        return dict.fromkeys(STATES, 0) | dict(rows.fetchall())

    def forget(self, now_ms: int) -> None:
        """Deletes numbers that were settled long ago."""
        self._database.execute(
            "DELETE FROM parcels WHERE state IN (?, ?, ?) AND due_ms < ?", (FOLLOWED, REFUSED, GONE, now_ms - KEPT_MS)
        )
