"""The Faust app: topics, tables, agents and the worker, wired together."""

import logging
from typing import Any

import faust
from faust.types import TP
from yarl import URL

from rules.plan.rule_book import RuleBook
from streams.kafka import access
from streams.kafka.topics import COMPACTED, TopicNames
from streams.metrics.collector import collect_metrics
from streams.runtime.faust_broker import FaustBroker
from streams.runtime.field_watch import FieldWatch
from streams.runtime.kafka_watch import KafkaWatch, RetryErrors
from streams.runtime.partition import Batch
from streams.runtime.snapshot_faults import SnapshotFaults
from streams.runtime.tables import Tables
from streams.runtime.worker import Worker
from streams.settings import Settings, bootstrap_servers

log = logging.getLogger(__name__)

QUEUED_BATCHES = 2
"""Batches that may wait for an agent before the consumer stops fetching."""


class App(faust.App):
    """A Faust app with shipclock's settings, names and worker."""

    settings: Settings
    names: TopicNames
    worker: Worker
    partition_count: int
    snapshot_faults: SnapshotFaults
    field_watch: FieldWatch
    facts: faust.Table
    alerts: faust.Table

    def _create_directories(self) -> None:
        """Does nothing: Faust would end here if the disk is read-only, and shipclock doesn't use its folders."""

    async def stop(self) -> None:
        """Writes and commits what has been applied, while tables and consumer are still there."""
        try:
            await self.worker.finish()
        except Exception as error:
            log.error("what was read last could not be written, and is read again after a restart: %s", error)
            await self.crash(error)
        await super().stop()


def create(settings: Settings, book: RuleBook, partition_count: int, retry_errors: RetryErrors | None = None) -> App:
    """The app of one worker. The topics must exist (`streams.kafka.topics.prepare`). `retry_errors` collects aiokafka's
    log."""
    names = TopicNames(settings.topic_prefix, settings.app_id)
    app = App(
        settings.app_id,
        broker=[URL(f"shipclock://{server}") for server in bootstrap_servers(settings)],
        broker_credentials=access.for_faust(settings),
        store="shipclock://",
        datadir=str(settings.datadir),
        topic_partitions=partition_count,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        table_standby_replicas=0,
        TableManager=Tables,
        stream_buffer_maxsize=QUEUED_BATCHES,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        broker_session_timeout=15.0,
        broker_heartbeat_interval=3.0,
        broker_request_timeout=60.0,
        broker_max_poll_records=5_000,
        consumer_max_fetch_size=1024 * 1024,
        consumer_auto_offset_reset="earliest",
        producer_linger=0.0,
        producer_max_batch_size=512 * 1024,
        producer_max_request_size=4 * 1024 * 1024,
        producer_acks=-1,
    )
    app.settings, app.names, app.partition_count = settings, names, partition_count
    app.snapshot_faults, app.field_watch = SnapshotFaults(settings.datadir), FieldWatch()
    app.facts = _table(app, "facts", names.facts)
    app.alerts = _table(app, "alerts", names.alerts)
    _listen(app)
    broker = FaustBroker(app, {names.facts: app.facts, names.alerts: app.alerts}, settings)
    app.worker = Worker(settings, broker, partition_count, book, KafkaWatch(retry_errors), beacon=app.beacon)
    app.add_dependency(app.worker)
    collect_metrics(app)

    # Faust sends this when fetching has stopped and nothing is left in the agents' queues.
    @app.on_partitions_revoked.connect
    async def before_partitions_go(app: App, revoked: set[TP], **kwargs: Any) -> None:
        await app.worker.flush_before_revoke()

    return app


def _table(app: App, name: str, changelog: str) -> faust.Table:
    """A table with exactly this changelog topic; keys and values stay as on the wire."""
    topic = app.topic(
        changelog,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=app.partition_count,
        internal=True,
        config=COMPACTED,
    )
    return app.Table(
        name,
        key_type=bytes,
        value_type=bytes,
        changelog_topic=topic,
        partitions=app.partition_count,
    )


def _listen(app: App) -> None:
    """One agent per input, which applies the transport's batches."""
    for topic, plain in app.names.inputs.items():

        async def apply(batches: Any) -> None:
            async for batch in batches:
                _apply(app, batch)

        app.agent(app.topic(topic, key_type=bytes, value_type=bytes), name=f"shipclock.{plain}")(apply)


def _apply(app: App, batch: Batch) -> None:
    try:
        app.worker.apply(batch)
        app.field_watch.check(batch.records)
    except Exception as error:
        app.worker.crash(error)
        raise
