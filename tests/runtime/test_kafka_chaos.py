"""A worker on a real Kafka that is killed again and again while finished orders leave memory, come back and expire.

Where its alerts stand in the end, and what it counts, is what the engine alone makes of the same records with nothing
ever leaving memory.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any

import msgspec
import orjson
import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.events import decode
from rules.messages.names import shop_key
from rules.reports.standing import standings
from streams import pack_files
from streams.kafka.topics import TopicNames
from streams.runtime.changelog import CLOCK_KEY, Progress
from streams.runtime.snapshot import Snapshot
from tests.runtime import doomed_worker
from tests.runtime.doomed_worker import Instant
from tests.runtime.history import LONG_END_MS, SHOPS, Record, long_history
from tests.runtime.outcome import Reader, contradictions
from tests.runtime.support import PARTITIONS, event, key_of, ticks, until
from tests.runtime.workers import READY, Site, WorkerProcess
from tests.support.kafka import Kafka, produce

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

RULES = Path(__file__).with_name("late_share.yaml")
ORDERS = 1_200
PARTS = 3
"""How many parts each round's records are sent in, so that orders have left memory before news of them comes."""

LEAVES = Instant("rules.state.order_ledger:OrderLedger._evict", "after", 20)
COMES_BACK = Instant("rules.state.order_ledger:OrderLedger._load", "before", 5)
IS_BACK = Instant("rules.state.order_ledger:OrderLedger._load", "after", 5)
BEFORE_WRITE = Instant("streams.runtime.snapshot:Snapshot.write", "before", 4)
AFTER_WRITE = Instant("streams.runtime.snapshot:Snapshot.write", "after", 4)
IS_COUNTED = Instant("streams.runtime.orders_on_disk:OrdersOnDisk.checkpoint", "before", 10)
IS_CHECKPOINTED = Instant("streams.runtime.orders_on_disk:OrdersOnDisk.checkpoint", "after", 10)
IS_NOTED_AS_BACK = Instant("streams.runtime.orders_on_disk:OrdersOnDisk.came_back", "after", 5)
COUNTS_ARE_BACK = Instant("streams.runtime.partition:Partition.restore_checkpoint", "after", 1)
IS_LOADED = Instant("streams.runtime.partition:Partition.restore_fact", "after", 20)
IS_SENT = Instant("aiokafka:AIOKafkaProducer.send_batch", "before", 12)
IS_ACKNOWLEDGED = Instant("streams.runtime.faust_broker:FaustBroker.note_written", "before", 12)
IS_COMMITTED = Instant("streams.runtime.faust_broker:FaustBroker.commit", "before", 3)
EXPIRES = Instant("rules.engine.retention:remove_order", "before", 8)
HAS_EXPIRED = Instant("rules.engine.retention:remove_order", "after", 8)
MOVES = Instant("rules.kinds.ratio.period_results:PeriodResults.move", "after", 3)
LOADS = Instant("rules.engine.intake:Intake.load_more", "after", 6)
IS_BOUND = Instant("rules.engine.intake:Intake._rebind", "after", 3)
FULL = Instant("streams.runtime.faust_broker:FaustBroker.commit", "before", 3, full_from=2)
NO_LONGER_FULL = Instant("streams.runtime.local_copy:LocalCopy._put_in_use", "after", 3, full_from=2, full_to=6)
NEVER = Instant()
"""The number of a call is the latest; each round takes one up to that."""

Fault = Callable[[Site], Awaitable[None]]
"""Something that happens to an installation while no worker runs."""

ANY_ORDER = [
    COMES_BACK,
    IS_BACK,
    BEFORE_WRITE,
    AFTER_WRITE,
    IS_COUNTED,
    IS_CHECKPOINTED,
    IS_NOTED_AS_BACK,
    IS_LOADED,
    IS_SENT,
    IS_ACKNOWLEDGED,
    IS_COMMITTED,
]


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path)
    site.environment["SHIPCLOCK_PACKS"] = str(RULES)
    site.make_topics()
    return site


def worker(site: Site, instant: Instant) -> WorkerProcess:
    site.started += 1
    settings = site.environment | {"SHIPCLOCK_DATADIR": str(site.folder / "data")}
    command = (sys.executable, "-m", doomed_worker.__name__, msgspec.json.encode(instant).decode())
    return WorkerProcess(settings, site.folder / f"worker-{site.started}.log", command)


class Feed:
    """Sends records in parts, with ticks behind each, and the next once the worker's clocks have come to those or it
    has ended: then orders have left memory, as they do at the end of that commit cycle."""

    def __init__(self, site: Site, facts: Reader) -> None:
        self._site, self._facts = site, facts

    async def send(self, records: Sequence[Record], running: WorkerProcess) -> None:
        size = -(-len(records) // PARTS)
        for start in range(0, len(records), size):
            await self._send_part(records[start : start + size], running)

    async def _send_part(self, records: Sequence[Record], running: WorkerProcess) -> None:
        to_ms = max(decode(value)[1] for _, _, value in records)
        sent = [(self._site.prefix + topic, key, value) for topic, key, value in records]
        await produce(self._site.bootstrap, [*sent, *ticks(self._site.prefix, to_ms)])
        await self._facts.until(lambda: running.process.returncode is not None or self._has_come(to_ms))

    def _has_come(self, to_ms: int) -> bool:
        clocks = {each.partition: each.value for each in self._facts.records if each.key == CLOCK_KEY}
        return len(clocks) == PARTITIONS and all(
            msgspec.json.decode(value, type=Progress).clock_ms >= to_ms for value in clocks.values()
        )


def alone(records: Sequence[Record], news: Sequence[Record]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where each alert stands after these records, and each shop after the news, by the engine alone."""
    engine = Engine(pack_files.load([str(RULES)]), stepping=True)
    alerts = list(replay(engine, [decode(value) for _, _, value in records], LONG_END_MS))
    list(replay(engine, [decode(value) for _, _, value in news]))
    shops = {shop_key(each["platform"], each["shop"]): figures_of(each) for each in standings(engine)}
    return {alert.data.alert: (alert.data.state, alert.data.stage) for alert in alerts}, shops


def placed_at_the_end() -> list[Record]:
    values = [event("order.placed", LONG_END_MS, "news", f"s{n}") for n in range(SHOPS)]
    return [("orders", key_of(value), value) for value in values]


def figures_of(standing: dict[str, Any]) -> Any:
    shares = [standing["metrics"][clause] for clause in ("late-2", "late-3")]
    return standing["open_alerts"], [(share["numerator"], share["denominator"]) for share in shares]


def stands(read: Reader) -> dict[str, Any]:
    """Where each alert stands. How many revisions it took depends on what was read at one time: of an order that is
    cancelled and reopened in one batch nothing is said."""
    return {alert: (state, stage) for alert, (state, stage, _) in read.state().items()}


def shops_stand(read: Reader) -> dict[str, Any]:
    return {record.key.decode(): figures_of(orjson.loads(record.value)) for record in read.records}


async def until_same(read: Reader, found: Callable[[Reader], dict[str, Any]], wanted: dict[str, Any]) -> None:
    """Reads until what is found is what is wanted; says where it differs if that takes too long."""
    looked_at = -1

    def is_same() -> bool:
        nonlocal looked_at
        if looked_at == len(read.records):
            return False
        looked_at = len(read.records)
        return found(read) == wanted

    with suppress(AssertionError):
        await read.until(is_same)
    different = {name: (found(read).get(name), wanted.get(name)) for name in found(read).keys() | wanted.keys()}
    assert {name: pair for name, pair in different.items() if pair[0] != pair[1]} == {}


def opened_twice(read: Reader) -> list[str]:
    """Alerts that were opened while open, or resolved while resolved."""
    was_open: dict[str, bool] = {}
    revision: dict[str, int] = {}
    wrong = []
    for alert in read.alerts():
        data, is_open = alert["data"], alert["data"]["state"] == "open"
        if data["revision"] <= revision.get(data["alert"], 0):
            continue  # written again after a kill, the same as before (`contradictions`)
        if (alert["type"] == "alert.opened") != (is_open and not was_open.get(data["alert"], False)):
            wrong.append(alert["id"])
        revision[data["alert"]], was_open[data["alert"]] = data["revision"], is_open
    return wrong


async def kill_at(site: Site, instant: Instant, feed: Feed, records: Sequence[Record]) -> None:
    """Starts a worker, sends it records, and waits until it has killed itself."""
    async with worker(site, instant) as running:
        try:
            code, _ = await asyncio.gather(running.ended(), feed.send(records, running))
        except TimeoutError:
            pytest.fail(f"{instant} never came: {running.log()[-3000:]}")
        assert code == -signal.SIGKILL, f"{instant}: {running.log()[-3000:]}"
    await site.bury(await site.members())


async def survive(site: Site, rounds: Sequence[Instant | Fault], seed: int) -> None:
    """A worker lives through a history and is killed at each of these instants, or its disk suffers a fault. The
    next worker goes on each time, and in the end nothing must be otherwise."""
    random = Random(seed)
    records, news = long_history(ORDERS, seed), placed_at_the_end()
    alerts_alone, shops_alone = alone(records, news)
    size = -(-len(records) // (sum(isinstance(each, Instant) for each in rounds) + 1))
    async with (
        Reader(site.bootstrap, site.prefix, "alerts") as read,
        Reader(site.bootstrap, site.prefix, f"{site.group}-facts-changelog") as facts,
    ):
        feed, sent = Feed(site, facts), 0
        for each in rounds:
            if not isinstance(each, Instant):
                await each(site)
                continue
            instant = msgspec.structs.replace(each, call=random.randint(1, each.call))
            await kill_at(site, instant, feed, records[sent : sent + size])
            sent += size
        async with (
            worker(site, NEVER) as last,
            Reader(site.bootstrap, site.prefix, f"{site.group}-standings") as shops,
        ):
            await feed.send(records[sent:], last)
            await produce(site.bootstrap, ticks(site.prefix, LONG_END_MS))
            await until_same(read, stands, alerts_alone)
            # Now the clock is at the end in each partition. A shop of which there is news is published anew.
            await produce(site.bootstrap, [(site.prefix + topic, key, value) for topic, key, value in news])
            await until_same(shops, shops_stand, shops_alone)
            assert await last.stop() == 0, last.log()[-3000:]
        await read.to_end()
    assert stands(read) == alerts_alone
    assert contradictions(read.alerts()) == [] == opened_twice(read)


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_alert_is_lost_or_doubled_by_a_kill_at_any_instant(site: Site, seed: int) -> None:
    in_any_order = Random(0).sample(ANY_ORDER, len(ANY_ORDER))
    await survive(site, [LEAVES, *in_any_order[seed - 1 :: 2], EXPIRES, HAS_EXPIRED], seed)


async def test_no_alert_is_lost_or_doubled_by_a_kill_while_a_shop_moves_or_its_orders_expire(site: Site) -> None:
    rounds = [LEAVES, COMES_BACK, AFTER_WRITE, MOVES, LOADS, IS_BOUND, EXPIRES, HAS_EXPIRED]
    await survive(site, rounds, seed=4)


async def test_no_alert_is_lost_or_doubled_by_a_kill_while_checkpoints_are_taken_and_read(site: Site) -> None:
    rounds = [IS_CHECKPOINTED, AFTER_WRITE, IS_NOTED_AS_BACK, AFTER_WRITE, IS_COUNTED, COUNTS_ARE_BACK, EXPIRES]
    await survive(site, rounds, seed=5)


# -- what becomes of the disk --------------------------------------------------------------------------------


def folder(site: Site, name: str) -> Path:
    return site.folder / "data" / TopicNames(site.prefix, site.group).state / name


async def start_until_ready(site: Site, why: str) -> None:
    """Starts workers, as a supervisor does, until one doesn't end by itself for this reason; that one is killed."""
    for _ in range(4):
        async with worker(site, NEVER) as running:
            await until(lambda: READY in running.log() or running.process.returncode is not None)
            if READY in running.log():
                break
            assert why in running.log(), running.log()[-3000:]
    else:
        pytest.fail(f"no start of the worker came to an end: {running.log()[-3000:]}")
    await site.bury(await site.members())


async def damage(site: Site) -> None:
    """In the midst of every file of some stores other bytes are than were written."""
    for name in ("facts-0", "facts-3", "alerts-1"):
        for file in [*folder(site, name).glob("*.sst"), *folder(site, name).glob("*.log")]:
            raw = bytearray(file.read_bytes())
            third = len(raw) // 3
            raw[third : 2 * third] = bytes(third)
            file.write_bytes(raw)
    await start_until_ready(site, "was damaged and has been removed; the next start reads the changelog instead")


async def be_newer(site: Site) -> None:
    """Stores have come further than the changelog, and half of their orders are others: as where topics were made
    anew, or Kafka has lost their newest records."""
    for name in ("facts-1", "facts-2", "alerts-2"):
        store = Snapshot(folder(site, name))
        store.note_all([(key, None) for key, _ in list(store.items())[::2]])
        store.advance(1_000_000)
        store.close()


async def be_of_another_count(site: Site) -> None:
    """A store's orders belong to another partition, as where topics were made anew with more of them."""
    rmtree(folder(site, "facts-2"))
    folder(site, "facts-1").rename(folder(site, "facts-2"))
    store = Snapshot(folder(site, "facts-2"))
    store.advance(1)
    store.close()
    await start_until_ready(site, "partitions were added since state was written")


async def test_no_alert_is_lost_or_doubled_whatever_becomes_of_the_disk(site: Site) -> None:
    rounds: list[Instant | Fault] = [
        IS_CHECKPOINTED,
        FULL,
        damage,
        IS_BACK,
        IS_CHECKPOINTED,
        be_newer,
        NO_LONGER_FULL,
        be_of_another_count,
        EXPIRES,
    ]
    await survive(site, rounds, seed=3)
