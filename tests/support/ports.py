"""Free loopback ports for servers that tests start."""

import random
import socket

_BELOW_CLIENTS = range(10_000, 32_000)
"""Below the ports that the system gives to clients: a connection of another test could take one of those between the
choice and the server's own bind."""

_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, never the same twice in this process."""
    while True:
        port = random.SystemRandom().choice(_BELOW_CLIENTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
