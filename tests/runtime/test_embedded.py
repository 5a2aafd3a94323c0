"""The worker in this process, on the embedded broker."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka.admin import AdminClient
from prometheus_client import REGISTRY

from rules.calendar.instants import HOUR_MS, MIN_MS
from streams.app import App
from streams.clock import wall_ms
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.outbox import Outbox
from streams.kafka.topics import TopicNames
from streams.runtime import worker
from streams.runtime.partition import Batch, Partition
from tests.runtime.embedded_worker import running
from tests.runtime.history import END_MS, history
from tests.runtime.outcome import Reader, contradictions, expected
from tests.runtime.support import LATE_MS, PARTITIONS, START_MS, event, sent, ticks, until
from tests.runtime.workers import SHIPCLOCK, WorkerProcess
from tests.support.kafka import produce


class Site:
    """A broker with its topics there, and a folder for state."""

    def __init__(self, broker: EmbeddedBroker, folder: Path) -> None:
        self.bootstrap, self.folder = broker.bootstrap, folder

    def running(
        self, clock: Literal["wall", "event"] = "event", fetch_bytes: int = 1024 * 1024
    ) -> AbstractAsyncContextManager[App]:
        """The worker, ready."""
        return running(self.bootstrap, self.folder, clock, fetch_bytes)

    async def send(self, *values: bytes, topic: str = "orders") -> None:
        await produce(self.bootstrap, sent("", *values, topic=topic))

    async def tick(self, at_ms: int, *topics: str) -> None:
        await produce(self.bootstrap, ticks("", at_ms, *topics))

    def alerts(self) -> Reader:
        return Reader(self.bootstrap, "", "alerts")


async def committed(site: Site) -> dict[object, int]:
    """What the group has committed, by topic and partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=site.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(
            "shipclock", partitions=[TopicPartition("orders", n) for n in range(PARTITIONS)]
        )
    finally:
        await admin.close()
    return {tp: each.offset for tp, each in offsets.items() if each.offset >= 0}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with EmbeddedBroker() as broker:
        yield Site(broker, tmp_path)


async def test_in_event_time_a_history_is_told_as_replay_tells_it(site: Site) -> None:
    records = history(1_000, seed=5)
    async with site.running() as app, site.alerts() as read:
        await produce(site.bootstrap, records)
        await site.tick(END_MS)
        wanted = expected([value for _, _, value in records], END_MS)
        await read.until(lambda: read.state() == wanted)
        assert app.worker.events == len(records) + 3 * PARTITIONS
    assert contradictions(read.alerts()) == []


async def test_of_a_backlog_no_input_is_read_far_ahead_of_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps_ms: list[int] = []
    apply = Partition.apply

    def noting(partition: Partition, batch: Batch) -> None:
        apply(partition, batch)
        orders_ms, pickups_ms = (partition.clock.through_ms[topic] for topic in ("orders", "pickups"))
        if MIN_MS not in (orders_ms, pickups_ms):
            gaps_ms.append(pickups_ms - orders_ms)

    monkeypatch.setattr(Partition, "apply", noting)
    placed = [event("order.placed", START_MS + n * HOUR_MS, str(n)) for n in range(4_000)]
    collected = [event("pickup.collected", START_MS + n * 4 * HOUR_MS, str(n)) for n in range(1_000)]
    await site.send(*placed)
    await site.send(*collected, topic="pickups")
    async with site.running(fetch_bytes=10_000) as app:
        await until(lambda: app.worker.events == 5_000)
    # Read by bytes, all pickups would have come by the time that a quarter of the orders has: 3,000 hours ahead.
    assert max(gaps_ms) < 1_000 * HOUR_MS


async def test_in_wall_time_only_the_order_not_shipped_is_told_of_when_its_deadline_passes(site: Site) -> None:
    async with site.running("wall"), site.alerts() as read:
        due_ms = wall_ms() + 1_500
        placed = [event("order.placed", due_ms - LATE_MS, order) for order in ("1", "2")]
        await site.send(*placed, event("order.shipped", due_ms - 1_000, "1"))
        await read.until(lambda: read.alerts())
        assert wall_ms() >= due_ms
    assert [(alert["order"], alert["data"]["reason"]) for alert in read.alerts()] == [("2", "deadline_passed")]


async def test_an_alert_lies_under_its_id_in_its_shops_partition(site: Site) -> None:
    async with site.running(), site.alerts() as read:
        await site.send(*(event("order.placed", START_MS, shop=f"s{n}") for n in range(12)))
        await site.tick(START_MS + LATE_MS)
        await read.until(lambda: len(read.alerts()) == 12)
        homes = {key: (read_in, alert) for key, read_in, alert in _placed(read)}
        async with Reader(site.bootstrap, "", "orders") as orders:
            await orders.to_end()
    shops = {record.key: record.partition for record in orders.records}
    for key, (partition, alert) in homes.items():
        assert key == alert["data"]["alert"].encode()
        assert partition == shops[f"joom/{alert['shop']}".encode()]


def _placed(read: Reader) -> list[tuple[bytes, int, dict[str, object]]]:
    return [(record.key, record.partition, alert) for record, alert in zip(read.records, read.alerts(), strict=True)]


async def test_an_event_sent_twice_counts_once(site: Site) -> None:
    async with site.running() as app, site.alerts() as read:
        twice = [event("order.placed", START_MS, id="e-1")] * 2
        await site.send(*twice, *twice)
        await site.tick(START_MS + LATE_MS)
        await read.until(lambda: read.alerts())
        await site.send(*twice)
        await site.tick(START_MS + LATE_MS + HOUR_MS)
        await until(lambda: app.worker.partitions[2].engine.clock_ms == START_MS + LATE_MS + HOUR_MS)
        await app.worker.commit_cycle()
        await read.to_end()
    assert len(read.records) == 1


async def test_what_cannot_be_read_goes_to_dead_letters_with_where_it_was_and_why(site: Site) -> None:
    async with site.running(), Reader(site.bootstrap, "", "dead-letters") as dead:
        await produce(site.bootstrap, [("orders", b"joom/s17", b"not json"), ("tracking", b"joom/s17", None)])
        await dead.until(lambda: len(dead.records) == 2)
    found = {record.value: {name: value.decode() for name, value in record.headers} for record in dead.records}
    assert found[b"not json"].pop("reason").startswith("JSON is malformed")
    assert found == {
        b"not json": {"topic": "orders", "partition": "2", "offset": "0"},
        None: {"topic": "tracking", "partition": "2", "offset": "0", "reason": "the record is empty"},
    }


async def test_a_tick_on_one_input_alone_moves_the_clock_once_everything_is_read(site: Site) -> None:
    async with site.running(), site.alerts() as read:
        await site.send(event("order.placed", START_MS))
        await site.tick(START_MS + LATE_MS, "pickups")
        await read.until(lambda: len(read.alerts()) == 1)


async def test_a_listener_hears_every_alert_after_it_was_written(site: Site) -> None:
    heard = []
    async with site.running() as app, site.alerts() as read:
        app.worker.on_alerts.append(heard.extend)
        await site.send(event("order.placed", START_MS))
        await site.tick(START_MS + LATE_MS)
        await until(lambda: heard)
        await read.to_end()
    assert [json.loads(value)["id"] for value in heard] == [alert["id"] for alert in read.alerts()]


# -- records that somebody else has written ------------------------------------------------------------------


async def write_alert(site: Site, key: bytes, value: bytes | None) -> None:
    """Into partition 2, as anybody with the right to could."""
    async with AIOKafkaProducer(bootstrap_servers=site.bootstrap) as producer:
        await producer.send_and_wait("alerts", value, key=key, partition=2)


def foreign() -> float:
    return REGISTRY.get_sample_value("shipclock_foreign_alert_records_total") or 0.0


@pytest.mark.parametrize(
    "lie",
    [
        {"state": "resolved", "revision": 1_000_000_000},
        {"summary": "all is well", "severity": "info", "revision": 7},
        "junk",
        None,
    ],
)
async def test_what_is_true_is_written_again_over_a_record_that_somebody_else_wrote(
    site: Site, lie: dict[str, object] | str | None
) -> None:
    before = foreign()
    async with site.running(), site.alerts() as read:
        await site.send(event("order.placed", START_MS), event("order.placed", START_MS, "2"))
        await site.tick(START_MS + LATE_MS)
        await read.until(lambda: len(read.alerts()) == 2)
        true = next(alert for alert in read.alerts() if alert["order"] == "1")
        assert foreign() == before, "its own records are not foreign"
        revision = 1
        value: bytes | None = lie.encode() if isinstance(lie, str) else None
        if isinstance(lie, dict):
            revision = int(str(lie["revision"]))
            value = json.dumps(true | {"data": true["data"] | lie}).encode()
        await write_alert(site, true["data"]["alert"].encode(), value)
        await read.until(lambda: len(read.records) == 4)
    again = json.loads(read.records[3].value or b"")
    assert (again["data"]["revision"], again["data"]["state"]) == (revision + 1, "open")
    for name in ("severity", "stage", "opened_at", "due_at", "summary", "evidence"):
        assert again["data"][name] == true["data"][name]
    assert foreign() == before + 1


async def test_an_alert_that_somebody_made_up_is_resolved(site: Site) -> None:
    async with site.running(), site.alerts() as read:
        await site.send(event("order.placed", START_MS), event("order.placed", START_MS + HOUR_MS, "2"))
        await site.tick(START_MS + LATE_MS)
        await read.until(lambda: len(read.alerts()) == 1)
        made_up = read.alerts()[0] | {"order": "2"}
        made_up["data"] |= {"alert": "late.ship:joom/s17:2:2026-01-04T01:00:00Z"}
        await write_alert(site, made_up["data"]["alert"].encode(), json.dumps(made_up).encode())
        await read.until(lambda: len(read.alerts()) == 3)
        resolved = read.alerts()[2]["data"]
    assert (resolved["alert"], resolved["state"], resolved["revision"]) == (made_up["data"]["alert"], "resolved", 2)


# -- failures ------------------------------------------------------------------------------------------------


async def test_when_a_write_fails_the_worker_ends_and_nothing_is_committed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(outbox: Outbox) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(Outbox, "send", refuse)
    async with site.running() as app:
        await site.send(event("order.placed", START_MS))
        await until(lambda: app.crashed)
        assert isinstance(app.crash_reason, ConnectionError)
    assert await committed(site) == {}


async def test_when_a_batch_cannot_be_applied_the_worker_ends_and_takes_no_further_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.running() as app:
        monkeypatch.setattr(worker.Partition, "apply", _stumble)
        await site.send(event("order.placed", START_MS))
        await until(lambda: app.crashed)
        monkeypatch.undo()
        await site.send(event("order.placed", START_MS + 1, "2"))
        assert isinstance(app.crash_reason, ZeroDivisionError)
    assert await committed(site) == {}


def _stumble(partition: worker.Partition, batch: worker.Batch) -> None:
    raise ZeroDivisionError


async def test_a_worker_whose_last_write_gets_no_answer_stops_all_the_same_and_says_so(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(outbox: Outbox) -> None:
        await asyncio.Event().wait()

    async with site.running() as app:
        await app.worker.commit_cycle()
        monkeypatch.setattr(worker, "FINISH_S", 0.1)
        monkeypatch.setattr(Outbox, "send", hang)
        await app.stop()
    assert "Kafka has not answered" in str(app.crash_reason)


HURRIED = """
from streams import cli
from streams.commands import worker as command
from streams.runtime import worker
worker.FINISH_S, command.STOP_S = 0.5, 2.0
cli.main(["worker"])
"""


async def test_a_worker_whose_broker_is_gone_ends_on_sigterm_all_the_same(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        names = TopicNames("", "shipclock")
        for topic in names.all:  # they appear on first use
            AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(topic)
        settings = {"SHIPCLOCK_BROKER": f"kafka://{broker.bootstrap}", "SHIPCLOCK_DATADIR": str(tmp_path)}
        settings["SHIPCLOCK_WEB_PORT"] = "0"
        command = (sys.executable, "-c", HURRIED)
        async with WorkerProcess(settings, tmp_path / "worker.log", command) as running:
            await running.ready()
            broker.stop()
            assert await running.stop() == 1
            assert "the worker ends without leaving its group" in running.log()


# -- the demo ------------------------------------------------------------------------------------------------


async def demo(folder: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        SHIPCLOCK,
        "demo",
        *options,
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def left_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


@pytest.mark.slow
async def test_the_demo_ends_by_itself_with_a_summary_and_leaves_nothing_behind(tmp_path: Path) -> None:
    running = await demo(tmp_path, "--seconds", "15", "--speed", "100000")
    out, errors = await running.communicate()
    assert (running.returncode, errors.decode()) == (0, "")
    *before_summary, _ = out.decode().split("orders processed; ")
    assert before_summary, "no summary"
    assert " OPEN " in before_summary[0]
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_the_demo_can_be_stopped_and_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    running = await demo(tmp_path)
    assert running.stdout is not None
    await running.stdout.readline()
    running.send_signal(how)
    _, errors = await running.communicate()
    assert (running.returncode, errors.decode()) == (0, "stopped\n")
    assert left_in(tmp_path) == []
