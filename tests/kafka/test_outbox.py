"""Records on their way out."""

import pytest
from prometheus_client import REGISTRY

from streams.kafka import outbox as outbox_module
from streams.kafka.cutting import LARGEST_RECORD_BYTES
from streams.kafka.outbox import Outbox, RefusedError
from tests.runtime.fakes import FakeProducer


def left_out() -> float:
    return REGISTRY.get_sample_value("shipclock_records_left_out_total") or 0.0


async def test_nothing_to_send_sends_nothing() -> None:
    broker = FakeProducer()
    assert await Outbox(broker).send() == {}
    assert broker.batches == 0


async def test_each_partition_gets_its_records_in_order_and_answers_with_its_last_offset() -> None:
    broker = FakeProducer()
    for first in (0, 3):  # the second flush goes on behind the first
        outbox = Outbox(broker)
        for n in range(first, first + 3):
            outbox.add("alerts", 0, [(b"k", b"%d" % n)])
        outbox.add("alerts", 1, [(b"k", b"other")])
        assert await outbox.send() == {("alerts", 0): first + 2, ("alerts", 1): first // 3}
    assert [record.value for record in broker.logs["alerts", 0]] == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_a_full_batch_is_followed_by_another() -> None:
    broker = FakeProducer(batch_size=1_000)
    outbox = Outbox(broker)
    values = [b"%03d" % n * 50 for n in range(100)]
    for value in values:
        outbox.add("facts", 0, [(b"k", value)])
    assert await outbox.send() == {("facts", 0): 99}
    assert broker.batches > 10
    assert [record.value for record in broker.logs["facts", 0]] == values


async def test_many_records_at_once_go_as_each_by_itself() -> None:
    broker = FakeProducer(batch_size=1_000)
    outbox = Outbox(broker)
    values = [None if n % 7 == 0 else b"%03d" % n * n for n in range(100)]
    outbox.add("facts", 0, [(b"k", b"before")])
    outbox.add("facts", 0, [(b"k", value) for value in values])
    outbox.add("alerts", 0, [])
    outbox.add("facts", 0, [(b"k", b"behind")])
    assert await outbox.send() == {("facts", 0): 101}
    assert [record.value for record in broker.logs["facts", 0]] == [b"before", *values, b"behind"]


async def test_a_record_larger_than_a_batch_goes_alone() -> None:
    broker = FakeProducer(batch_size=1_000)
    outbox = Outbox(broker)
    values = [b"small", b"x" * 50_000, b"y" * 50_000, b"small"]
    for value in values:
        outbox.add("dead-letters", 0, [(None, value)])
    assert await outbox.send() == {("dead-letters", 0): 3}
    assert [record.value for record in broker.logs["dead-letters", 0]] == values


async def test_headers_go_along_and_key_and_value_may_be_missing() -> None:
    broker = FakeProducer()
    outbox = Outbox(broker)
    outbox.add("dead-letters", 0, [(None, None)], [("reason", b"the record is empty")])
    await outbox.send()
    (record,) = broker.logs["dead-letters", 0]
    assert (record.key, record.value, record.headers) == (None, None, [("reason", b"the record is empty")])


async def test_a_batch_that_is_refused_is_raised() -> None:
    outbox = Outbox(FakeProducer(refuses="alerts"))
    outbox.add("facts", 0, [(b"k", b"v")])
    outbox.add("alerts", 0, [(b"k", b"v")])
    with pytest.raises(RefusedError, match=r"^Kafka refuses what is written to alerts-0: raise .* max.message.bytes"):
        await outbox.send()


async def test_a_record_that_kafka_would_never_take_is_left_out_and_named_and_the_rest_goes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module.log, "filters", [])
    broker = FakeProducer()
    outbox = Outbox(broker)
    before = left_out()
    outbox.add("facts", 3, [(b"first", b"v"), (b"large\n", b"x" * LARGEST_RECORD_BYTES), (b"last", b"v")])
    assert await outbox.send() == {("facts", 3): 1}
    assert [record.key for record in broker.logs["facts", 3]] == [b"first", b"last"]
    assert left_out() == before + 1
    (line,) = caplog.messages
    assert line.startswith("a record of facts-3 was left out: with 1,000,")
    assert line.endswith(r"its key is b'large\n'")


async def test_where_nothing_else_is_to_be_sent_nothing_is() -> None:
    broker = FakeProducer()
    outbox = Outbox(broker)
    outbox.add("facts", 3, [(b"large", b"x" * LARGEST_RECORD_BYTES)])
    assert await outbox.send() == {}
    assert broker.batches == 0


async def test_what_is_written_fits_into_a_topic_with_kafkas_default_limit() -> None:
    """1,048,588 bytes, of a batch with its framing."""
    broker = FakeProducer(batch_size=512 * 1024)
    outbox = Outbox(broker)
    outbox.add("facts", 0, [(b"k", b"x" * (LARGEST_RECORD_BYTES - 200))], [("reason", b"r" * 20)])
    outbox.add("facts", 0, [(b"k", b"x" * 1_000)] * 2_000)
    await outbox.send()
    assert broker.largest_batch <= LARGEST_RECORD_BYTES < 1_048_588
    assert len(broker.logs["facts", 0]) == 2_001
