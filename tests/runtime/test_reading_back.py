"""Changelog records that can't be read back."""

import msgspec
import orjson
import pytest
from prometheus_client import REGISTRY

from rules.facts.stored import encode_facts
from streams.kafka.keys import order_key
from streams.runtime.changelog import CLOCK_KEY
from streams.runtime.partition import Partition, Restore
from streams.runtime.reading_back import ReadingBack, UnreadableError
from streams.runtime.restoring_facts import restore_record
from tests.runtime.support import PARTITIONS, book, record
from tests.web.records import alert, alert_id

ALERT = orjson.loads(alert())
KEY = alert_id("1").encode()


def forged(**others: object) -> bytes:
    return orjson.dumps(ALERT | others)


def partition() -> Partition:
    return Partition(2, PARTITIONS, book(), "wall")


BAD_ALERTS = [
    b"junk",
    b"",
    b"[]",
    b"\xff",
    forged(time="tomorrow"),
    forged(data=ALERT["data"] | {"opened_at": "2026-99-01T00:00:00Z"}),
    forged(data=ALERT["data"] | {"due_at": ""}),
    forged(data=ALERT["data"] | {"revision": "2"}),
    forged(data=ALERT["data"] | {"severity": "deadly"}),
    forged(shop=7),
]
ORDER_KEY = order_key("joom", "s17", "1")
BAD_FACTS = [
    (b"junk", b"junk"),
    (b"7", b""),
    (b"[]", b""),
    (b'["joom"]', b""),
    (b'["joom","s17","1","2","3"]', b""),
    (ORDER_KEY, b"junk"),
    (ORDER_KEY, msgspec.msgpack.encode([1, 2, 3])),
    (b'["joom","s17",["1"]]', encode_facts(None)),
    (b'["joom","s17","no.such.kind",["-"]]', msgspec.msgpack.encode([])),
    (b'["joom","s17","computed",["joom.late"]]', b""),
    (b'["joom","s17","computed",["joom.late","soon"]]', b""),
    (CLOCK_KEY, b"noon"),
]


@pytest.mark.parametrize(
    ("restore", "key", "value"),
    [
        *((Partition.restore_alert, KEY, value) for value in BAD_ALERTS),
        *((restore_record, key, value) for key, value in BAD_FACTS),
    ],
)
def test_what_cannot_be_read_is_named_with_the_way_on_or_passed_over_and_counted(
    restore: Restore, key: bytes, value: bytes
) -> None:
    bad = record("changelog", value, partition=2, offset=71, key=key)
    with pytest.raises(UnreadableError, match=r"^changelog-2@71 can't be read back \(.*--skip-unreadable"):
        ReadingBack(restore, skip=False).take(partition(), bad)
    before = REGISTRY.get_sample_value("shipclock_records_skipped_total") or 0.0
    taken = partition()
    assert ReadingBack(restore, skip=True).take(taken, bad) is None
    assert REGISTRY.get_sample_value("shipclock_records_skipped_total") == before + 1
    assert ReadingBack(Partition.restore_alert, skip=False).take(taken, record("alerts", alert(), key=KEY)) == KEY
    taken.engine.settle()


def test_each_record_passed_over_is_logged_with_where_it_lies(caplog: pytest.LogCaptureFixture) -> None:
    reading = ReadingBack(Partition.restore_alert, skip=True)
    for offset in (71, 72):
        reading.take(partition(), record("alerts", b"junk", partition=2, offset=offset, key=KEY))
    assert [line.split(" (")[0] for line in caplog.messages] == [
        "alerts-2@71 is passed over, it can't be read back",
        "alerts-2@72 is passed over, it can't be read back",
    ]
