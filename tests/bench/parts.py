"""What the benchmarks beside the job's share: the cores they use, how they end, and sizes on the command line."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psutil

from tests.bench.figure import Figure, show
from tests.support.kafka import Kafka

NEEDED_BYTES = 1_500
"""What an order may take of the machine's memory at most, until it is encoded."""


def cores() -> tuple[int, set[int]]:
    """The first core, which the system under test has to itself, and the last one, of broker and harness, which this
    process is put on."""
    mine = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {mine[-1]})
    return mine[0], {mine[-1]}


def measure_alone(figures: Callable[[Kafka, int, set[int]], Coroutine[Any, Any, list[Figure]]]) -> None:
    """Runs one benchmark on a Kafka of its own, and prints its figures. It is given Kafka, the core of the system under
    test and the other cores."""
    end_cleanly()
    core, others = cores()
    with Kafka(cores=others) as kafka:
        show(asyncio.run(figures(kafka, core, others)))


def end_cleanly() -> None:
    """Has SIGTERM and SIGHUP end this process as Ctrl-C does, which the shell may have it ignore: what it has started
    is then ended too, and doesn't hold a core for hours."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))


def step(text: str) -> None:
    """Says on the standard error output what is done now."""
    print(f"  {text} …", file=sys.stderr, flush=True)


class Paced:
    """Says on the standard error output how far something has come, every ten seconds."""

    EVERY_S = 10.0

    def __init__(self, what: str) -> None:
        self._what, self._said_s = what, time.monotonic()

    def say(self, done: int) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s > self.EVERY_S:
            self._said_s = now_s
            print(f"  {done:,} {self._what}", file=sys.stderr, flush=True)


async def output_of(module: str, *arguments: str) -> str:
    """What a module of this folder prints when it runs in a process of its own. Raises CalledProcessError. Where this
    is cancelled, the process and those that it has started are ended."""
    command = [sys.executable, "-m", module, *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, start_new_session=True)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output.decode()


def others_than(taken: set[int]) -> list[int]:
    """The machine's cores without those `taken`; all of them where that leaves none."""
    every = set(range(os.cpu_count() or 1))
    return sorted(every - taken or every)


def check_memory(count: int) -> None:
    """Raises MemoryError where so many orders may be too many for this machine."""
    needed, free = count * NEEDED_BYTES, psutil.virtual_memory().available
    if needed > free:
        raise MemoryError(f"{count:,} orders may take {needed / 1e9:.0f} GB until they rest; {free / 1e9:.0f} are free")


def sizes(text: str) -> tuple[int, ...]:
    """`10000,1000000`; nothing is none."""
    return tuple(int(each) for each in text.split(",") if each)
