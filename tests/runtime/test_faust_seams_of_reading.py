"""The private parts of Faust and aiokafka that reading relies on, as `test_faust_seams.py` holds the others."""

import asyncio
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.consumer import Fetcher
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.queues import FlowControlEvent, FlowControlQueue, ThrowableQueue

from streams.app import App
from streams.runtime.transport import FETCH_BYTES, FETCH_WAIT_MS
from tests.runtime.idle_app import app as app
from tests.runtime.idle_app import bootstrap, idle, parameters
from tests.runtime.support import LONG_S, PARTITIONS, START_MS, event, record, sent, until
from tests.runtime.test_faust_seams import running
from tests.support.kafka import produce


async def test_the_fetcher_leaves_the_reading_to_the_consumers_drain_messages() -> None:
    seen = []

    async def drain(fetcher: Any) -> None:
        seen.append(fetcher)

    fetcher = Fetcher(SimpleNamespace(consumer=SimpleNamespace(_drain_messages=drain), rebalancing=False))
    await Fetcher._fetcher.fun(fetcher)
    assert seen == [fetcher], "Fetcher doesn't call Consumer._drain_messages(fetcher): our reading loop never runs"


def test_wait_next_records_takes_a_timeout() -> None:
    assert parameters(FaustConsumer._wait_next_records) == ["self", "timeout"], (
        "Consumer._drain_once asks Faust for the next fetch with _wait_next_records(timeout=…)"
    )


@running
async def test_wait_next_records_answers_with_records_and_the_active_partitions(app: App) -> None:
    asked = FaustConsumer._wait_next_records(
        SimpleNamespace(
            flow_active=True,
            not_waiting_next_records=asyncio.Event(),
            app=SimpleNamespace(client_only=False),
            _get_active_partitions=lambda: {TP("orders", 0)},
            _getmany=_answer({TP("orders", 0): ["a record"]}),
        ),
        1.0,
    )
    assert await asked == ({TP("orders", 0): ["a record"]}, {TP("orders", 0)}), (
        "Consumer._drain_once unpacks (records by partition, active partitions)"
    )
    assert app.consumer._get_active_partitions() is app.consumer._get_active_partitions(), (
        "the consumer thread reads this set while Faust pauses partitions in it; it must be the same one all the time"
    )


def _answer(value: Any) -> Any:
    async def answer(**options: Any) -> Any:
        return value

    return answer


def test_fetch_records_runs_in_the_consumer_thread_and_knows_what_is_active() -> None:
    fetch = driver.AIOKafkaConsumerThread._fetch_records
    assert parameters(fetch) == ["self", "consumer", "active_partitions", "timeout", "max_records"], (
        "ConsumerThread._fetch_records overrides it to note positions in the same breath"
    )
    assert "self._fetch_records" in inspect.getsource(driver.AIOKafkaConsumerThread.getmany), (
        "getmany doesn't go through _fetch_records: positions are never noted and wall-clock deadlines never fire"
    )


def test_the_consumer_makes_its_thread_in_a_method_of_its_own() -> None:
    assert "_new_consumer_thread" in vars(driver.Consumer), "Consumer._new_consumer_thread gives our ConsumerThread"
    assert "_create_worker_consumer" in vars(driver.AIOKafkaConsumerThread), "it is where the fetch wait is shortened"


@running
async def test_aiokafka_waits_for_a_fetch_as_long_as_the_consumer_says(app: App) -> None:
    consumer = app.consumer._thread._ensure_consumer()
    assert consumer._fetcher._fetch_max_wait_ms == FETCH_WAIT_MS, (
        "AIOKafkaConsumer._fetch_max_wait_ms is not what its fetcher starts with: a start waits 1.5 s for log ends"
    )
    assert consumer._fetcher._fetch_max_bytes == FETCH_BYTES, "a fetch may bring more than it should"


@running
async def test_a_large_value_is_cut_as_soon_as_it_is_taken_out_of_its_batch(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.runtime.light_records.LARGEST_KEPT_BYTES", 1_000)
    applied: list[ConsumerRecord] = []
    apply = app.worker.apply
    monkeypatch.setattr(app.worker, "apply", lambda batch: (applied.extend(batch.records), apply(batch)))
    await produce(bootstrap(app), sent("", event("order.placed", START_MS, note="x" * 500_000)))
    (record,) = await until(lambda: applied)
    assert len(record.value) == 1_000, "aiokafka doesn't make its records by LightRecords: large values stay in memory"
    assert record.serialized_value_size > 500_000, "what is cut can't say any more how large it was"


@running
async def test_an_assigned_partition_has_a_position_past_what_was_read(app: App) -> None:
    await produce(bootstrap(app), sent("", event("order.placed", START_MS)))
    await until(lambda: app.worker.events)
    assignment = app.consumer._thread._ensure_consumer()._subscription.subscription.assignment
    assert TopicPartition("orders", 2) in assignment.tps
    assert assignment.state_value(TopicPartition("orders", 2))._position == app.worker.events, (
        "subscription.assignment.state_value(tp)._position isn't how far a log was read"
    )
    assert assignment.state_value(TopicPartition("orders", 2)).highwater == app.worker.events, (
        "state_value(tp).highwater isn't where a log ended at the last fetch: no input waits for one that is behind"
    )
    assert app.consumer._thread.positions[TP("orders", 2)] == app.worker.events


async def test_a_rebalance_makes_another_assignment_whose_positions_are_open() -> None:
    state = SubscriptionState()
    state.subscribe({"orders"})
    assignments = []
    for _ in range(2):
        state.assign_from_subscribed([TopicPartition("orders", 0)])
        assignments.append(state.subscription.assignment)
    assert assignments[0] is not assignments[1], "ConsumerThread.holds tells rebalances apart by the assignment object"
    assert assignments[1].state_value(TopicPartition("orders", 0))._position is None, (
        "what was fetched before a rebalance and dropped would not be fetched again"
    )


async def test_seek_may_be_called_at_once_without_waiting() -> None:
    assert not inspect.iscoroutinefunction(AIOKafkaConsumer.seek), "_fetch_records puts records back with seek()"
    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
    consumer.assign([TopicPartition("orders", 0)])
    consumer._fetcher = SimpleNamespace(seek_to=lambda tp, offset: seen.append((tp, offset)))
    seen: list[Any] = []
    consumer.seek(TopicPartition("orders", 0), 7)
    del consumer._fetcher
    assert seen == [(TopicPartition("orders", 0), 7)]


async def test_what_nobody_takes_is_put_back(tmp_path: Path) -> None:
    """Not a seam itself: what the two before are for."""
    consumer = idle(tmp_path).consumer
    sought: list[tuple[TP, int]] = []
    orders, pickups = TP("orders", 0), TP("pickups", 0)
    fetched = {
        orders: [record("orders", b"", offset=5)],
        pickups: [record("pickups", b"", offset=7), record("pickups", b"", offset=8)],
    }
    kafka = SimpleNamespace(
        _fetcher=SimpleNamespace(
            _closed=False,
            _subscriptions=SimpleNamespace(fetch_context=lambda: _Nothing()),
            fetched_records=lambda *_, **__: _answer(dict(fetched))(),
        ),
        _closed=False,
        _subscription=SimpleNamespace(subscription=None),
        seek=lambda tp, offset: sought.append((tp, offset)),
    )
    assert set(await consumer._thread._fetch_records(kafka, {orders})) == {orders}
    assert sought == [(pickups, 7)]


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@running
async def test_each_input_partition_leads_to_the_queue_of_its_agent(app: App) -> None:
    for topic in app.names.inputs:
        for number in range(PARTITIONS):
            channels = app.topics._tp_index[TP(topic, number)]
            assert len(channels) == 1, "Consumer._hand_over looks up a batch's agents in topics._tp_index[tp]"
            (channel,) = channels
            assert isinstance(channel.queue, ThrowableQueue), "channel.queue is where _hand_over puts batches"


async def test_a_value_that_is_no_event_reaches_the_agent_as_it_is(tmp_path: Path) -> None:
    made = idle(tmp_path)
    stream = made.topic("orders").stream()
    made.flow_control.resume()
    batch = object()
    stream.channel.queue.put_nowait(batch)
    async with asyncio.timeout(LONG_S):
        async for value in stream:
            assert value is batch, "Faust unpacks, decodes or drops what isn't an Event: batches don't get through"
            break
    await stream.stop()


async def test_resuming_flow_empties_the_queues_and_cancels_who_waits_in_put() -> None:
    flow = FlowControlEvent(initially_suspended=False)
    queue: FlowControlQueue[int] = ThrowableQueue(1, flow_control=flow, clear_on_resume=True)
    queue.put_nowait(1)
    waiting = asyncio.ensure_future(queue.put(2))
    await asyncio.sleep(0)
    flow.resume()
    await asyncio.wait([waiting])
    assert queue.empty(), "batches handed over before resume() would now be kept: _hand_over need not wait for it"
    assert waiting.cancelled(), "put() would now outlive it: _hand_over need not look for room itself"
