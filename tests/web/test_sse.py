"""Server-sent events: what changes, to each who listens, without a gap."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams.web import sse
from streams.web.sse import stream
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import Log, alert, alert_id, standing


def parsed(frame: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in frame.decode().splitlines() if ": " in line)


def frames_of(log: Log, since: str | None = None) -> AsyncIterator[bytes]:
    return stream(log.view, log.view.feed.listen(), since)


def each_of(frames: bytes) -> list[dict[str, str]]:
    return [parsed(frame) for frame in frames.split(b"\n\n")[:-1]]


async def test_a_stream_begins_with_ready_and_goes_on_with_what_changes() -> None:
    log = Log()
    log.alerts(alert("before"))
    frames = frames_of(log)
    ready = parsed(await anext(frames))
    assert (ready["event"], ready["data"]) == ("ready", '{"resumed":false}')
    waiting = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    log.alerts(alert("1"))
    log.standings(standing())
    first, second = each_of(await waiting)
    assert [first["event"], second["event"]] == ["alert", "shop"]
    assert alert_id("1") in first["data"]
    assert first["id"] != second["id"] == log.view.feed.place


async def test_a_change_is_encoded_once_for_all_who_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    log, encoded = Log(), []
    encode = sse._encode
    monkeypatch.setattr(sse, "_encode", lambda view, change: encoded.append(change.key) or encode(view, change))
    listening = [frames_of(log) for _ in range(3)]
    for frames in listening:
        await anext(frames)
    log.alerts(alert("1"), alert("2"))
    log.standings(standing())
    sent = [await anext(frames) for frames in listening]
    assert len(set(sent)) == 1
    assert [each["event"] for each in each_of(sent[0])] == ["alert", "alert", "shop"]
    assert len(encoded) == 3


async def test_a_change_after_another_of_the_same_alert_is_told_as_it_is_then() -> None:
    log = Log()
    quick, slow = frames_of(log), frames_of(log)
    await anext(quick), await anext(slow)
    log.alerts(alert("1"))
    await anext(quick)
    log.alerts(alert("1", 2, stage="overdue"))
    (event,) = each_of(await anext(slow))
    assert '"stage":"overdue"' in event["data"].replace(" ", "")


class Caller:
    """Somebody who asks for /api/events over ASGI, and hangs up when told to."""

    def __init__(self, asgi: Any) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self._hang_up = asyncio.Event()
        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "path": "/api/events"}
        scope |= {"raw_path": b"/api/events", "query_string": b"", "headers": headers, "root_path": "", "client": None}
        self._asked = asyncio.create_task(asgi(scope, self._receive, self.heard.put))

    async def _receive(self) -> dict[str, str]:
        await self._hang_up.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        return int((await self.heard.get())["status"])

    async def hang_up(self) -> None:
        self._hang_up.set()
        await self._asked


async def test_only_so_many_may_listen_and_a_place_is_free_again_once_one_has_gone(api: Api) -> None:
    callers = [Caller(api.asgi) for _ in range(3)]
    assert [await caller.status() for caller in callers] == [200, 200, 503]
    refused = await api.client.get("/api/events")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    await callers[0].hang_up()
    another = Caller(api.asgi)
    assert await another.status() == 200
    for caller in (callers[1], another):
        await caller.hang_up()
    assert api.log.view.feed.listeners == 0


async def test_a_listener_who_is_gone_before_the_first_word_takes_no_place(api: Api) -> None:
    caller = Caller(api.asgi)
    await caller.hang_up()
    assert api.log.view.feed.listeners == 0


async def test_a_stream_goes_on_from_the_last_event_heard() -> None:
    log = Log()
    frames = frames_of(log)
    place = parsed(await anext(frames))["id"]
    log.alerts(alert("missed"))
    frames = frames_of(log, place)
    assert parsed(await anext(frames))["data"] == '{"resumed":true}'
    assert alert_id("missed") in parsed(await anext(frames))["data"]


async def test_whoever_asks_for_the_head_of_the_stream_only_is_answered_at_once(api: Api) -> None:
    answer = await api.client.head("/api/events")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_stream_cut_off_while_it_tells_what_was_missed_tells_it_again() -> None:
    log = Log()
    before = log.view.feed.place
    log.alerts(alert("1"), alert("2"), alert("3"))
    frames = frames_of(log, before)
    ready, (first, second, third) = parsed(await anext(frames)), each_of(await anext(frames))
    assert ready["id"] == first["id"] == second["id"] == before
    assert third["id"] == log.view.feed.place


async def test_a_silent_stream_gives_a_sign_of_life_and_ends_when_the_worker_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)
    log = Log()
    frames = frames_of(log)
    await anext(frames)
    assert await anext(frames) == b": still here\n\n"
    log.view.feed.close()
    assert [frame async for frame in frames if not frame.startswith(b":")] == []
