"""Which tracking numbers are to be followed by which service, in one file of SQLite beside that of the polls.

Several processes write it: the mapper and the poller note numbers, the poller registers them. Each number is one row a
service, whoever notes it and however often: a service takes it once, with the order that was noted first. A parcel may
hold several orders, so all that were shipped under a number are listed beside it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from rules.calendar.instants import DAY_MS
from streams.feeds.polling.sqlite_file import opened

PARCELS = "parcels.sqlite"
"""In the data directory."""

KEPT_MS = 120 * DAY_MS
"""A number that is settled is forgotten after this: carriers use numbers again."""

NEW, FOLLOWED, REFUSED, LEAVING, GONE = "new", "followed", "refused", "leaving", "gone"
STATES: Final = (NEW, FOLLOWED, REFUSED, LEAVING, GONE)
"""To be registered, registered, not taken, to be released, released."""

_TABLES = """
CREATE TABLE IF NOT EXISTS parcels (
    service TEXT, tracking_no TEXT, carrier TEXT NOT NULL, reference TEXT NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL, due_ms INTEGER NOT NULL, again INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (service, tracking_no)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parcels_due ON parcels (service, state, due_ms);
CREATE TABLE IF NOT EXISTS parcel_orders (
    service TEXT, tracking_no TEXT, reference TEXT, over INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (service, tracking_no, reference)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parcel_orders_of_order ON parcel_orders (reference);
"""

_FROM_BEFORE = """
DROP INDEX IF EXISTS parcels_of_order;
INSERT OR IGNORE INTO parcel_orders SELECT service, tracking_no, reference, state IN ('leaving', 'gone') FROM parcels;
PRAGMA user_version = 1;
"""
"""Until version 1 a number had one order."""

_OF_ORDER = "reference = ? AND (? IS NULL OR upper(tracking_no) = upper(?))"
_NOBODY_WAITS = """NOT EXISTS (
    SELECT 1 FROM parcel_orders AS each
    WHERE each.service = parcels.service AND each.tracking_no = parcels.tracking_no AND NOT each.over
)"""


class Parcel(NamedTuple):
    """`carrier` is the platform's word. `reference` is that of one order in it. `tries` is how often it was refused so
    far. `again`: the service has stopped to follow it."""

    tracking_no: str
    carrier: str
    reference: str
    tries: int = 0
    again: bool = False


class Parcels:
    """Not for several threads. Where another process is within a write, each call raises `sqlite3.Error` after a
    moment, and nothing has changed (`until_free`)."""

    def __init__(self, file: Path) -> None:
        self._database = opened(file, _prepare)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All that is written is written, or nothing."""
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            yield database

    def note(self, service: str, parcels: Iterable[Parcel], now_ms: int) -> None:
        """To be registered. One that is there already stays as it is; but one that was released, or is about to be, is
        followed again for an order that was not known to be in it."""
        noted = list(parcels)
        if not noted:
            return
        with self._writing() as database:
            for each in noted:
                number = service, each.tracking_no
                row = (*number, each.carrier, each.reference, NEW, 0, now_ms)
                database.execute("INSERT OR IGNORE INTO parcels VALUES (?, ?, ?, ?, ?, ?, ?, 0)", row)
                of_order = (*number, each.reference)
                if database.execute("INSERT OR IGNORE INTO parcel_orders VALUES (?, ?, ?, 0)", of_order).rowcount:
                    database.execute(
                        "UPDATE parcels SET state = CASE state WHEN ? THEN ? ELSE ? END, reference = ?, due_ms = ?, "
                        "tries = 0 WHERE service = ? AND tracking_no = ? AND state IN (?, ?)",
                        (LEAVING, FOLLOWED, NEW, each.reference, now_ms, *number, LEAVING, GONE),
                    )

    def end(self, ended: Iterable[tuple[str, str | None]], now_ms: int) -> None:
        """Orders, each by its reference, wait for their numbers, or for one of them, no more. Those that no order waits
        for are marked to be released. Services may write a number in capitals."""
        over = [(reference, number, number) for reference, number in ended]
        if not over:
            return
        with self._writing() as database:
            database.executemany(f"UPDATE parcel_orders SET over = 1 WHERE {_OF_ORDER} AND NOT over", over)
            for before, after in ((FOLLOWED, LEAVING), (NEW, GONE)):
                database.executemany(
                    "UPDATE parcels SET state = ?, due_ms = ? WHERE (service, tracking_no) IN "
                    f"(SELECT service, tracking_no FROM parcel_orders WHERE {_OF_ORDER}) "
                    f"AND state = ? AND {_NOBODY_WAITS}",
                    [(after, now_ms, *of_order, before) for of_order in over],
                )

    def others(self, service: str, reference: str, tracking_no: str) -> list[str]:
        """References of the other orders in an order's parcel."""
        found = self._database.execute(
            "SELECT other.reference FROM parcel_orders AS own JOIN parcel_orders AS other "
            "ON other.service = own.service AND other.tracking_no = own.tracking_no "
            "WHERE own.reference = ? AND own.service = ? AND upper(own.tracking_no) = upper(?) "
            "AND other.reference <> own.reference ORDER BY other.reference",
            (reference, service, tracking_no),
        )
        return [other for (other,) in found]

    def again(self, reference: str, tracking_no: str, due_ms: int) -> None:
        """The service has stopped following it: it is registered once more, and no third time. It is of any order in
        it: the one it was registered with may not be the newest."""
        self._database.execute(
            "UPDATE parcels SET state = ?, due_ms = ?, tries = 0, again = 1 WHERE (service, tracking_no) IN "
            f"(SELECT service, tracking_no FROM parcel_orders WHERE {_OF_ORDER}) AND state = ? AND again = 0",
            (NEW, due_ms, reference, tracking_no, tracking_no, FOLLOWED),
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
        while it was being registered is released again; one that an order came to wait for while it was released is to
        be registered once more."""
        late = LEAVING if state == FOLLOWED else GONE
        with self._writing() as database:
            for each in parcels:
                number = service, each.tracking_no
                if state == GONE:
                    database.execute(
                        f"UPDATE parcels SET state = CASE WHEN {_NOBODY_WAITS} THEN ? ELSE ? END, again = 1, "
                        "tries = 0, due_ms = ? WHERE service = ? AND tracking_no = ?",
                        (GONE, NEW, at_ms, *number),
                    )
                else:
                    database.execute(
                        "UPDATE parcels SET state = CASE state WHEN ? THEN ? ELSE ? END, tries = ?, due_ms = ? "
                        "WHERE service = ? AND tracking_no = ?",
                        (GONE, late, state, each.tries, at_ms, *number),
                    )

    def counts(self, service: str) -> dict[str, int]:
        """How many numbers are in each state."""
        rows = self._database.execute(
            "SELECT state, count(*) FROM parcels WHERE service = ? GROUP BY state", (service,)
        )
        return dict.fromkeys(STATES, 0) | dict(rows.fetchall())

    def forget(self, now_ms: int) -> None:
        """Deletes numbers that were settled long ago."""
        with self._writing() as database:
            database.execute(
                "DELETE FROM parcels WHERE state IN (?, ?, ?) AND due_ms < ?",
                (FOLLOWED, REFUSED, GONE, now_ms - KEPT_MS),
            )
            database.execute(
                "DELETE FROM parcel_orders "
                "WHERE (service, tracking_no) NOT IN (SELECT service, tracking_no FROM parcels)"
            )


def _prepare(database: sqlite3.Connection) -> None:
    database.executescript(_TABLES)
    if not database.execute("PRAGMA user_version").fetchone()[0]:
        database.executescript(f"BEGIN IMMEDIATE; {_FROM_BEFORE} COMMIT;")
