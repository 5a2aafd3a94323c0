"""`shipclock worker` in a process of its own, and what a test does to its consumer group."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as ConfluentPartition
from confluent_kafka.admin import AdminClient

from streams.kafka import topics
from streams.settings import Settings, from_environment
from tests.runtime.support import LONG_S, PACK, until

SHIPCLOCK = Path(sys.executable).with_name("shipclock")
READY = "Worker ready"


class Site:
    """One installation: a broker, a prefix and group of its own, and a folder to keep state and logs in."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, *, clock: str = "event", partitions: int = 4) -> None:
        self.bootstrap, self.prefix, self.folder = bootstrap, prefix, folder
        self.group = f"{prefix}app"
        self.environment = {
            "SHIPCLOCK_BROKER": f"kafka://{bootstrap}",
            "SHIPCLOCK_APP_ID": self.group,
            "SHIPCLOCK_TOPIC_PREFIX": prefix,
            "SHIPCLOCK_PACKS": str(PACK),
            "SHIPCLOCK_CLOCK": clock,
            "SHIPCLOCK_PARTITIONS": str(partitions),
            "SHIPCLOCK_WEB_PORT": "0",
        }
        self.started = 0

    def make_topics(self) -> None:
        """As the worker would, so that a test can write and read before it starts one."""
        names = topics.TopicNames(self.prefix, self.group)
        topics.prepare(self.settings(), names)
        wanted = set(names.all)
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        while not wanted <= set(admin.list_topics(timeout=LONG_S).topics):
            time.sleep(0.05)  # the controller has made them; the broker hears of it a moment later

    def settings(self, datadir: str = "data") -> Settings:
        """For a worker in this process."""
        return from_environment(self.environment | {"SHIPCLOCK_DATADIR": str(self.folder / datadir)})

    def worker(self, datadir: str = "data", *flags: str, **environment: str) -> "WorkerProcess":
        self.started += 1
        settings = self.environment | {"SHIPCLOCK_DATADIR": str(self.folder / datadir)} | environment
        return WorkerProcess(settings, self.folder / f"worker-{self.started}.log", (SHIPCLOCK, "worker", *flags))

    async def committed(self) -> dict[str, int]:
        """What the group has committed, by `topic-partition`."""
        async with _admin(self.bootstrap) as admin:
            offsets = await admin.list_consumer_group_offsets(self.group)
        return {f"{tp.topic.removeprefix(self.prefix)}-{tp.partition}": each.offset for tp, each in offsets.items()}

    def rewind(self) -> None:
        """Sets the offsets of a group without members back to the beginning."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        (listed,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group)]).values()
        first = [ConfluentPartition(each.topic, each.partition, 0) for each in listed.result().topic_partitions]
        (altered,) = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group, first)]).values()
        altered.result()

    async def members(self) -> set[str]:
        """Ids of the group's members."""
        async with _admin(self.bootstrap) as admin:
            (described,) = await admin.describe_consumer_groups([self.group])
        return {member[0] for member in described.groups[0][5]}

    async def bury(self, dead: set[str]) -> None:
        """Tells the group which members are dead, as it would find out by itself after 15 s."""
        async with _admin(self.bootstrap) as admin:
            coordinator = await admin.find_coordinator(self.group)
            for member in dead:
                await admin._send_request(LeaveGroupRequest(self.group, member), coordinator)


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


class WorkerProcess:
    """An async context manager that leaves no process behind. Its log is what it wrote to stdout and stderr."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, command: Sequence[str | Path] = (SHIPCLOCK, "worker")
    ) -> None:
        self._environment, self._log, self._command = environment, log, command
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "WorkerProcess":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=os.environ | self._environment, stdout=log, stderr=log
            )

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def ready(self, times: int = 1) -> None:
        """Once it has its partitions and their state, for the n-th time."""

        def is_ready() -> bool:
            assert self.process.returncode is None, f"it ended by itself:\n{self.log()[-5000:]}"
            return self.log().count(READY) >= times

        await until(is_ready)

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        async with asyncio.timeout(LONG_S):
            return await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()
