"""The private seams of faust-streaming and aiokafka that `streams` leans on, one test each.

When an upgrade breaks one, its message says what `streams` does with it.
"""

import inspect
from importlib.metadata import entry_points, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.message_accumulator import BatchBuilder
from faust import transport as faust_transports
from faust.app.base import App as FaustApp
from faust.stores import by_url as store_by_url
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

from streams.app import App
from streams.runtime.store import Store
from streams.runtime.transport import Consumer, Producer, Transport
from tests.runtime.fakes import FakeProducer
from tests.runtime.idle_app import app as app
from tests.runtime.idle_app import idle, parameters

running = pytest.mark.asyncio(loop_scope="module")


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


async def test_a_start_waits_for_no_more_tables(tmp_path: Path) -> None:
    made = idle(tmp_path)
    seen: list[str] = []
    made.tables.sleep = _answer_with(lambda _: seen.append("a second passes"))
    made.tables._update_channels = _answer_with(lambda: seen.append("changelogs are subscribed to"))
    made.tables.recovery.start = _answer_with(lambda: seen.append("recovery starts"))
    await made.tables.on_start()
    assert seen == ["changelogs are subscribed to", "recovery starts"], "the app makes another manager than Tables"
    source = inspect.getsource(TableManager.on_start)
    steps = [line.strip() for line in source.splitlines() if "await" in line]
    assert steps == ["await self.sleep(1.0)", "await self._update_channels()", "await self.recovery.start()"], (
        "Tables.on_start does what Faust does there, but for the sleep"
    )


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
