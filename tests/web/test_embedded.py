"""The web of the real worker, on the embedded broker."""

import asyncio
import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import TopicPartition
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from rules.calendar.instants import HOUR_MS
from streams.cli import main
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames
from streams.views import reader
from tests.runtime.support import LATE_MS, LONG_S, START_MS, event, until
from tests.runtime.workers import SHIPCLOCK, WorkerProcess
from tests.web.support import Worker, working

TOKEN = "correct-horse-battery"


async def placed(worker: Worker, *orders: str, tick_ms: int = START_MS + LATE_MS) -> None:
    """Orders that are late by then."""
    await worker.send(*(event("order.placed", START_MS, order) for order in orders))
    await worker.tick(tick_ms)


# -- reading -------------------------------------------------------------------------------------------------


async def test_what_the_worker_finds_is_told_over_http(worker: Worker) -> None:
    await placed(worker, "1", "2", tick_ms=START_MS + LATE_MS - HOUR_MS)
    await worker.send(event("order.placed", START_MS + HOUR_MS, "3"))
    due = await worker.listed("/api/due", lambda items: len(items) == 3)
    assert [(each["order"], each["due_at"]) for each in due] == [
        ("1", "2026-01-04T00:00:00Z"),
        ("2", "2026-01-04T00:00:00Z"),
        ("3", "2026-01-04T01:00:00Z"),
    ]
    assert due[0] == {
        "platform": "joom",
        "shop": "s17",
        "warehouse": "default",
        "order": "1",
        "due_at": "2026-01-04T00:00:00Z",
        "skus": [],
        "items": [],
        "packed": None,
        "carrier": None,
        "logistics": None,
        "rules": ["late.ship"],
        "saves": {"clauses": []},
    }
    await worker.tick(START_MS + LATE_MS)
    alerts = await worker.listed("/api/alerts?severity=critical", lambda items: len(items) == 2)
    found = await worker.get(f"/api/alerts/{alerts[0]['data']['alert']}")
    assert [each["data"]["severity"] for each in found["trail"]] == ["info", "warning", "critical"]

    await worker.send(event("order.shipped", START_MS + LATE_MS, "1"))
    await worker.listed("/api/due", lambda items: [each["order"] for each in items] == ["2", "3"])
    shop = await worker.get("/api/shops/joom/s17")
    assert (shop["open_alerts"], shop["due_total"]) == (2, 2)
    assert await worker.items("/api/shops") == [shop]


@pytest.mark.slow
async def test_a_restart_answers_as_before(broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path) as first:
        await placed(first, "1")
        before = await first.listed("/api/alerts")
        await first.listed("/api/shops", lambda items: items and items[0]["open_alerts"] == 1)
    async with working(broker.bootstrap, tmp_path) as second:
        assert await second.items("/api/alerts") == before
        assert [each["open_alerts"] for each in await second.items("/api/shops")] == [1]


async def test_only_while_a_backlog_is_read_the_console_takes_its_time(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[float] = []

    async def rest(until: asyncio.Event, **limit: float) -> None:
        if not until.is_set():
            rested.append(limit["timeout"])
        await asyncio.sleep(0)

    monkeypatch.setattr(worker.web.reader, "wait", rest)
    monkeypatch.setattr(worker.web.reader, "_is_busy", lambda: False)  # as it may be itself on a slow machine
    monkeypatch.setattr(reader, "monotonic", count(step=0.005).__next__)  # what it does takes 5 ms each time
    await placed(worker, "1")
    await worker.listed("/api/alerts")
    assert rested == []
    monkeypatch.setattr(worker.web.reader, "_is_busy", lambda: True)
    await placed(worker, "2")
    await worker.listed("/api/alerts", lambda items: len(items) == 2)
    assert {round(seconds, 6) for seconds in rested} == {0.5}
    waiting = asyncio.create_task(worker.web.reader.has_read(TopicPartition("alerts", 2), 1_000))
    await asyncio.sleep(0)
    rested.clear()
    await placed(worker, "3")
    await worker.listed("/api/alerts", lambda items: len(items) == 3)
    assert rested == []  # somebody waits for what it shows
    waiting.cancel()


async def test_what_others_do_meanwhile_is_not_held_against_the_view(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, rested = 0.0, list[float]()

    class NothingToRead:
        async def getmany(self, **limits: int) -> dict[TopicPartition, list[Any]]:
            nonlocal now_s
            now_s += 0.005
            return {}

        async def position(self, tp: TopicPartition) -> int:
            return 0

    async def commit_cycles() -> None:
        nonlocal now_s
        while True:
            now_s += 1.0
            await asyncio.sleep(0)

    async def rest(until: asyncio.Event, **limit: float) -> None:
        rested.append(limit["timeout"])

    monkeypatch.setattr(reader, "monotonic", lambda: now_s)
    monkeypatch.setattr(worker.web.reader, "wait", rest)
    others = asyncio.create_task(commit_cycles())
    for _ in range(3):
        await worker.web.reader._read_some_and_rest(NothingToRead())
        await asyncio.sleep(0)
    others.cancel()
    assert rested == [pytest.approx(0.5)] * 3


async def test_a_view_that_rests_is_woken_by_who_waits_for_what_it_shows(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await placed(worker, "1")
    [alert] = await worker.listed("/api/alerts")
    resting, wait = asyncio.Event(), worker.web.reader.wait

    async def rest_for_long(until: asyncio.Event, **limit: float) -> None:
        resting.set()
        await wait(until, timeout=10 * LONG_S)

    monkeypatch.setattr(worker.web.reader, "wait", rest_for_long)
    monkeypatch.setattr(worker.web.reader, "_is_busy", lambda: True)
    await until(resting.is_set)
    remarked = await post(worker, "acknowledge", alert["data"]["alert"], comment="on it", by="li")
    assert remarked["acknowledged"]["comment"] == "on it"


# -- acknowledging and muting --------------------------------------------------------------------------------


async def post(worker: Worker, what: str, alert: str, **body: Any) -> Any:
    answer = await worker.client.post(f"/api/alerts/{alert}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.slow
async def test_who_acknowledges_sees_it_at_once_and_it_is_there_after_a_restart(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    end = (datetime.now(UTC) + timedelta(hours=4)).replace(microsecond=0)
    async with working(broker.bootstrap, tmp_path) as first:
        await placed(first, "1")
        (alert,) = await first.listed("/api/alerts")
        name = alert["data"]["alert"]
        remarked = await post(first, "acknowledge", name, comment="on it 👍", by="李", until=end.isoformat())
        assert (remarked["acknowledged"]["comment"], remarked["acknowledged"]["by"]) == ("on it 👍", "李")
        assert remarked["acknowledged"]["until"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert (await first.get(f"/api/alerts/{name}"))["acknowledged"] == remarked["acknowledged"]
    async with working(broker.bootstrap, tmp_path) as second:
        assert (await second.get(f"/api/alerts/{name}"))["acknowledged"] == remarked["acknowledged"]
        lifted = await second.client.delete(f"/api/alerts/{name}/acknowledge")
        assert lifted.json()["acknowledged"] is None
        assert (await second.get(f"/api/alerts/{name}"))["acknowledged"] is None


async def test_a_mute_never_hides_a_worsening(worker: Worker) -> None:
    await placed(worker, "1", tick_ms=START_MS + LATE_MS - 24 * HOUR_MS)
    (alert,) = await worker.listed("/api/alerts")
    name = alert["data"]["alert"]
    seen_step = (await post(worker, "mute", name, comment="known"))["muted"]["sight"]
    assert (seen_step["severity"], seen_step["stage"]) == (1, "due_soon")
    assert (await worker.items("/api/alerts"))[0]["muted"]["comment"] == "known"
    await worker.tick(START_MS + LATE_MS - 6 * HOUR_MS)
    (alert,) = await worker.listed("/api/alerts?severity=warning")
    assert (alert["data"]["stage"], alert["muted"]) == ("due_soon", None)


# -- events --------------------------------------------------------------------------------------------------


class Line:
    """A stream of events as a client reads it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self, *names: str) -> dict[str, Any]:
        """The next event of these names."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(LONG_S):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if line:
                    event[field] = value
                elif event.get("event") in names:
                    return event | {"data": json.loads(event["data"])}
                else:
                    event = {}
        raise AssertionError("the stream has ended")


async def test_alerts_are_heard_of_live_and_from_where_one_was(worker: Worker) -> None:
    async with worker.client.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        line = Line(answer)
        assert (await line.next("ready"))["data"] == {"resumed": False}
        await placed(worker, "1")
        heard = await line.next("alert")
        while heard["data"]["data"]["severity"] != "critical":
            heard = await line.next("alert")
        assert heard["data"]["order"] == "1"
        await post(worker, "acknowledge", heard["data"]["data"]["alert"], comment="seen")
        assert (await line.next("alert"))["data"]["acknowledged"]["comment"] == "seen"
    await worker.send(event("order.shipped", START_MS + LATE_MS + HOUR_MS, "1"))
    await worker.tick(START_MS + LATE_MS + HOUR_MS)
    await worker.listed("/api/alerts?state=resolved")
    async with worker.client.stream("GET", "/api/events", headers={"last-event-id": heard["id"]}) as answer:
        line = Line(answer)
        assert (await line.next("ready"))["data"] == {"resumed": True}
        assert (await line.next("alert"))["data"]["type"] == "alert.resolved"


async def test_a_shop_is_heard_of_as_it_changes(worker: Worker) -> None:
    async with worker.client.stream("GET", "/api/events") as answer:
        line = Line(answer)
        await line.next("ready")
        await placed(worker, "1")
        assert (await line.next("shop"))["data"]["shop"] == "s17"


async def test_a_stream_does_not_keep_the_worker_from_stopping(broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path) as worker, worker.client.stream("GET", "/api/events") as answer:
        line = Line(answer)
        await line.next("ready")
        async with asyncio.timeout(LONG_S):
            await worker.app.stop()
        with pytest.raises(AssertionError, match="ended"):
            await line.next("alert")


# -- tokens --------------------------------------------------------------------------------------------------


async def test_with_a_token_nothing_is_told_or_changed_without_it(broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path, token=TOKEN) as worker:
        await placed(worker, "1")
        (alert,) = await worker.listed("/api/alerts")
        async with httpx.AsyncClient(base_url=worker.web.address) as stranger:
            for path in ("/api/shops", "/api/events", "/metrics", "/api/nothing"):
                answer = await stranger.get(path)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert (await stranger.post(f"/api/alerts/{alert['data']['alert']}/mute", json={})).status_code == 401
            for path in ("/health/ready", "/", "/console/main.js"):
                assert (await stranger.get(path)).status_code == 200
        assert (await worker.get(f"/api/alerts/{alert['data']['alert']}"))["muted"] is None
        async with worker.client.stream("GET", "/api/events") as answer:
            await Line(answer).next("ready")


# -- the process ---------------------------------------------------------------------------------------------


@pytest.fixture
def environment(broker: EmbeddedBroker, tmp_path: Path) -> dict[str, str]:
    for topic in TopicNames("", "shipclock").all:  # they appear on first use
        AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(topic)
    return {
        "SHIPCLOCK_BROKER": f"kafka://{broker.bootstrap}",
        "SHIPCLOCK_DATADIR": str(tmp_path / "data"),
        "SHIPCLOCK_WEB_PORT": "0",
    }


def address(running: WorkerProcess) -> str | None:
    _, found, rest = running.log().partition("console and API on ")
    return rest.split()[0] if found else None


async def test_the_worker_serves_its_console_and_ends_cleanly_while_somebody_listens(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with WorkerProcess(environment | {"SHIPCLOCK_TOKEN": TOKEN}, tmp_path / "worker.log") as running:
        await running.ready()
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=await until(lambda: address(running)), headers=headers) as client:

            async def ready() -> bool:
                return (await client.get("/health/ready")).status_code == 200

            await until(ready)
            assert "<title>shipclock</title>" in (await client.get("/")).text
            async with client.stream("GET", "/api/events") as answer:
                await Line(answer).next("ready")
                assert await running.stop() == 0
        assert TOKEN not in running.log()


def test_a_port_that_is_taken_is_told_before_anything_begins(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = CliRunner().invoke(main, ["worker"], env=environment | {"SHIPCLOCK_WEB_PORT": port})
    assert (ended.exit_code, ended.stderr.count("\n")) == (2, 1)
    assert f"SHIPCLOCK_WEB_HOST=127.0.0.1 SHIPCLOCK_WEB_PORT={port} can't be listened on" in ended.stderr


def test_beyond_this_machine_there_is_no_web_without_a_token(environment: dict[str, str]) -> None:
    ended = CliRunner().invoke(main, ["worker"], env=environment | {"SHIPCLOCK_WEB_HOST": "0.0.0.0"})
    assert (ended.exit_code, ended.stderr.count("\n")) == (2, 1)
    assert "set SHIPCLOCK_TOKEN or SHIPCLOCK_TOKEN_FILE" in ended.stderr


async def test_the_demo_prints_where_its_console_is_and_takes_another_port_if_need_be(tmp_path: Path) -> None:
    with socket.socket() as taken:
        ours = _can_be_taken(taken, 6066)
        running = await asyncio.create_subprocess_exec(
            SHIPCLOCK,
            "demo",
            cwd=tmp_path,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert running.stdout is not None
        first = (await running.stdout.readline()).decode()
        try:
            assert first.startswith("console: http://127.0.0.1:")
            assert not (ours and first.endswith(":6066/\n")), "whoever else had it may have let it go"
            async with httpx.AsyncClient() as client:
                assert "<title>shipclock</title>" in (await client.get(first.split()[1])).text
        finally:
            running.terminate()
            await running.communicate()


def _can_be_taken(taker: socket.socket, port: int) -> bool:
    with suppress(OSError):
        taker.bind(("127.0.0.1", port))
        return True
    return False
