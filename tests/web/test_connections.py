"""Connections over real sockets: too many, too slow, and none left to open."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from streams.web import connections
from streams.web.connections import Limits, limits, peer_of
from streams.web.operations import routes
from streams.web.server import Server, listen
from streams.web.sse import Events
from tests.runtime.support import LONG_S, until
from tests.web.records import Log, alert

HELLO = b"GET /hello HTTP/1.1\r\nhost: h\r\n\r\n"
BIG = 50_000_000
"""Bytes: more than fits between two sockets."""


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answers /hello at once, /big with more than is read, and anything else only when the peer has gone."""
    if scope["path"] not in ("/hello", "/big"):
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    body = b"x" * BIG if scope["path"] == "/big" else b"hello"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Site:
    """A server, and whoever connects to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lines: list[Line] = []

    async def connect(self, text: bytes = b"") -> Line:
        line = await asyncio.open_connection("127.0.0.1", self.port)
        line[1].write(text)
        self.lines.append(line)
        return line

    async def status(self) -> int:
        """What somebody is answered who asks for a greeting."""
        reader, _ = await self.connect(HELLO)
        return await status_on(reader)


async def status_on(reader: asyncio.StreamReader) -> int:
    return int((await reader.readuntil(b"\r\n\r\n")).split()[1])


async def is_closed(line: Line) -> bool:
    try:
        return await line[0].read() == b""
    except ConnectionResetError:
        return True


@asynccontextmanager
async def serving(bounds: Limits, app: Any = hello) -> AsyncIterator[Site]:
    listening = listen("127.0.0.1", 0)
    server = Server(app, bounds)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    site = Site(listening.getsockname()[1])
    try:
        async with asyncio.timeout(LONG_S):
            yield site
    finally:
        for _, writer in site.lines:
            writer.transport.abort()
        server.should_exit = True
        await running


def refusals(why: str) -> float:
    return REGISTRY.get_sample_value("shipclock_web_refusals_total", {"why": why}) or 0.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PEER_S", 0.05)
    monkeypatch.setattr(connections, "CHECK_S", 0.01)


# -- too many ------------------------------------------------------------------------------------------------


async def test_half_a_request_makes_room_for_whoever_comes_next() -> None:
    async with serving(Limits(total=20, per_peer=3, listeners=1)) as site:
        waiting = [await site.connect(HELLO[:10]) for _ in range(3)]
        before = refusals("connections")
        assert [await site.status() for _ in range(10)] == [200] * 10
        for line in waiting:
            assert await is_closed(line)
        assert refusals("connections") > before


async def test_the_limit_in_total_holds_whoever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = iter(range(100))
    monkeypatch.setattr(connections, "peer_of", lambda address: str(next(peers)))
    async with serving(Limits(total=3, per_peer=3, listeners=1)) as site:
        first = [await site.connect(HELLO[:10]) for _ in range(3)]
        assert await site.status() == 200
        assert await is_closed(first[0])


async def test_where_all_wait_for_an_answer_the_next_is_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    before = refusals("connections")
    async with serving(Limits(total=20, per_peer=2, listeners=1)) as site:
        busy = [await site.connect(HELLO.replace(b"hello", b"wait")) for _ in range(2)]
        refused = await until(lambda: turned_away(site))
        assert refused == 503
        assert refusals("connections") > before
        assert "more connections than there may be: one from 127.0.0.1 is turned away" in caplog.text
        busy[0][1].transport.abort()
        assert await until(lambda: answered(site))


async def turned_away(site: Site) -> int | None:
    status = await site.status()
    return status if status != 200 else None


async def answered(site: Site) -> bool:
    return await site.status() == 200


def test_half_of_the_files_are_left_to_others_and_a_peers_listeners_leave_it_room() -> None:
    for most in (8, 100, 512):
        found = limits(most)
        assert found.total <= most
        assert 0 < found.listeners < found.per_peer < found.total


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("10.0.0.7", 4), "10.0.0.7"),
        (("::ffff:10.0.0.7", 4, 0, 0), "10.0.0.7"),
        (("2001:db8:1:2:3:4:5:6", 4, 0, 0), "2001:db8:1:2::"),
        (("2001:db8:1:2::9", 4, 0, 0), "2001:db8:1:2::"),
        (("fe80::1%eth0", 4, 0, 2), "fe80::"),
    ],
)
def test_a_peer_is_an_address_or_the_network_that_one_host_is_given(address: tuple[Any, ...], peer: str) -> None:
    assert peer_of(address) == peer


# -- too slow ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", HELLO[:10], b"POST /wait HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nhalf"])
@pytest.mark.usefixtures("impatient")
async def test_a_request_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    before = refusals("slow")
    async with serving(Limits(20, 20, 1)) as site:
        assert await is_closed(await site.connect(sent))
    assert refusals("slow") - before == 1


@pytest.mark.usefixtures("impatient")
async def test_drops_of_a_request_do_not_win_time() -> None:
    async with serving(Limits(20, 20, 1)) as site:
        reader, writer = await site.connect(b"GET /hello HTTP/1.1\r\n")
        closed = asyncio.create_task(is_closed((reader, writer)))
        while not closed.done():
            writer.write(b"x: y\r\n")
            await asyncio.sleep(0.005)
        assert await closed


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_nobody_reads_is_broken_off() -> None:
    async with serving(Limits(20, 20, 1)) as site:
        reader, writer = await site.connect(HELLO.replace(b"hello", b"big"))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        before = refusals("slow")
        await until(lambda: refusals("slow") > before)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(BIG)


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_takes_long_is_waited_for() -> None:
    async with serving(Limits(20, 20, 1)) as site:
        busy = await site.connect(HELLO.replace(b"hello", b"wait"))
        others = [await site.connect() for _ in range(3)]
        for line in others:  # by then it has waited as long as they have
            assert await is_closed(line)
        assert not busy[0].at_eof()


# -- no file left --------------------------------------------------------------------------------------------


async def test_out_of_files_accepting_rests_and_goes_on_by_itself() -> None:
    command = sys.executable, "-m", "tests.web.few_files"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(LONG_S):
        total, port = map(int, (await process.stdout.readline()).split())
        assert total == 32
        process.send_signal(signal.SIGUSR1)
        assert await process.stdout.readline() == b"full\n"
        site = Site(port)
        asked = [await site.connect(HELLO) for _ in range(10)]
        output = await process.stderr.readline()
        assert b"no connection can be accepted: [Errno 24] Too many open files" in output
        process.send_signal(signal.SIGUSR2)
        assert [await status_on(reader) for reader, _ in asked] == [200] * 10
        for _, writer in site.lines:
            writer.close()
        process.terminate()
        rest = await process.stderr.read()
        await process.wait()
    assert len(re.findall(b"no connection can be accepted", rest)) <= 1


# -- listeners -----------------------------------------------------------------------------------------------


async def test_listeners_who_hang_up_leave_no_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    app = Starlette(routes=routes(Events(log.view, most=9)))
    async with serving(Limits(20, 20, 9), app) as site:
        for _ in range(9):
            reader, _ = await site.connect(b"GET /api/events HTTP/1.1\r\nhost: h\r\n\r\n")
            await reader.readuntil(b"event: ready\n")
        for _, writer in site.lines:
            writer.transport.abort()
        while log.view.feed.listeners:
            log.alerts(*(alert(str(n)) for n in range(100)))
            await asyncio.sleep(0)
    assert "socket.send()" not in caplog.text


@pytest.mark.usefixtures("impatient")
async def test_a_listener_who_does_not_read_is_cut_off_and_resumes_later() -> None:
    log = Log()
    app = Starlette(routes=routes(Events(log.view, most=1)))
    async with serving(Limits(20, 20, 1), app) as site:
        reader, writer = await site.connect(b"GET /api/events HTTP/1.1\r\nhost: h\r\n\r\n")
        place = re.findall(rb"id: (\S+)", await reader.readuntil(b"event: ready\n"))[0]
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        log.alerts(*(alert(str(n), summary="x" * 50_000) for n in range(900)))
        await until(lambda: not log.view.feed.listeners)
        reader, _ = await site.connect(b"GET /api/events HTTP/1.1\r\nhost: h\r\nlast-event-id: %b\r\n\r\n" % place)
        assert b'data: {"resumed":true}' in await reader.readuntil(b"true}")
