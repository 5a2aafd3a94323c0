"""The file of tracking numbers: what becomes of each, and what happens while another process writes it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from streams.feeds.polling import sqlite_file
from streams.feeds.polling.parcels import FOLLOWED, GONE, LEAVING, NEW, PARCELS, REFUSED, Parcel, Parcels
from tests.feeds.emulated.platform import DAY_MS
from tests.runtime.support import until


def test_an_order_that_comes_while_its_parcel_is_released_has_it_registered_once_more(tmp_path: Path) -> None:
    parcels, parcel = Parcels(tmp_path / PARCELS), Parcel("N1", "", "shopee/s1/A1")
    parcels.note("track17/main", [parcel], 0)
    parcels.settle("track17/main", [parcel], FOLLOWED, 1)
    parcels.end([(parcel.reference, None)], 2)
    (leaving,) = parcels.due("track17/main", LEAVING, 2, 10)
    other = parcel._replace(reference="shopee/s1/A2")
    parcels.note("track17/main", [other], 3)
    parcels.settle("track17/main", [leaving], GONE, 4)
    assert parcels.due("track17/main", NEW, 4, 10) == [other._replace(again=True)]
    parcels.close()


def test_a_number_is_registered_once_more_though_another_order_has_come_to_wait_for_it(tmp_path: Path) -> None:
    """A service that has stopped says so of the order that the number was registered with."""
    parcels, parcel = Parcels(tmp_path / PARCELS), Parcel("N1", "", "shopee/s1/A1")
    parcels.note("track17/main", [parcel], 0)
    parcels.settle("track17/main", [parcel], FOLLOWED, 1)
    parcels.end([(parcel.reference, None)], 2)
    parcels.note("track17/main", [parcel._replace(reference="shopee/s1/A2")], 3)
    assert parcels.counts("track17/main")[FOLLOWED] == 1
    parcels.again(parcel.reference, "N1", 4)
    assert parcels.counts("track17/main")[NEW] == 1
    parcels.close()


def test_numbers_of_the_version_before_keep_their_order(tmp_path: Path) -> None:
    file = tmp_path / PARCELS
    before = sqlite3.connect(file)
    before.executescript(
        "CREATE TABLE parcels (service TEXT, tracking_no TEXT, carrier TEXT NOT NULL, reference TEXT NOT NULL, "
        "state TEXT NOT NULL, tries INTEGER NOT NULL, due_ms INTEGER NOT NULL, again INTEGER NOT NULL DEFAULT 0, "
        "PRIMARY KEY (service, tracking_no)) WITHOUT ROWID;"
        "CREATE INDEX parcels_of_order ON parcels (reference);"
        "INSERT INTO parcels VALUES ('track17/main', 'N1', '', 'shopee/s1/A1', 'followed', 0, 0, 0);"
    )
    before.close()
    for _ in range(2):
        parcels = Parcels(file)
        assert parcels.counts("track17/main")[FOLLOWED] == 1
        parcels.close()
    parcels = Parcels(file)
    parcels.end([("shopee/s1/A1", None)], 1)
    assert parcels.counts("track17/main")[LEAVING] == 1
    parcels.close()


async def test_the_event_loop_goes_on_while_another_process_is_within_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_file, "OTHERS_S", 0.01)
    monkeypatch.setattr(sqlite_file, "AGAIN_S", 0.01)
    parcels, other = Parcels(tmp_path / PARCELS), sqlite3.connect(tmp_path / PARCELS, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    number = Parcel("N1", "", "shopee/s1/A1")
    writing = asyncio.create_task(sqlite_file.until_free(lambda: parcels.note("track17/main", [number], 0)))
    await until(lambda: "is within a write in DATADIR for long" in caplog.text)
    assert not writing.done()
    other.execute("ROLLBACK")
    await writing
    assert parcels.counts("track17/main")[NEW] == 1
    other.close()
    parcels.close()


def test_one_that_is_released_while_it_is_being_registered_is_released_after_that(tmp_path: Path) -> None:
    parcels, parcel = Parcels(tmp_path / PARCELS), Parcel("N1", "", "shopee/s1/A1")
    parcels.note("track17/main", [parcel], 0)
    parcels.end([(parcel.reference, None)], 1)
    parcels.settle("track17/main", [parcel], FOLLOWED, 2)
    assert parcels.due("track17/main", LEAVING, 2, 10) == [parcel]
    parcels.close()


def test_what_was_settled_long_ago_is_forgotten(tmp_path: Path) -> None:
    parcels, parcel = Parcels(tmp_path / PARCELS), Parcel("N1", "", "shopee/s1/A1")
    parcels.note("track17/main", [parcel, parcel._replace(tracking_no="N2")], 0)
    parcels.settle("track17/main", [parcel], FOLLOWED, 0)
    parcels.forget(200 * DAY_MS)
    assert parcels.counts("track17/main") == {NEW: 1, FOLLOWED: 0, REFUSED: 0, LEAVING: 0, GONE: 0}
    assert (tmp_path / PARCELS).stat().st_mode & 0o077 == 0
    parcels.close()
