"""``python -m tests.bench.receive``: `shipclock receive` under a steady load of pushes, on real Kafka.

The receiver is on the first core; broker and senders share the last. Pushes begin by the clock and not by the answers
before them, and each one's time counts from when it was due. It fails where a push was not answered as stored, where
the 99th percentile is above the limit, or where the topic holds another number than was answered.
"""

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.bench.figure import Figure
from tests.bench.parts import measure_alone
from tests.feeds.receiving import Push, from_lazada, from_shopee, settings_file
from tests.feeds.support import shopee
from tests.runtime.support import until
from tests.runtime.workers import SHIPCLOCK, WorkerProcess
from tests.support.kafka import Kafka, count_records

LISTENS = "pushes are taken on "
LIMIT_MS = 100.0
WARM_UP_S = 5.0
"""Java is slow at first."""
ANSWER_S = 30.0
"""A push that isn't answered within this counts as such."""

UNANSWERED = 0

PER_S, SECONDS = 500.0, 60.0
COMMAND = "python -m tests.bench.receive --per-s {per_s:g} --seconds {seconds:g}"


@dataclass
class Senders:
    """Keeps connections open and uses one for each push, as senders do; opens another where all are in use."""

    host: str
    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)
    opened: int = 0
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def send(self, request: bytes, due_s: float) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                status = await self._exchange(request)
        except (OSError, EOFError, TimeoutError):
            status = UNANSWERED
        self.statuses[status] += 1
        self.took_ms.append((asyncio.get_running_loop().time() - due_s) * 1000)

    async def _exchange(self, request: bytes) -> int:
        while self._idle:
            with contextlib.suppress(OSError, EOFError):  # the receiver closes what was idle for long
                return await self._over(*self._idle.pop(), request)
        self.opened += 1
        return await self._over(*await asyncio.open_connection(self.host, self.port), request)

    async def _over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        if count := int(length.split(b"\r\n")[0] or 0):
            await reader.readexactly(count)
        self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1])

    async def load(self, requests: list[bytes], per_s: float) -> None:
        """Each at its time, whatever became of those before it."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        async with asyncio.TaskGroup() as group:
            for n, request in enumerate(requests):
                due_s = began_s + n / per_s
                if (left_s := due_s - loop.time()) > 0:
                    await asyncio.sleep(left_s)
                group.create_task(self.send(request, due_s))

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


@dataclass(frozen=True)
class Received:
    """What came of the pushes: `stored` records, and CPU seconds of the receiver."""

    senders: Senders
    stored: int
    cpu_s: float

    @property
    def count(self) -> int:
        return len(self.senders.took_ms)

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        return sorted(self.senders.took_ms)[min(self.count - 1, int(self.count * share))]

    def wrong(self) -> list[str]:
        """What isn't as it should be, in words."""
        good = sum(times for status, times in self.senders.statuses.items() if 200 <= status < 300)
        found = []
        if not good == self.stored == self.count:
            statuses = dict(sorted(self.senders.statuses.items()))
            found.append(f"of {self.count} pushes {good} were answered as stored and {self.stored} were: {statuses}")
        if self.percentile(0.99) >= LIMIT_MS:
            found.append(f"the 99th percentile is {LIMIT_MS:.0f} ms or more")
        return found

    def figures(self, command: str, per_s: float) -> list[Figure]:
        at = f"{per_s:,.0f} pushes a second"
        return [
            Figure(f"{at}, answered", self.count - self.senders.statuses[UNANSWERED], "", command),
            Figure(f"{at}, stored", self.stored, "", command),
            Figure(f"{at}, connections opened", self.senders.opened, "", command),
            Figure(f"{at}, median", self.percentile(0.5), "ms", command),
            Figure(f"{at}, 99th percentile", self.percentile(0.99), "ms", command),
            Figure(f"{at}, longest", self.percentile(1.0), "ms", command),
            Figure(f"{at}, the receiver's CPU a push", self.cpu_s / self.count * 1000, "ms", command),
        ]


def written(push: Push, host: str) -> bytes:
    """As HTTP/1.1."""
    path, body, headers = push
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "User-Agent: sender/1.0", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def pushes(count: int) -> list[Push]:
    """Of two platforms, and of a hundred shops."""
    made = []
    for n in range(count):
        if n % 2:
            line = {"order_status": "pending", "trade_order_id": str(n), "status_update_time": 1_793_784_600}
            made.append(from_lazada({"seller_id": str(n % 50), "message_type": 0, "data": line}))
        else:
            made.append(from_shopee(shopee(ordersn=f"26110{n:08}") | {"shop_id": 910_044_000 + n % 50}))
    return made


async def measure(kafka: Kafka, core: int, per_s: float, seconds: float, folder: Path) -> Received:
    environment = os.environ | {
        "SHIPCLOCK_BROKER": f"kafka://{kafka.bootstrap}",
        "SHIPCLOCK_FEEDS": str(settings_file(folder)),
    }
    async with WorkerProcess(environment, folder / "receive.log", (SHIPCLOCK, "receive")) as receiver:
        os.sched_setaffinity(receiver.process.pid, {core})
        await until(lambda: LISTENS in receiver.log())
        address = urlsplit(receiver.log().partition(LISTENS)[2].split("feeds/")[0])
        host, port = address.hostname or "", address.port or 0
        requests = [written(push, host) for push in pushes(int(per_s * (seconds + WARM_UP_S)))]
        warm, counted = requests[: int(per_s * WARM_UP_S)], requests[int(per_s * WARM_UP_S) :]

        async def is_ready() -> bool:
            trial = Senders(host, port)
            await trial.send(requests[0], 0.0)
            trial.close()
            return trial.statuses[204] == 1

        await until(is_ready)
        warming = Senders(host, port)
        await warming.load(warm, per_s)
        warming.close()
        before = await count_records(kafka.bootstrap, "inbox")
        process = psutil.Process(receiver.process.pid)
        cpu_s = sum(process.cpu_times()[:2])
        senders = Senders(host, port)
        await senders.load(counted, per_s)
        cpu_s = sum(process.cpu_times()[:2]) - cpu_s
        stored = await count_records(kafka.bootstrap, "inbox") - before
        senders.close()
    return Received(senders, stored, cpu_s)


async def figures(kafka: Kafka, core: int, per_s: float = PER_S, seconds: float = SECONDS) -> list[Figure]:
    """Raises ValueError where not all was as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        received = await measure(kafka, core, per_s, seconds, Path(folder))
    found = received.figures(COMMAND.format(per_s=per_s, seconds=seconds), per_s)
    if wrong := received.wrong():
        raise ValueError("; ".join([*wrong, *map(str, found)]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receive", description=__doc__)
    parser.add_argument("--per-s", type=float, default=PER_S, help="pushes in a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    measure_alone(lambda kafka, core, _: figures(kafka, core, given.per_s, given.seconds))


if __name__ == "__main__":
    main()
