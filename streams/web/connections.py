"""Limits on HTTP connections, so that they can't take the resources that Kafka and the engine need.

uvicorn accepts any number of connections and waits for any time, and asyncio's `accept` logs thousands of errors a
second once file descriptors run out. Here connections are accepted one by one, within a limit in total and per peer,
with a time-out for slow peers and a pause when nothing can be accepted.
"""

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from time import monotonic
from typing import Any, NamedTuple

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from streams.metrics import web
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())
logging.getLogger("uvicorn.error").addFilter(PacedLog())  # a sender of bad requests could flood the log

MOST_CONNECTIONS = 512
"""Fewer if the process may open fewer files: half of those are left to Kafka, snapshots and sinks."""

PEER_S = 10.0
"""How long a peer may take to send the rest of a request, or to read an answer."""

CHECK_S = 1.0
BACKLOG = 512
AT_ONCE = 64
"""Connections accepted before the event loop's other tasks run."""

SHORTEST_REST_S, LONGEST_REST_S = 0.25, 4.0
"""How long to accept nothing after an error, doubling each time."""

FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Limits(NamedTuple):
    """The most connections in total and per peer (an address), and the most `listeners`: fewer than a peer's
    connections, so that they leave some for its other requests."""

    total: int
    per_peer: int
    listeners: int


def limits(most: int = MOST_CONNECTIONS) -> Limits:
    """Limits within `ulimit -n`."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    total = most if files == resource.RLIM_INFINITY else max(8, min(most, files // 2))
    return Limits(total, total // 2, total * 3 // 8)


class Connection(H11Protocol):
    """uvicorn's connection, which knows whether its peer is slow. `on_lost` is called when it is gone."""

    def __init__(self, on_lost: Callable[["Connection"], None], **others: Any) -> None:
        super().__init__(**others)
        self._on_lost = on_lost
        self._has_begun = False
        self._waits_since_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._has_begun = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._wants_request():
            self._waits_since_s = None

    def resume_writing(self) -> None:
        self._waits_since_s = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._on_lost(self)

    def _wants_request(self) -> bool:
        """Whether a request hasn't come yet, or not all of it."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    @property
    def is_idle(self) -> bool:
        """Whether it can be closed without anybody missing an answer."""
        return self._has_begun and (self.cycle is None or self.cycle.response_complete)

    def check(self, now_s: float) -> None:
        """Closes the connection if its peer has been slow for too long. uvicorn closes kept-alive ones earlier."""
        if not self._has_begun:
            return
        if not (self._wants_request() or self.flow.write_paused or self.transport.is_closing()):
            self._waits_since_s = None
        elif self._waits_since_s is None:
            self._waits_since_s = now_s
        elif now_s - self._waits_since_s >= PEER_S:
            web.REFUSALS.labels("slow").inc()
            self.transport.abort()


class Acceptor:
    """Accepts connections on a listening socket. Replaces uvicorn's asyncio server."""

    def __init__(self, listening: socket.socket, make: Callable[..., Connection], bounds: Limits) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening, self._make, self._limits = listening, make, bounds
        self._peers: dict[str, dict[Connection, None]] = {}  # the oldest of each first
        self._starting: set[asyncio.Task[Any]] = set()
        self._rest_s = SHORTEST_REST_S
        self._timer: asyncio.TimerHandle | None = None
        self._checking: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._listening.setblocking(False)
        self._listening.listen(BACKLOG)
        self._wait()
        self._check_all()

    def close(self) -> None:
        """Accepts no more; existing connections stay."""
        self._loop.remove_reader(self._listening.fileno())
        for timer in (self._timer, self._checking):
            if timer is not None:
                timer.cancel()

    async def wait_closed(self) -> None:
        """Part of the interface that uvicorn expects."""

    def __len__(self) -> int:
        return sum(map(len, self._peers.values()))

    def _wait(self) -> None:
        self._loop.add_reader(self._listening.fileno(), self._accept_some)

    def _accept_some(self) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # out of descriptors or memory; the socket stays ready all the while
                log.error("no connection can be accepted: %s", error)
                self._loop.remove_reader(self._listening.fileno())
                self._timer = self._loop.call_later(self._rest_s, self._wait)
                self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
                return
            self._rest_s = SHORTEST_REST_S
            self._take(accepted, peer_of(address))

    def _take(self, accepted: socket.socket, peer: str) -> None:
        accepted.setblocking(False)
        if not self._has_room(peer):
            _turned_away("one from %s is turned away", peer)
            _refuse(accepted)
            return
        connection = self._make(on_lost=lambda gone: self._lost(gone, peer))
        self._peers.setdefault(peer, {})[connection] = None
        web.CONNECTIONS.set(len(self))
        task = self._loop.create_task(self._begin(accepted, connection, peer))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _begin(self, accepted: socket.socket, connection: Connection, peer: str) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            self._lost(connection, peer)

    def _has_room(self, peer: str) -> bool:
        """If a limit is reached, closes the oldest connection on which nobody waits for an answer."""
        of_peer = self._peers.get(peer, {})
        if len(of_peer) >= self._limits.per_peer:
            return self._close_one(iter(of_peer))
        if len(self) >= self._limits.total:
            return self._close_one(connection for of_one in self._peers.values() for connection in of_one)
        return True

    def _close_one(self, connections: Iterator[Connection]) -> bool:
        found = next((each for each in connections if each.is_idle and not each.transport.is_closing()), None)
        if found is None:
            return False
        _turned_away("the oldest idle one, of %s, makes room", found.client)
        found.transport.abort()
        return True

    def _lost(self, connection: Connection, peer: str) -> None:
        of_peer = self._peers.get(peer, {})
        of_peer.pop(connection, None)
        if not of_peer:
            self._peers.pop(peer, None)
        web.CONNECTIONS.set(len(self))

    def _check_all(self) -> None:
        now_s = monotonic()
        for connection in [each for of_peer in self._peers.values() for each in of_peer]:
            connection.check(now_s)
        self._checking = self._loop.call_later(CHECK_S, self._check_all)


def _turned_away(what: str, peer: object) -> None:
    web.REFUSALS.labels("connections").inc()
    log.warning("more connections than there may be: " + what, peer)


def _refuse(accepted: socket.socket) -> None:
    with contextlib.suppress(OSError):
        accepted.recv(65_536)  # with unread data the kernel would reset the connection before the answer is read
    with contextlib.suppress(OSError):
        accepted.send(FULL)
    accepted.close()


def peer_of(address: tuple[Any, ...]) -> str:
    """The address that a connection counts for; in IPv6 the network of 64 bits that one host is given."""
    host = ip_address(address[0])
    if isinstance(host, IPv4Address):
        return str(host)
    return str(host.ipv4_mapped or IPv6Address(int(host) >> 64 << 64))
