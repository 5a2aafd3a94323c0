"""The private seams of faust-streaming and aiokafka that `streams` leans on, one test each.

When an upgrade breaks one, its message says what `streams` does with it.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator
from importlib.metadata import entry_points, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.producer.message_accumulator import BatchBuilder
from faust import transport as faust_transports
from faust.app.base import App as FaustApp
from faust.stores import by_url as store_by_url
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.consumer import Fetcher
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.queues import FlowControlEvent, FlowControlQueue, ThrowableQueue
from yarl import URL

from streams.app import App, create
from streams.kafka.embedded import EmbeddedBroker
from streams.runtime.store import Store
from streams.runtime.transport import FETCH_BYTES, FETCH_WAIT_MS, Consumer, Producer, Transport
from streams.settings import Settings
from tests.runtime.fakes import FakeProducer
from tests.runtime.support import PARTITIONS, START_MS, book, event, record, sent, until
from tests.support.kafka import produce

running = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[App]:
    """The worker on the embedded broker, ready."""
    with EmbeddedBroker() as broker:
        settings = Settings(
            broker=f"kafka://{broker.bootstrap}", clock="event", datadir=tmp_path_factory.mktemp("data")
        )
        started = create(settings, book(), PARTITIONS)
        await started.start()
        await until(lambda: started.tables.actives_ready)
        yield started
        await started.stop()


def idle(folder: Path) -> App:
    """An app that isn't started."""
    return create(Settings(broker="kafka://127.0.0.1:1", datadir=folder), book(), PARTITIONS)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


# -- versions and plugging in --------------------------------------------------------------------------------


def test_faust_is_the_version_these_seams_were_read_in() -> None:
    assert version("faust-streaming") == "0.15.3", "read the sources behind every test here before going on"


def test_a_broker_url_with_our_scheme_gives_our_transport() -> None:
    assert faust_transports.by_url(URL("shipclock://localhost:9092")) is Transport, (
        "the entry point faust.transports is not looked up by the broker URL's scheme any more"
    )
    assert {each.name for each in entry_points(group="faust.transports")} >= {"shipclock"}


def test_a_store_url_with_our_scheme_gives_our_store() -> None:
    assert store_by_url("shipclock://") is Store, (
        "the entry point faust.stores is not looked up by the store URL's scheme"
    )


async def test_an_app_takes_transport_and_store_from_its_urls(tmp_path: Path) -> None:
    made = idle(tmp_path)
    assert type(made.transport) is Transport, "the app makes another transport than its broker URL says"
    assert type(made.facts.data) is Store, "a table makes another store than the app's store URL says"
    assert type(made.consumer) is Consumer, "Transport.Consumer is not the class the app makes its consumer of"
    assert type(made.producer) is Producer, "Transport.Producer is not the class the app makes its producer of"
    assert made.facts.changelog_topic.get_topic_name() == "shipclock-facts-changelog", "changelog_topic has no say"


# -- reading -------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr("streams.runtime.transport.LARGEST_KEPT_BYTES", 1_000)
    applied: list[ConsumerRecord] = []
    apply = app.worker.apply
    monkeypatch.setattr(app.worker, "apply", lambda batch: (applied.extend(batch.records), apply(batch)))
    await produce(_bootstrap(app), sent("", event("order.placed", START_MS, note="x" * 500_000)))
    (record,) = await until(lambda: applied)
    assert len(record.value) == 1_000, "the fetcher takes no value_deserializer: large values stay in memory"
    assert record.serialized_value_size > 500_000, "what is cut can't say any more how large it was"


@running
async def test_an_assigned_partition_has_a_position_past_what_was_read(app: App) -> None:
    await produce(_bootstrap(app), sent("", event("order.placed", START_MS)))
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
    async with asyncio.timeout(10):
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


# -- recovery ------------------------------------------------------------------------------------------------


@running
async def test_recovery_says_which_table_a_changelog_is_of_and_how_far_it_has_read(app: App) -> None:
    recovery = app.tables.recovery
    facts = TP(app.names.facts, 0)
    assert recovery.tp_to_table[facts] is app.facts, "Consumer._restore finds the table in recovery.tp_to_table"
    assert facts in recovery.active_offsets, "Consumer._restore moves recovery.active_offsets"
    assert recovery.in_recovery is False, "Consumer._restore leaves alone what comes when recovery is over"
    assert app.consumer._is_changelog_tp(facts)
    assert not app.consumer._is_changelog_tp(TP("orders", 0))


def test_recovery_asks_the_store_from_where_to_read() -> None:
    assert "table.persisted_offset(tp)" in inspect.getsource(Recovery._add), (
        "Store.persisted_offset has no say: every restart reads the whole changelog"
    )
    assert "await self.data.on_rebalance(" in inspect.getsource(faust.Table.on_rebalance), (
        "Store.on_rebalance is not called: snapshots are never opened, nor partitions forgotten"
    )


def test_recovery_tells_of_itself_only_after_seeking_and_resuming() -> None:
    source = inspect.getsource(Recovery.on_recovery_completed)
    steps = ["consumer.perform_seek()", "flow_control.resume()", "tables.on_actives_ready()", "on_rebalance_end()"]
    places = [source.find(step) for step in steps]
    assert -1 not in places and places == sorted(places), (
        "_hand_over waits for tables.actives_ready so that nothing is handed over before the last resume(), which "
        "throws it away"
    )
    assert "self.actives_ready = False" in inspect.getsource(TableManager.on_rebalance_start)


# -- rebalances and the group --------------------------------------------------------------------------------


async def test_flow_is_suspended_before_it_is_told_that_partitions_go(tmp_path: Path) -> None:
    made = idle(tmp_path)
    made.consumer._thread = SimpleNamespace(assignment=lambda: {TP("orders", 0)})
    made.consumer.resume_flow()
    made.flow_control.resume()
    seen: list[Any] = []
    made.worker.flush_before_revoke = _answer_with(  # type: ignore[method-assign]
        lambda: seen.append((made.consumer.flow_active, made.flow_control.is_active()))
    )
    made._producer_flush = _answer_with(lambda *_: None)
    await FaustApp._on_partitions_revoked(made, {TP("orders", 0)})
    assert seen == [(False, False)], (
        "on_partitions_revoked must come when no batch is taken any more: Worker.hand_over writes and commits then"
    )


def _answer_with(call: Any) -> Any:
    async def answer(*arguments: Any) -> Any:
        return call(*arguments)

    return answer


async def test_an_error_while_handing_over_ends_the_app(tmp_path: Path) -> None:
    made = idle(tmp_path)
    made.consumer._thread = SimpleNamespace(assignment=lambda: set())

    async def fail() -> None:
        raise ZeroDivisionError

    made.worker.flush_before_revoke = fail  # type: ignore[method-assign]
    await FaustApp._on_partitions_revoked(made, set())
    assert isinstance(made.crash_reason, ZeroDivisionError), "a hand-over that failed would go unnoticed"


async def test_commit_answers_whether_kafka_took_it(tmp_path: Path) -> None:
    consumer = idle(tmp_path).consumer
    answers = iter([True, False])
    consumer._thread = SimpleNamespace(commit=_answer_with(lambda offsets: next(answers)))
    assert [await consumer._commit({}), await consumer._commit({})] == [True, False], (
        "Worker._commit takes False for: another worker has the partitions"
    )


@running
async def test_commit_takes_offsets_by_partition_and_kafka_keeps_them(app: App) -> None:
    assert await app.consumer._commit({TP("shops", 0): 0}) is True
    kafka = app.consumer._thread._ensure_consumer()
    assert await app.consumer._thread.call_thread(kafka.committed, TopicPartition("shops", 0)) == 0


@running
async def test_a_member_that_the_group_forgot_has_no_generation(app: App) -> None:
    assert app.consumer._thread._ensure_consumer()._coordinator.generation == app.consumer_generation_id > 0
    assert app.consumer.is_member(), "ConsumerThread.is_member compares coordinator.generation with 'none'"
    forgotten = SimpleNamespace(request_rejoin=lambda: None)
    GroupCoordinator.reset_generation(forgotten)
    assert forgotten.generation == driver.DEFAULT_GENERATION_ID, (
        "aiokafka doesn't mark it so any more: a worker that was thrown out would go on writing"
    )


@running
async def test_a_member_that_asks_is_told_so(app: App) -> None:
    await app.consumer.ask_membership()
    assert app.consumer.is_member()


@running
async def test_rebalancing_is_over_when_the_worker_is_ready(app: App) -> None:
    assert app.rebalancing is False, "Worker.commit cycle waits while app.rebalancing"
    assert app.crashed is False


# -- writing -------------------------------------------------------------------------------------------------


@running
async def test_the_producer_is_aiokafkas_and_idempotent(app: App) -> None:
    producer = app.producer._ensure_producer()
    assert isinstance(producer, AIOKafkaProducer), "Outbox fills batches of app.producer._ensure_producer()"
    assert producer._txn_manager is not None, (
        "_settings_extra() doesn't reach AIOKafkaProducer: a retry could write a batch twice or out of order"
    )


def test_a_batch_that_is_full_says_so_and_takes_nothing_more() -> None:
    batch = BatchBuilder(200, 0, is_transactional=False)
    assert batch.append(key=b"k", value=b"x" * 1_000, timestamp=None) is not None, (
        "the first always fits, however large"
    )
    assert batch.append(key=b"k", value=b"x", timestamp=None) is None, "Outbox starts another batch on None"
    assert batch.record_count() == 1
    assert parameters(AIOKafkaProducer.send_batch) == ["self", "batch", "topic", "partition"]


@running
async def test_a_batch_that_was_sent_answers_with_the_offset_of_its_first_record(app: App) -> None:
    producer = app.producer._ensure_producer()
    offsets = []
    for _ in range(2):
        batch = producer.create_batch()
        for n in range(3):
            batch.append(key=b"k", value=b"%d" % n, timestamp=None)
        batch.close()
        answer = await producer.send_batch(batch, "dead-letters", partition=0)
        offsets.append((await answer).offset)
    assert offsets == [0, 3], "Outbox reckons the last offset of a batch from that of the first"


def test_the_units_broker_stands_for_the_same_calls() -> None:
    for name in ("create_batch", "send_batch"):
        assert parameters(getattr(FakeProducer, name)) == parameters(getattr(AIOKafkaProducer, name))


# -- starting and stopping -----------------------------------------------------------------------------------


async def test_a_faust_worker_stops_the_app_by_its_stop(tmp_path: Path) -> None:
    made = idle(tmp_path)
    assert made in list(faust.Worker(made).on_init_dependencies()), "the app is not what a faust.Worker runs"
    stopped = []
    made.stop = _answer_with(lambda: stopped.append(made))  # type: ignore[method-assign]
    parent = faust.Worker(made)
    parent._children = [made]
    await parent._stop_children()
    assert stopped == [made], "App.stop is not called on SIGTERM: what was applied last is not written"


async def test_the_app_starts_our_worker_after_its_own_services(tmp_path: Path) -> None:
    made = idle(tmp_path)
    services = [*made.on_init_dependencies(), *made._children]
    assert made.worker in services, "add_dependency doesn't start the worker: there are no commit cycles"


def _bootstrap(app: App) -> str:
    return app.settings.broker.removeprefix("kafka://")
