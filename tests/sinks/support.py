"""Alerts as the topic holds them, a sink driven by hand, and an HTTP receiver."""

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web
from aiokafka import ConsumerRecord

from rules.calendar.instants import rfc3339
from rules.messages import alerts
from rules.messages.alerts import Alert
from streams.clock import wall_ms
from streams.sinks.base import Offsets, Record, Sink
from streams.views.acks import Ack, encode
from streams.views.mutes import Mutes
from tests.support.ports import free_port
from tests.web.records import Log


def alert(
    order: str | None = "1",
    revision: int = 1,
    state: str = "open",
    shop: str = "s17",
    platform: str = "joom",
    **data: Any,
) -> bytes:
    """One record of the `alerts` topic; `data` replaces what is in it."""
    name = f"{platform}.late:{platform}/{shop}:{order or '-'}:-"
    kind = "resolved" if state == "resolved" else "opened" if revision == 1 else "updated"
    record = {
        "specversion": "1.0",
        "id": f"{name}/{revision}",
        "source": "shipclock",
        "type": f"alert.{kind}",
        "time": rfc3339(wall_ms()),
        "platform": platform,
        "shop": shop,
        "data": {
            "alert": name,
            "revision": revision,
            "rule": f"{platform}.late",
            "clause": f"{platform}-1",
            "state": state,
            "severity": "critical",
            "stage": "overdue",
            "reason": "fulfilled" if state == "resolved" else "deadline_passed",
            "opened_at": rfc3339(wall_ms() - 60_000),
            "due_at": None,
            "summary": f"Order {order} is late",
            "title": "Shipped late",
            "titles": {"en": "Shipped late", "zh": "逾时未发货"},
            "link": f"/#/alerts/{name}",
            "value": None,
            "threshold": None,
            "headroom": None,
            "evidence": {},
            "penalty": None,
            "actions": [],
        }
        | data,
    }
    if order is not None:
        record["order"] = order
    return orjson.dumps(record)


def read(value: bytes) -> Alert:
    return alerts.decode(value)


def name_of(value: bytes) -> str:
    return read(value).data.alert


def record(
    value: bytes | None, offset: int, key: str | None = None, partition: int = 0, at_ms: int | None = None
) -> Record:
    """As aiokafka hands it over; the key of an alert is its id."""
    name = key if key is not None else name_of(value or b"")
    at_ms = wall_ms() if at_ms is None else at_ms
    return ConsumerRecord("alerts", partition, offset, at_ms, 0, name.encode(), value, None, len(name), 0, ())


def muted(value: bytes, **ack: Any) -> tuple[Mutes, Log]:
    """Somebody has muted this alert, as a view of these records knows."""
    log, mutes = Log(), Mutes()
    log.alerts(value)
    held = log.view.alerts.get(name_of(value))
    assert held is not None
    muted = Ack(alert=held.id, kind="muted", at=rfc3339(wall_ms()), seen_step=held.step(), **ack)
    log.ack(muted.key(), encode(muted))
    mutes.follow(log.view)
    return mutes, log


class Hand:
    """Drives a sink as a runner does, over one partition's log that grows by `send`."""

    def __init__(self, sink: Sink, partition: int = 0) -> None:
        self.sink, self.partition = sink, partition
        self.log: list[Record] = []
        self.at = 0
        self.rebuilt = False

    async def assigned(self, resume: int = 0) -> None:
        self.at = await self.sink.assigned(self.partition, Offsets(0, resume, len(self.log)))
        self.rebuilt = False

    def write(self, *values: bytes | None, key: str | None = None, at_ms: int | None = None) -> None:
        """Puts records on the log."""
        for value in values:
            self.log.append(record(value, len(self.log), key, self.partition, at_ms))

    async def run(self, now_ms: int | None = None) -> None:
        """Takes what is new, and ticks."""
        if self.at < len(self.log):
            await self.sink.deliver(self.partition, self.log[self.at :])
            self.at = len(self.log)
        if not self.rebuilt:
            await self.sink.caught_up(self.partition)
            self.rebuilt = True
        await self.sink.tick(wall_ms() if now_ms is None else now_ms)

    async def send(self, *values: bytes | None, key: str | None = None) -> None:
        self.write(*values, key=key)
        await self.run()


class Receiver:
    """An HTTP server that keeps what it is sent; `answers` are the statuses of the next answers, then 200. Each answer
    leads to `elsewhere`, where that is given and the status is one that leads."""

    def __init__(self, answers: Sequence[int] = (), elsewhere: str = "") -> None:
        self.answers = list(answers)
        self._headers = {"Location": elsewhere} if elsewhere else {}
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._runner: web.AppRunner

    async def __aenter__(self) -> "Receiver":
        app = web.Application()
        app.router.add_route("*", "/hook{rest:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200, headers=self._headers)

    @property
    def bodies(self) -> list[Any]:
        return [orjson.loads(body) for _, body in self.requests]


class Naps:
    """Stands for `asyncio.sleep` in a delivery: remembers how long it would have slept."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
