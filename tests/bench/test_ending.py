"""What a benchmark leaves behind when it is told to end: nothing."""

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

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
