"""`python -m tests.ops.demo_worker PORT SPEED [feed]`: the demo, its metrics on a local port, until stopped."""

import asyncio
import contextlib
import io
import signal
import sys

from prometheus_client import start_http_server

from streams import pack_files
from streams.demo import show


async def main(port: int, speed: float, pushed: bool) -> None:
    start_http_server(port, "127.0.0.1")
    run = show.run(pack_files.load(()), speed=speed, seconds=None, seed=1, out=io.StringIO(), pushed=pushed)
    running = asyncio.ensure_future(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), "feed" in sys.argv[3:]))
