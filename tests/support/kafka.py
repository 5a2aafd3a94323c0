"""A real single-node Apache Kafka for tests and bench, and the few calls they make on it.

Where it comes from, first that holds: the broker named by ``TEST_KAFKA`` (``host:port``, used as
is); the Apache Kafka jars from Maven Central, run with Java; the ``apache/kafka`` image, when a Docker engine
answers.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from tests.support.ports import free_port, free_ports

VERSION = "4.1.0"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SILENT_SECONDS = 60.0  # nothing comes from a broker, though there is more: it is gone
_POM = Path(__file__).with_name("kafka-pom.xml")
_CACHE = Path(__file__).parents[2] / ".cache" / f"kafka-{VERSION}"

# A broker of one: every internal topic has one replica, and few partitions so that it is up sooner.
_SETTINGS = {
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
}

_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A broker that lives for minutes takes half the CPU time where nothing is optimised for the long run. A benchmark's,
which is given cores of its own, is optimised."""

_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n%ex
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""
_STARTED = "Kafka Server started"


class KafkaUnavailableError(RuntimeError):
    """No real Kafka can be had here; the message says why."""


class _Node(Protocol):
    """One broker process: ``stop`` keeps its data, ``remove`` does not."""

    bootstrap: str
    pid: int | None

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def remove(self) -> None: ...


class Kafka:
    """A broker from the best source at hand; a context manager. ``cores`` pins one run from the jars."""

    def __init__(self, cores: set[int] | None = None) -> None:
        self._node = _find_node(cores)

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return self._node.bootstrap

    @property
    def pid(self) -> int | None:
        """The broker's process, when it is ours."""
        return self._node.pid

    def start(self) -> None:
        try:
            self._node.start()
        except BaseException:
            self._node.remove()
            raise

    def stop(self) -> None:
        """Ends the broker and deletes its data."""
        self._node.stop()
        self._node.remove()

    def restart(self) -> None:
        """Ends the broker cleanly and starts it again with the same data and port."""
        if isinstance(self._node, _GivenNode):
            raise KafkaUnavailableError("TEST_KAFKA names a broker that these tests may not restart")
        self._node.stop()
        self._node.start()

    def kill(self) -> None:
        """Ends the broker as a crash of its machine would; `start` starts it again with the same data and port."""
        self._own().kill()

    def hang(self) -> None:
        """Has the broker answer nobody until `go_on`."""
        os.kill(self._own_pid(), signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._own_pid(), signal.SIGCONT)

    def _own(self) -> "_JarNode":
        if not isinstance(self._node, _JarNode):
            raise KafkaUnavailableError("only a broker of these tests' own may be killed: it needs Java and Maven")
        return self._node

    def _own_pid(self) -> int:
        pid = self._own().pid
        assert pid is not None, "it doesn't run"
        return pid

    def __enter__(self) -> "Kafka":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._node.remove()


def _find_node(cores: set[int] | None) -> _Node:
    given = os.environ.get("TEST_KAFKA")
    if given:
        return _GivenNode(given)
    reasons = []
    for source in (lambda: _JarNode(_jars(), cores), _DockerNode):
        try:
            return source()
        except KafkaUnavailableError as unavailable:
            reasons.append(str(unavailable))
    raise KafkaUnavailableError(f"no Kafka here: {'; '.join(reasons)}; and TEST_KAFKA is not set")


def _jars() -> Path:
    """The folder of Kafka's jars, fetched from Maven Central when it is not in the cache yet."""
    missing = [tool for tool in ("java", "mvn") if not shutil.which(tool)]
    if missing:
        raise KafkaUnavailableError(f"{' and '.join(missing)} not installed")
    jars = _CACHE / "libs"
    if not jars.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        # Fetched aside and then renamed, so that a run cut short, or two at once, leave no half a folder.
        fetched = Path(tempfile.mkdtemp(dir=_CACHE))
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fetched}"]
        done = subprocess.run(
            ["mvn", "--batch-mode", "--quiet", "--file", str(_POM), *goal], capture_output=True, text=True
        )
        if done.returncode:
            shutil.rmtree(fetched)
            raise KafkaUnavailableError(f"mvn could not fetch the Kafka jars: {done.stdout.strip()[-500:]}")
        try:
            fetched.rename(jars)
        except OSError:  # another run was first
            shutil.rmtree(fetched)
    return jars


class _GivenNode:
    """Somebody else's broker: used, never started nor stopped."""

    pid: int | None = None

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def remove(self) -> None:
        pass


class _JarNode:
    """A broker and controller in one JVM, on loopback, its data in a temporary folder."""

    def __init__(self, jars: Path, cores: set[int] | None) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="shipclock-kafka-"))
        self._jars = jars
        self._pin = ["taskset", "--cpu-list", ",".join(map(str, sorted(cores)))] if cores else []
        self._effort = () if cores else _SHORT_LIVED
        self._process: subprocess.Popen[bytes] | None = None
        port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self._home / "data"),
            **_SETTINGS,
        }
        self._properties = self._home / "server.properties"
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        (self._home / "log4j2.properties").write_text(_LOGGING)
        self._log = self._home / "broker.log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        if not (self._home / "data").exists():
            self._format()
        with self._log.open("wb") as log:
            command = [*self._pin, *self._java("kafka.Kafka", str(self._properties))]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while _STARTED not in self._log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka did not start:\n{self._log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        self._end(signal.SIGKILL)
        shutil.rmtree(self._home, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _format(self) -> None:
        tool = self._java("kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id())
        done = subprocess.run([*tool, "--config", str(self._properties)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}"
        return ["java", "-Xms256m", "-Xmx1g", *self._effort, logging, "-cp", f"{self._jars}/*", main, *arguments]


class _DockerNode:
    """The ``apache/kafka`` image in a container, its port published on loopback."""

    pid: int | None = None

    def __init__(self) -> None:
        if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode:
            raise KafkaUnavailableError("no Docker engine answers")
        port = free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self._name = f"shipclock-kafka-{uuid.uuid4().hex[:8]}"
        settings = {
            "node.id": "1",
            "process.roles": "broker,controller",
            "controller.quorum.voters": "1@localhost:9093",
            "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            **_SETTINGS,
        }
        environment = [f"--env=KAFKA_{name.upper().replace('.', '_')}={value}" for name, value in settings.items()]
        publish = f"--publish=127.0.0.1:{port}:9092"
        _docker("create", f"--name={self._name}", publish, *environment, f"apache/kafka:{VERSION}")

    def start(self) -> None:
        since = str(int(time.time()))
        _docker("start", self._name)
        deadline = time.monotonic() + START_SECONDS
        while _STARTED not in (log := _docker("logs", "--since", since, self._name)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kafka did not start:\n{log[-4000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        _docker("stop", self._name)

    def remove(self) -> None:
        _docker("rm", "--force", "--volumes", self._name)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise KafkaUnavailableError(f"docker {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout + done.stderr


def _cluster_id() -> str:
    """A Kafka cluster id: 16 random bytes in URL-safe base64, which here is hex of the right length."""
    return uuid.uuid4().hex[:22]


async def create_topics(bootstrap: str, topics: Mapping[str, tuple[int, Mapping[str, str]]]) -> None:
    """Creates topics given as name → (partitions, topic configs), and waits until every partition answers; a
    topic that exists already is an error."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        response = await admin.create_topics(
            [
                NewTopic(name, partitions, 1, topic_configs=dict(configs))
                for name, (partitions, configs) in topics.items()
            ]
        )
    finally:
        await admin.close()
    for name, code, *reason in response.topic_errors:
        if code:
            raise for_code(code)(f"{name}: {reason}")
    # Known is not ready: for a moment the broker would turn a partition's first batches away.
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        await consumer.end_offsets(
            [TopicPartition(name, number) for name, (count, _) in topics.items() for number in range(count)]
        )


async def delete_topic(bootstrap: str, topic: str) -> None:
    """Deletes a topic, and waits until the broker has forgotten it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def delete_topics(bootstrap: str, prefix: str) -> None:
    """Has the broker delete the topics that begin so; it does soon."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(prefix)])
    finally:
        await admin.close()


async def produce(bootstrap: str, records: Iterable[tuple[str, bytes | None, bytes | None]]) -> None:
    """Writes (topic, key, value) records in order, each to its key's murmur2 partition; returns when all are
    acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        sent = [await producer.send(topic, value, key=key) for topic, key, value in records]
        for acknowledged in sent:
            await acknowledged


async def read_topic(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every record of a topic up to its present end; in order within each partition. Raises TimeoutError once nothing
    more comes: the client would wait for ever for a broker that is gone."""
    partitions = await _partitions(bootstrap, topic)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[ConsumerRecord] = []
        try:
            async with asyncio.timeout(SILENT_SECONDS) as silence:
                for partition, end in ends.items():
                    while await consumer.position(partition) < end:
                        batch = await consumer.getmany(partition, timeout_ms=1000)
                        records += [record for record in batch.get(partition, []) if record.offset < end]
                        if batch:
                            silence.reschedule(asyncio.get_running_loop().time() + SILENT_SECONDS)
        except TimeoutError:
            end = sum(ends.values())
            raise TimeoutError(f"{len(records):,} of {end:,} records of {topic} were read, and no more come") from None
        return records


async def count_records(bootstrap: str, topic: str) -> int:
    """How many a topic has ever had, whether they are still there or not."""
    partitions = await _partitions(bootstrap, topic)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        return sum((await consumer.end_offsets(partitions)).values())


async def _partitions(bootstrap: str, topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    if described["error_code"]:
        raise for_code(described["error_code"])(topic)
    return sorted(TopicPartition(topic, partition["partition"]) for partition in described["partitions"])
