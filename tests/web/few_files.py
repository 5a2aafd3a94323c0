"""A server that may have few files: opens all that are left on SIGUSR1, and closes them on SIGUSR2."""

import asyncio
import os
import resource
import signal

from streams.web.connections import limits
from streams.web.server import Server, listen
from tests.web.test_connections import hello

FILES = 64


async def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    taken: list[int] = []

    def fill() -> None:
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            os.write(1, b"full\n")

    def free() -> None:
        while taken:
            os.close(taken.pop())

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, fill)
    loop.add_signal_handler(signal.SIGUSR2, free)
    listening = listen("127.0.0.1", 0)
    os.write(1, b"%d %d\n" % (limits().total, listening.getsockname()[1]))
    await Server(hello, limits()).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main())
