"""The real worker with its web, in this process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from streams import pack_files
from streams.app import App, create
from streams.settings import Settings
from streams.web import tokens
from streams.web.server import Web, listen
from tests.runtime.support import LONG_S, PARTITIONS, sent, ticks, until
from tests.support.kafka import produce

PACK = Path(__file__).with_name("late.yaml")
"""One rule: `late.ship`, info 24 h before 72 h have passed, warning 6 h before, critical then."""


class Worker:
    """A running worker, its web, and a client that has the token if there is one."""

    def __init__(self, app: App, web: Web, client: httpx.AsyncClient) -> None:
        self.app, self.web, self.client = app, web, client
        self.prefix = app.settings.topic_prefix
        self.bootstrap = app.settings.broker.removeprefix("kafka://")

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def items(self, path: str) -> list[Any]:
        found: list[Any] = (await self.get(path))["items"]
        return found

    async def listed(self, path: str, condition: Callable[[list[Any]], Any] = bool) -> list[Any]:
        """A list, once it is as wanted."""

        async def found() -> list[Any] | None:
            items = await self.items(path)
            return items if condition(items) else None

        items: list[Any] = await until(found)
        return items

    async def send(self, *values: bytes, topic: str = "orders") -> None:
        await produce(self.bootstrap, sent(self.prefix, *values, topic=topic))

    async def tick(self, at_ms: int) -> None:
        await produce(self.bootstrap, ticks(self.prefix, at_ms))


@asynccontextmanager
async def working(bootstrap: str, folder: Path, token: str | None = None, port: int = 0) -> AsyncIterator[Worker]:
    """A worker in event time, ready to be asked. Its topics must be there, or appear on first use."""
    settings = Settings(broker=f"kafka://{bootstrap}", clock="event", datadir=folder, token=token)
    app = create(settings, pack_files.load([str(PACK)]), PARTITIONS)
    web = Web(app, listen("127.0.0.1", port), tokens=tokens.load(token, None), beacon=app.beacon)
    app.add_dependency(web)
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=web.address, timeout=LONG_S, headers=headers) as client:
        await app.start()
        try:

            async def ready() -> bool:
                return (await client.get("/health/ready")).status_code == 200

            await until(ready)
            yield Worker(app, web, client)
        finally:
            await app.stop()
