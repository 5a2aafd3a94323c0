"""A benchmark that is told to end leaves nothing behind, and it ends by itself where broker or worker has gone."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import cast

import psutil
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from tests.bench.live import Live
from tests.runtime.workers import Site, WorkerProcess
from tests.support import kafka

BENCHMARK = """
import asyncio, sys
from pathlib import Path
from tests.bench.parts import end_cleanly
from tests.runtime.workers import WorkerProcess

async def measure():
    async with WorkerProcess({}, Path(sys.argv[1]), ("sleep", "600")) as worker:
        print(worker.process.pid, flush=True)
        await asyncio.Event().wait()

end_cleanly()
asyncio.run(measure())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_benchmark_that_is_told_to_end_ends_its_worker(number: signal.Signals, tmp_path: Path) -> None:
    benchmark = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BENCHMARK,
        tmp_path / "log",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert benchmark.stdout is not None
    worker = psutil.Process(int(await benchmark.stdout.readline()))
    benchmark.send_signal(number)
    await benchmark.wait()
    assert not worker.is_running()


class BrokerIsGone:
    """A consumer as it is once its broker has gone: nothing comes any more, and nothing is raised."""

    def __init__(self, **_: object) -> None: ...

    async def __aenter__(self) -> "BrokerIsGone":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def assign(self, partitions: list[TopicPartition]) -> None: ...

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 10)

    async def position(self, _: TopicPartition) -> int:
        return 3

    async def getmany(self, *_: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        await asyncio.sleep(0)
        return {}


async def test_reading_ends_where_the_broker_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def partitions(*_: str) -> list[TopicPartition]:
        return [TopicPartition("alerts", 0)]

    monkeypatch.setattr(kafka, "AIOKafkaConsumer", BrokerIsGone)
    monkeypatch.setattr(kafka, "_partitions", partitions)
    monkeypatch.setattr(kafka, "SILENT_SECONDS", 0.0)
    with pytest.raises(TimeoutError, match="0 of 10 records of alerts"):
        await kafka.read_topic("nowhere", "alerts")


async def test_a_worker_that_ends_by_itself_ends_the_benchmark(tmp_path: Path) -> None:
    log, site = tmp_path / "log", Site("nowhere", "b-", tmp_path)
    async with WorkerProcess({}, log, ("sh", "-c", "echo out of memory; exit 3")) as worker:
        await worker.ended()
        with pytest.raises(RuntimeError, match=r"by itself \(3\)[^$]*out of memory"):
            await Live(site, worker, cast(AIOKafkaProducer, None)).place("1", 0)
