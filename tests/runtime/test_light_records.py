"""Records taken out of a fetch at less cost: the same as aiokafka's own, to whoever reads their fields."""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.record._crecords.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.runtime import light_records
from streams.runtime.light_records import LightRecord, LightRecords

TP = TopicPartition("orders", 3)
OWN = fetcher.PartitionRecords
FIELDS = [field.name for field in fields(ConsumerRecord)]


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "PartitionRecords", OWN)


def fetched(values: Sequence[bytes | None], from_offset: int = 0) -> FetchResult:
    """A fetch of one batch with these values, as the fetcher keeps it."""
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000)
    for n, value in enumerate(values):
        batch.append(n, 1_000 + n, b"joom/s17" if value else None, value, [("app", b"1")] if value else [])
    state = SubscriptionState()
    state.assign_from_user([TP])
    assignment = state.subscription.assignment
    assignment.state_value(TP).reset_to(from_offset)
    taken = fetcher.PartitionRecords(TP, MemoryRecords(bytes(batch.build())), [], from_offset, None, None, True, 0)
    return FetchResult(TP, partition_records=taken, assignment=assignment, backoff=0)


def taken(values: Sequence[bytes | None], at_once: int | None = None, from_offset: int = 0) -> list[ConsumerRecord]:
    """What a consumer gets of it, so many records with each call."""
    result, records = fetched(values, from_offset), []
    while result.has_more():
        records += result.getall(at_once)
    return records


@pytest.mark.parametrize("at_once", [None, 1, 2, 5])
@pytest.mark.parametrize("from_offset", [0, 2])
async def test_the_same_records_come_out_with_the_same_fields(at_once: int | None, from_offset: int) -> None:
    values = [b"{}", None, b"", b"[1]", b"x" * 500]
    own = taken(values, at_once, from_offset)
    light_records.use()
    light = taken(values, at_once, from_offset)
    assert len(light) == len(values) - from_offset
    assert {type(each) for each in light} == {LightRecord}, "a fetch isn't taken apart by this name"
    get = attrgetter(*FIELDS)
    assert [get(each) for each in light] == [get(each) for each in own]


async def test_the_position_moves_as_records_are_taken() -> None:
    light_records.use()
    result = fetched([b"1", b"2", b"3"])
    assert [each.offset for each in result.getall(2)] == [0, 1]
    assert isinstance(result._partition_records, LightRecords)
    assert result._partition_records.next_fetch_offset == 2
    assert [each.offset for each in result.getall(2)] == [2]


async def test_of_a_large_value_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light_records, "LARGEST_KEPT_BYTES", 10)
    light_records.use()
    small, large = taken([b"x" * 10, b"y" * 11])
    assert small.value == b"x" * 10
    assert (large.value, large.serialized_value_size) == (b"y" * 10, 11)
