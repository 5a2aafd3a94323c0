"""Runs one system on a loaded workload and measures it.

- Time: from the system's own line ``first records at`` (see ``marks.py``), so that imports, joining the group
  and recovery don't count, to its last alert out: the broker's LogAppendTime of the last record on its alerts
  topic. The workload is made so that each partition's last alert waits for its closing tick, so nothing is
  left to read by then. The limit sends no alerts and marks its end itself.
- CPU: user and system seconds of the process and its children, from their start to the moment the run is seen
  to be done; ``startup_cpu_s`` says how much of it was used before the first records (imports, mostly).
- Memory: VmHWM, the peak resident set, of the process and its children added up.
- Done: the group has committed every input to its end, and for three seconds the alerts topic has not grown and the
  process has been idle. On a machine with other work a commit cycle may take longer than that.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.bench.expected import Expected
from tests.bench.load import INPUTS, PARTITIONS
from tests.bench.marks import FIRST, LAST, marked
from tests.bench.systems import Run, System
from tests.support.kafka import create_topics, delete_topic, read_topic

STEADY_SECONDS = 3.0
IDLE_SHARE = 0.5  # of a core: metrics and standings go on for a while
POLL_SECONDS = 0.2
STALLED_SECONDS = 60.0  # no first record, or no commit and no alert, for so long: it hangs
LONGEST_SECONDS = 900.0  # for a whole run, however steadily it crawls on


@dataclass(frozen=True)
class Figures:
    """``wrong``: what differs from the expectation, in words."""

    system: str
    events: int
    seconds: float
    cpu_s: float
    startup_cpu_s: float
    peak_mb: float
    wrong: list[str]

    @property
    def events_s(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_s_per_m(self) -> float:
        return self.cpu_s / self.events * 1e6


async def measure(system: System, run: Run, expected: Expected, core: int) -> Figures:
    """Starts the system on ``core``, waits until it is done, ends it and reads its alerts."""
    alerts = f"{run.prefix}alerts" if system.reads_alerts else None
    topics: dict[str, tuple[int, dict[str, str]]] = {run.prefix + own: (PARTITIONS, {}) for own in system.own_topics}
    if alerts:
        # Stamped by the broker's clock, and never compacted while it is still to be read.
        keep = {"cleanup.policy": "compact", "min.compaction.lag.ms": str(24 * 3_600_000)}
        keep["message.timestamp.type"] = "LogAppendTime"
        topics[alerts] = PARTITIONS, keep
    if topics:
        await create_topics(run.bootstrap, topics)
    log = run.folder.with_suffix(".log")
    async with started(system, run, core, log) as process:
        first = await _until_first_records(process, log)
        startup_cpu = cpu_seconds(process)
        async with Progress.of(run, alerts) as progress:
            await until_done(progress, process, log)
        cpu, peak = cpu_seconds(process), peak_mb(process)
    if alerts:
        records = await read_topic(run.bootstrap, alerts)
        last = max((record.timestamp for record in records), default=first + 1)
        wrong = system.reads_alerts(records).differences(expected)
        await delete_topic(run.bootstrap, alerts)  # the next system on this workload begins with none
    else:
        last = marked(LAST, text(log))
        total = expected.events + len(INPUTS) * PARTITIONS  # with the closing ticks
        wrong = [] if f"counted {total}\n" in text(log) else [f"did not count {total} records"]
    return Figures(system.name, expected.events, (last - first) / 1000, cpu, startup_cpu, peak, wrong)


@asynccontextmanager
async def started(system: System, run: Run, core: int, log: Path) -> AsyncIterator[psutil.Popen]:
    run.folder.mkdir(parents=True, exist_ok=True)
    command = ["taskset", "--cpu-list", str(core), *system.command(run)]
    with log.open("wb") as out:
        environment = os.environ | system.environment(run)
        process = psutil.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 30)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait()


async def _until_first_records(process: psutil.Popen, log: Path) -> int:
    """When they were, in epoch milliseconds."""
    give_up = time.monotonic() + STALLED_SECONDS
    while (at := marked(FIRST, text(log))) is None:
        _check_going(process, log, give_up)
        await asyncio.sleep(POLL_SECONDS)
    return at


async def until_done(progress: "Progress", process: psutil.Popen, log: Path) -> None:
    state, since, cpu = (-1, -1), time.monotonic(), 0.0
    give_up = since + LONGEST_SECONDS
    while True:
        written, left = await progress.written(), await progress.left()
        if (written, left) != state:
            state, since, cpu = (written, left), time.monotonic(), cpu_seconds(process)
        elif left == 0 and (steady := time.monotonic() - since) > STEADY_SECONDS:
            if cpu_seconds(process) - cpu < IDLE_SHARE * steady:
                return
            since, cpu = time.monotonic(), cpu_seconds(process)
        _check_going(process, log, min(give_up, since + STALLED_SECONDS))
        await asyncio.sleep(POLL_SECONDS)


def _check_going(process: psutil.Popen, log: Path, give_up: float) -> None:
    ended = process.poll() is not None
    if ended or time.monotonic() > give_up:
        raise RuntimeError(f"{log.stem} {'ended by itself' if ended else 'hangs'}:\n{text(log)[-4000:]}")


def text(log: Path) -> str:
    return log.read_text(errors="replace")


class Progress:
    """Asks the broker how far a run has come."""

    def __init__(self, run: Run, alerts: str | None, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._run, self._alerts, self._admin, self._consumer = run, alerts, admin, consumer

    @classmethod
    @asynccontextmanager
    async def of(cls, run: Run, alerts: str | None) -> AsyncIterator["Progress"]:
        admin = AIOKafkaAdminClient(bootstrap_servers=run.bootstrap)
        await admin.start()
        try:
            async with AIOKafkaConsumer(bootstrap_servers=run.bootstrap) as consumer:
                yield cls(run, alerts, admin, consumer)
        finally:
            await admin.close()

    async def written(self) -> int:
        """How many alerts there are."""
        return sum((await self._ends(self._alerts)).values()) if self._alerts else 0

    async def left(self) -> int:
        """How many input records the group has not committed yet."""
        ends = {tp: end for topic in INPUTS for tp, end in (await self._ends(self._run.prefix + topic)).items()}
        try:
            committed = await self._admin.list_consumer_group_offsets(self._run.group)
        except KafkaError:  # the group's coordinator is not up yet
            committed = {}
        return sum(end - (committed[tp].offset if tp in committed else 0) for tp, end in ends.items())

    async def _ends(self, topic: str) -> dict[TopicPartition, int]:
        return await self._consumer.end_offsets([TopicPartition(topic, n) for n in range(PARTITIONS)])


def _tree(process: psutil.Popen) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Popen) -> float:
    own = (each.cpu_times() for each in _tree(process))
    ended_children = process.cpu_times()
    running = sum(times.user + times.system for times in own)
    return running + ended_children.children_user + ended_children.children_system


def peak_mb(process: psutil.Popen) -> float:
    """Megabytes of 10^6 bytes."""
    kib = 0
    for each in _tree(process):
        status = Path("/proc", str(each.pid), "status").read_text()
        kib += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return kib * 1024 / 1e6
