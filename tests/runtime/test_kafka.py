"""The worker as users run it, on a real Kafka."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from rules.calendar.instants import HOUR_MS
from streams.clock import wall_ms
from streams.kafka.dead_letters import KEPT_VALUE_BYTES
from tests.runtime.history import END_MS, history
from tests.runtime.outcome import Reader, contradictions, expected
from tests.runtime.sites import alerts, all_committed, made, send, send_all, tick_all
from tests.runtime.sites import site as site
from tests.runtime.sites import wall_site as wall_site
from tests.runtime.support import LATE_MS, START_MS, event, until
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, create_topics, produce

pytestmark = pytest.mark.kafka


# -- what goes in and what comes out ------------------------------------------------------------------------


async def test_an_order_shipped_too_late_is_told_of_in_cloud_events_and_resolved(site: Site) -> None:
    async with site.worker() as worker, alerts(site) as read:
        await send(site, event("order.placed", START_MS, "8412", id="e-1"))
        await tick_all(site, START_MS + LATE_MS)
        await read.until(lambda: len(read.alerts()) == 1)
        await send(site, event("order.shipped", START_MS + LATE_MS + HOUR_MS, "8412", id="e-2"))
        await tick_all(site, START_MS + LATE_MS + HOUR_MS)
        await read.until(lambda: len(read.alerts()) == 2)
        assert worker.process.returncode is None
    alert = "late.ship:joom/s17:8412:2026-01-04T00:00:00Z"
    opened, resolved = read.alerts()
    assert opened == {
        "specversion": "1.0",
        "id": f"{alert}/1",
        "source": "shipclock",
        "type": "alert.opened",
        "time": "2026-01-04T00:00:00Z",
        "platform": "joom",
        "shop": "s17",
        "order": "8412",
        "data": {
            "alert": alert,
            "revision": 1,
            "rule": "late.ship",
            "clause": "late-1",
            "state": "open",
            "severity": "critical",
            "stage": "overdue",
            "reason": "deadline_passed",
            "opened_at": "2026-01-04T00:00:00Z",
            "due_at": "2026-01-04T00:00:00Z",
            "summary": "Order 8412 is past its 72 h ship deadline",
            "value": None,
            "threshold": None,
            "headroom": None,
            "evidence": opened["data"]["evidence"],
            "penalty": None,
            "actions": [],
            "title": "Ship",
            "titles": {"en": "Ship", "zh": "Ship"},
            "link": "/#/alerts/late.ship%3Ajoom%2Fs17%3A8412%3A2026-01-04T00%3A00%3A00Z",
        },
    }
    assert "e-1" in str(opened["data"]["evidence"])
    assert (resolved["id"], resolved["type"], resolved["time"]) == (
        f"{alert}/2",
        "alert.resolved",
        "2026-01-04T01:00:00Z",
    )
    assert (resolved["data"]["state"], resolved["data"]["reason"]) == ("resolved", "fulfilled")
    assert {(record.key, record.partition) for record in read.records} == {(alert.encode(), 2)}


async def test_a_worker_on_an_empty_broker_makes_its_topics_and_watches_them(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path)
    async with site.worker() as worker:
        await worker.ready()
        async with alerts(site) as read:
            await send(site, event("order.placed", START_MS))
            await tick_all(site, START_MS + LATE_MS)
            await read.until(lambda: len(read.alerts()) == 1)


async def test_what_cannot_be_read_goes_to_dead_letters_as_it_was_and_the_rest_is_applied(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    orders = f"{topic_prefix}orders"
    await create_topics(kafka.bootstrap, {orders: (4, {"max.message.bytes": str(20_000_000)})})
    site = made(Site(kafka.bootstrap, topic_prefix, tmp_path))
    huge = event("order.placed", START_MS, "huge", note="x" * 10_000_000)
    good = event("order.placed", START_MS, "good")
    bad = [  # partition, key, value, reason
        (2, b"joom/s17", b"not json", "JSON is malformed"),
        (2, b"joom/s17", None, "the record is empty"),
        (2, None, None, "the record is empty"),
        (2, b"joom/s17", huge, "the record has 10,"),
        (2, b"joom/s1", good, "wrong key: the record's is joom/s1, its event is of joom/s17"),
        (1, b"joom/s17", good, "wrong partition: joom/s17 belongs in partition 2, this is 1"),
        (2, b"joom/s17", event("rating.updated", START_MS), "rating.updated belongs on `shops`, this is `orders`"),
        (2, b"joom/s17", event("order.placed", START_MS, "8\u202e7"), r"order '8\u202e7' has control, bidirectional"),
        (
            2,
            b"joom/s17",
            event("order.placed", START_MS, "odd", data={"amount": "1E+1000000"}),
            "kept without data.amount",
        ),
    ]
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 20_000_000})
    for partition, key, value, _ in bad:
        producer.produce(orders, value, key, partition)
    assert producer.flush(30) == 0
    await send(site, good)
    await tick_all(site, START_MS + LATE_MS)
    async with site.worker(), alerts(site) as read, Reader(site.bootstrap, site.prefix, "dead-letters") as dead:
        await read.until(lambda: len(read.state()) == 2)
        await dead.until(lambda: len(dead.records) == len(bad))
    assert sorted(alert["order"] for alert in read.alerts()) == ["good", "odd"]
    found = {
        (record.partition, record.key, record.value): {name: value.decode() for name, value in record.headers}
        for record in dead.records
    }
    for partition, key, value, reason in bad:
        headers = found[partition, key, value and value[:KEPT_VALUE_BYTES]]
        assert reason in headers["reason"]
        assert (headers["topic"], headers["partition"]) == (orders, str(partition))
        assert headers["offset"].isdecimal()


@pytest.mark.slow
async def test_a_record_of_eighty_megabytes_that_came_as_eighty_kilobytes_stops_nothing(site: Site) -> None:
    """The broker's limit is on what is compressed, so it takes it."""
    producer = Producer(
        {"bootstrap.servers": site.bootstrap, "compression.type": "gzip", "message.max.bytes": 100_000_000}
    )
    producer.produce(f"{site.prefix}orders", bytes(80_000_000), b"joom/s17", 2)
    assert producer.flush(60) == 0
    await send(site, event("order.placed", START_MS))
    await tick_all(site, START_MS + LATE_MS)
    async with site.worker(), alerts(site) as read, Reader(site.bootstrap, site.prefix, "dead-letters") as dead:
        await read.until(lambda: len(read.alerts()) == 1)
        await dead.until(lambda: len(dead.records) == 1)
    (letter,) = dead.records
    assert letter.value == bytes(KEPT_VALUE_BYTES)
    headers = dict(letter.headers)
    assert (headers["cut"], headers["original_length"], headers["offset"]) == (b"true", b"80000000", b"0")


async def test_all_of_a_history_is_told_as_replay_tells_it(site: Site) -> None:
    records = history(2_000)
    await send_all(site, records)
    await tick_all(site, END_MS)
    wanted = expected([value for _, _, value in records], END_MS)
    async with site.worker(), alerts(site) as read:
        await read.until(lambda: read.state() == wanted)
        await until(lambda: all_committed(site, len(records) + 12))
        await read.to_end()
    assert len(wanted) > 500
    assert contradictions(read.alerts()) == []


# -- wall time -----------------------------------------------------------------------------------------------


async def test_in_wall_time_a_deadline_fires_by_itself(wall_site: Site) -> None:
    async with wall_site.worker() as worker, alerts(wall_site) as read:
        await worker.ready()
        due_ms = wall_ms() + 2_000
        await send(wall_site, event("order.placed", due_ms - LATE_MS))
        await read.until(lambda: len(read.alerts()) == 1)
    (alert,) = read.alerts()
    assert alert["data"]["reason"] == "deadline_passed"
    assert wall_ms() >= due_ms


@pytest.mark.slow
async def test_after_an_outage_nothing_is_told_before_the_backlog_is_read(wall_site: Site) -> None:
    async with wall_site.worker() as first, alerts(wall_site) as read:
        await first.ready()
        due_ms = wall_ms() + 3_000
        placed = [event("order.placed", due_ms - LATE_MS, order) for order in ("shipped", "forgotten")]
        await send(wall_site, *placed)
        await until(lambda: all_committed(wall_site, 2))
        assert await first.stop() == 0, first.log()[-3000:]
        assert read.records == []
        # A long backlog, and only at its end that the one was shipped in time.
        others = [event("order.placed", due_ms - n, f"o{n}") for n in range(30_000)]
        await send(wall_site, *others, event("order.shipped", due_ms - 1, "shipped"))
        await until(lambda: wall_ms() > due_ms)
        async with wall_site.worker():
            await read.until(lambda: read.alerts())
            await until(lambda: all_committed(wall_site, 2 + len(others) + 1))
            await read.to_end()
    assert [alert["order"] for alert in read.alerts()] == ["forgotten"]


async def test_a_transaction_marker_at_the_end_of_an_input_does_not_stall_deadlines(wall_site: Site) -> None:
    async with wall_site.worker() as worker, alerts(wall_site) as read:
        await worker.ready()
        due_ms = wall_ms() + 2_000
        await send(wall_site, event("order.placed", due_ms - LATE_MS))
        async with (
            AIOKafkaProducer(bootstrap_servers=wall_site.bootstrap, transactional_id=wall_site.prefix) as producer,
            producer.transaction(),
        ):
            news = {"orders": "order.shipped", "pickups": "pickup.collected", "tracking": "tracking.updated"}
            for topic, kind in news.items():
                value = event(kind, due_ms - LATE_MS, "other")
                await producer.send(wall_site.prefix + topic, value, key=b"joom/s17")
        await read.until(lambda: len(read.alerts()) == 1)


# -- when something is wrong ---------------------------------------------------------------------------------


async def test_inputs_whose_partition_counts_differ_end_the_worker_with_exit_code_2(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka.bootstrap, {f"{topic_prefix}orders": (4, {}), f"{topic_prefix}tracking": (3, {})})
    async with Site(kafka.bootstrap, topic_prefix, tmp_path).worker() as worker:
        assert await worker.ended() == 2
    assert worker.log().startswith(f"shipclock worker: partition counts differ: {topic_prefix}orders has 4, ")
    assert worker.log().count("\n") == 1


async def test_a_folder_that_cannot_be_made_is_said_once_and_the_worker_alerts_without_it(site: Site) -> None:
    (site.folder / "file").touch()
    async with site.worker(datadir="file") as worker, alerts(site) as read:
        await send(site, event("order.placed", START_MS))
        await tick_all(site, START_MS + LATE_MS)
        await read.until(lambda: len(read.alerts()) == 1)
        assert await worker.stop() == 0
    assert worker.log().count("takes no snapshots") == 1
    assert "Traceback" not in worker.log()


async def test_alerts_that_kafka_refuses_end_the_worker_and_are_told_once_it_takes_them(site: Site) -> None:
    """A topic that takes less than it did: told in one line, also by every start until it is put right. (That nothing
    is committed with a write that was refused: `test_worker`. What was read a moment before it may be.)"""
    async with site.worker() as worker:
        await worker.ready()
        _alter(site, "alerts", "max.message.bytes", "100")
        await send(site, event("order.placed", START_MS))
        await tick_all(site, START_MS + LATE_MS)
        assert await worker.ended() == 1
        logged = [line for line in worker.log().splitlines() if "the worker ends" in line]
        assert len(logged) == 1 and "alerts-2: raise the topic's max.message.bytes" in logged[0]
    async with site.worker() as again:
        assert await again.ended() == 2
    assert again.log().startswith(f"shipclock worker: topic {site.prefix}alerts takes records of 100 bytes, and the ")
    assert again.log().count("\n") == 1
    _alter(site, "alerts", "max.message.bytes", "1000000")
    async with site.worker(), alerts(site) as read:
        await read.until(lambda: len(read.alerts()) == 1)


def _alter(site: Site, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, site.prefix + topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": site.bootstrap})
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result()


@pytest.mark.slow
async def test_changelog_records_that_cannot_be_read_are_named_and_passed_over_where_that_is_asked_for(
    site: Site,
) -> None:
    """A running worker doesn't read them; each start does, until they are passed over once."""
    async with site.worker() as worker, alerts(site) as read:
        await send(site, event("order.placed", START_MS))
        await tick_all(site, START_MS + LATE_MS)
        await read.until(lambda: len(read.alerts()) == 1)
        (alert,) = read.records
        await produce(site.bootstrap, [(f"{site.prefix}alerts", b"joom/s17", b"no alert")])
        await produce(site.bootstrap, [(f"{site.prefix}{site.group}-facts-changelog", b"joom/s17", b"no facts")])
        assert await worker.stop() == 0, worker.log()[-3000:]
    where = {f"{site.prefix}alerts-2@1", f"{site.prefix}{site.group}-facts-changelog-2@"}
    async with site.worker() as second:
        assert await second.ended() == 1
        (logged,) = [line for line in second.log().splitlines() if "the worker ends" in line]
        assert any(each in logged for each in where) and "--skip-unreadable" in logged
    async with site.worker("data", "--skip-unreadable") as third:
        await third.ready()
        logged = [line for line in third.log().splitlines() if "is passed over" in line]
        assert len(logged) == 2 and all(any(each in line for line in logged) for each in where)
        assert await third.stop() == 0, third.log()[-3000:]
    async with site.worker() as fourth, alerts(site) as read:
        await fourth.ready()
        await send(site, event("order.shipped", START_MS + LATE_MS + 1))
        await tick_all(site, START_MS + LATE_MS + HOUR_MS)
        await read.until(lambda: len(read.records) == 3)
    assert read.records[2].key == alert.key, "nothing that could be read was lost"
