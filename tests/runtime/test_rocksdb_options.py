"""What all databases of a worker take of memory together."""

import os
from pathlib import Path

from rocksdict import Rdict, WriteBatch

from streams.kafka.keys import order_key
from streams.runtime.rocksdb_options import BLOCK_CACHE, BLOCK_CACHE_BYTES, WRITE_BUFFERS_BYTES
from streams.runtime.snapshot import GATHERED_BYTES, Snapshot

DATABASES = 48
"""Of 24 partitions."""


def written(database: Rdict, kilobytes: int) -> None:
    batch = WriteBatch(raw_mode=True)
    for n in range(kilobytes):
        batch.put(b"%08d" % n, os.urandom(1_000))
    database.write(batch)


def test_what_all_gather_before_they_write_it_is_bounded_however_many_there_are(tmp_path: Path) -> None:
    snapshots = [Snapshot(tmp_path / f"facts-{n}") for n in range(DATABASES)]
    most_noted = most_buffered = 0
    for turn in range(20):
        for n, each in enumerate(snapshots):
            each.note_all([(b"%d-%d" % (turn, key), os.urandom(1_000)) for key in range(100)])
            each.advance(turn)
            if n % 8 == 0:
                most_noted = max(
                    most_noted, sum(len(value or b"") for one in snapshots for value in one._pending.values())
                )
                most_buffered = max(most_buffered, sum(in_use_of(one._db) for one in snapshots))
    assert GATHERED_BYTES / 2 < most_noted <= GATHERED_BYTES
    assert WRITE_BUFFERS_BYTES / 2 < most_buffered <= WRITE_BUFFERS_BYTES
    for each in snapshots:
        each.close()


def in_use_of(database: Rdict) -> int:
    """Bytes that a database gathers and isn't writing to a file yet."""
    return database.property_int_value("rocksdb.cur-size-active-mem-table") or 0


def test_a_worker_of_one_partition_gathers_more_before_it_writes(tmp_path: Path) -> None:
    only = Snapshot(tmp_path / "facts-0")
    only.note_all([(b"%d" % key, bytes(1_000)) for key in range(GATHERED_BYTES // 1_100)])
    only.advance(1)
    assert only.written_to is None
    only.note(b"large", bytes(GATHERED_BYTES // 10))
    only.advance(2)
    assert only.written_to == 2
    only.close()


def test_they_have_one_cache_of_what_was_read(tmp_path: Path) -> None:
    snapshots = [Snapshot(tmp_path / f"facts-{n}") for n in range(2)]
    first, second = databases = [each._db for each in snapshots]
    for database in databases:
        written(database, 100)
        database.flush()
    before = BLOCK_CACHE.get_usage()
    assert len(list(first.items())) == len(list(second.items())) == 100
    assert BLOCK_CACHE.get_usage() >= before + 2 * 100_000
    assert [one.property_int_value("rocksdb.block-cache-capacity") for one in databases] == [BLOCK_CACHE_BYTES] * 2
    for each in snapshots:
        each.close()


def test_an_index_takes_a_byte_or_two_of_memory_for_each_order(tmp_path: Path) -> None:
    snapshot, orders = Snapshot(tmp_path / "facts-0"), 20_000
    facts = bytes(100) + os.urandom(200)
    snapshot.note_all([(order_key("joom", f"shop-{n % 100}", f"26A{n:011}"), facts) for n in range(orders)])
    snapshot.advance(1)
    snapshot.write()
    snapshot._db.flush()
    assert 0 < (snapshot._db.property_int_value("rocksdb.estimate-table-readers-mem") or 0) < 2 * orders
    snapshot.close()
